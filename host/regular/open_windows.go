package regular

// withoutWaiting is nothing here: named pipes have a name space of their own
// and do not lie in folders.
const withoutWaiting = 0
