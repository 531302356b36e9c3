package operation

// remove stands for the deletion of accounts, of which this version knows no
// more than how it reads: no plan has one, and none is carried out.
var remove = kind{sign: "-", unsupported: true}
