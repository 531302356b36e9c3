package regular

// withoutWaiting is 0: on Windows named pipes have a separate name space and
// never lie in folders.
const withoutWaiting = 0
