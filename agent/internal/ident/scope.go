package ident

import "slices"

// Scope lists the containers below which rollcall may change objects. The
// containers themselves are outside, and so is everything when there are none.
type Scope []DN

// Holds reports whether the object at dn may be changed as far as its place
// goes: it lies below one of the containers.
func (s Scope) Holds(dn DN) bool { return s.Takes(dn.Parent()) }

// Takes reports whether objects directly in container may be changed: it is one
// of the scope's containers or lies below one.
func (s Scope) Takes(container DN) bool { return slices.ContainsFunc(s, container.Under) }
