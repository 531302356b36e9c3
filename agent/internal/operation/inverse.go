package operation

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// Inverse returns the operation that takes op back, from what op tells of the
// account before: the old values and the old place. It expects the account as
// op left it. false says that no operation takes op back, or that op does not
// tell enough. Reason, Verdict, After and Digest are for the caller to set.
func Inverse(op ident.Operation) (ident.Operation, bool) {
	k := of(op.Class)
	if k.inverse == "" || op.From == "" && op.To != "" {
		return ident.Operation{}, false
	}
	back := ident.Operation{Class: k.inverse, From: op.To, To: op.From}
	for _, ch := range op.Attributes {
		ch.Old, ch.New, ch.Add = allValues(ch), ch.Old, false
		back.Attributes = append(back.Attributes, ch)
	}
	return back, true
}
