package ident

import "slices"

// Scope lists the containers below which rollcall may change objects. The
// containers themselves are outside of the scope. When the list is empty,
// everything is.
type Scope []DN

// Holds reports whether the place of the object at dn allows a change: it lies
// below one of the containers.
func (s Scope) Holds(dn DN) bool { return s.Takes(dn.Parent()) }

// Takes reports whether objects directly in container may be changed: it is one
// of the scope's containers or lies below one.
func (s Scope) Takes(container DN) bool { return slices.ContainsFunc(s, container.Under) }
