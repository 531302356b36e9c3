package operation

// remove deletes an account. Only directory steps of orchestrations do that: no
// plan of an automation contains it.
var remove = kind{sign: "-", gone: true}
