package operation

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// Target is where an operation puts an account, as far as it changes that. It
// becomes DNs once it is known where the account is by then.
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

// Ends returns the DNs that an operation of the class has as From and To when
// the account is at from: none, when it stays there. What makes a link has no
// From, and tells in To where the account is.
func (t Target) Ends(class ident.Class, from ident.DN) (ident.DN, ident.DN) {
	switch {
	case MakesLink(class):
		return "", t.Reach(class, from)
	case t == (Target{}):
		return "", ""
	}
	return from, t.Reach(class, from)
}

// Gains returns the values that an operation gives an account, by attribute in
// lower case. Binary values are left out.
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
