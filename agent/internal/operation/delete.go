package operation

// remove describes the deletion of accounts. This version only knows how to
// display it: no plan contains one, and none is carried out.
var remove = kind{sign: "-", unsupported: true}
