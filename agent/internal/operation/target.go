package operation

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// Target says where an operation puts an account. Empty fields change nothing.
// The DNs follow once it is known where the account is at that time.
type Target struct {
	Container ident.DN // "" is the one where the account is
	Name      string   // the common name; "" is the one that the account has
}

// Reach returns the DN of an account at from after an operation of the class.
func (t Target) Reach(class ident.Class, from ident.DN) ident.DN {
	if MakesAccount(class) {
		return t.Container.Child(t.Name)
	}
	to := from
	if t.Name != "" {
		to = to.Parent().Child(t.Name)
	}
	if t.Container != "" {
		to = ident.DN(to.RDN()) + "," + t.Container
	}
	return to
}

// Ends returns the From and To of an operation of the class for an account at
// from. Both are empty if the account stays there. An operation that makes a
// link has no From, and its To says where the account is.
func (t Target) Ends(class ident.Class, from ident.DN) (ident.DN, ident.DN) {
	switch {
	case MakesLink(class):
		return "", t.Reach(class, from)
	case t == (Target{}):
		return "", ""
	}
	return from, t.Reach(class, from)
}

// Gains returns the values that an operation gives to an account, by attribute
// in lower case. Binary values are left out.
func Gains(op ident.Operation) ident.Attributes {
	out := ident.Attributes{}
	for _, ch := range op.Attributes {
		if !ch.Binary {
			out.Set(ch.Name, ch.New...)
		}
	}
	if op.To != "" {
		out.Set("cn", op.To.Name())
	}
	return out
}
