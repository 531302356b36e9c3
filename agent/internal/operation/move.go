package operation

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// move puts an account into another container, under another name if need be.
var move = kind{
	inverse: ident.ClassMove, holds: placed, fate: (*since).ofPlace,
	remember: func(link *ident.Link, op ident.Operation, _ time.Time) {
		if op.Leaves {
			link.Off = ""
		}
		moved(link, op, link.Missing())
	},
}

// placed reports whether an account is where the operation puts it.
func placed(now ident.Entry, op ident.Operation) bool {
	return op.To == "" || now.DN.EqualFold(op.To)
}

// ofPlace reports whether the account is where the operation puts it or, if
// not, still where the operation takes it from.
func (s *since) ofPlace(i int) (Fate, error) {
	if s.placed(i) {
		return AsPlanned, nil
	}
	return s.leaves(s.change.Operations[i]), nil
}

// placed reports whether the account is where the operation would put it, or
// where later operations of the same change have put it since.
func (s *since) placed(i int) bool {
	op, now := s.change.Operations[i], s.entry.DN
	if op.To == "" {
		return true
	}
	later := slices.ContainsFunc(s.change.Operations[i+1:], func(next ident.Operation) bool {
		return next.To != "" && next.To.EqualFold(now) && next.To.Name() == now.Name()
	})
	if op.Class == ident.ClassRename { // a move that was not held keeps the old name
		return now.Name() == op.To.Name() && (later || now.Parent().EqualFold(op.To.Parent()))
	}
	return later || now.EqualFold(op.To)
}

// leaves reports whether the account is still where the operation takes it
// from. A held operation also starts after the held ones before it; whether
// that place is right is checked when they are approved.
func (s *since) leaves(op ident.Operation) Fate {
	if op.To == "" || op.Verdict != ident.VerdictApply {
		return Fate{}
	}
	if !s.at.EqualFold(op.From) {
		return Fate{Why: fmt.Sprintf("the account has been moved or renamed since the plan was made: expected %s, found %s", op.From, s.at)}
	}
	s.at = op.To
	return Fate{}
}
