package operation

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// Inverse returns the operation that undoes op, using the old values and the
// old place that op contains. It expects the account as op left it. It returns
// false if no operation can undo op, or if op does not contain enough. The
// caller sets Reason, Verdict, After and Digest.
func Inverse(op ident.Operation) (ident.Operation, bool) {
	k := of(op.Class)
	if k.inverse == "" || op.From == "" && op.To != "" {
		return ident.Operation{}, false
	}
	back := ident.Operation{Class: k.inverse, From: op.To, To: op.From}
	for _, ch := range op.Attributes {
		if ch.Reference {
			ch = backwards(ch)
		}
		ch.Old, ch.New, ch.Add = allValues(ch), ch.Old, false
		back.Attributes = append(back.Attributes, ch)
	}
	return back, true
}
