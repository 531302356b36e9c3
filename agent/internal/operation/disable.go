package operation

import (
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// disable disables an account: of a missing key, which is then moved if it has to go
// elsewhere, or of a person who has left by disable_when, which stays where it is.
var disable = kind{
	sign: "-", halves: true, inverse: ident.ClassEnable, fate: (*since).ofState,
	holds: func(now ident.Entry, op ident.Operation) bool { return disabled(now) && placed(now, op) },
	remember: func(link *ident.Link, op ident.Operation, at time.Time) {
		if link.MissingSince == nil {
			link.MissingSince = &at
		}
		link.Off = op.Off
		moved(link, op, op.Off == "")
	},
}

// ofState reports whether an account already has the state and the place that
// an enable or a disable would give it.
func (s *since) ofState(i int) (Fate, error) {
	op := s.change.Operations[i]
	off, known := s.entry.Disabled()
	is := known && off == (op.Class == ident.ClassDisable)
	switch {
	case is && s.placed(i):
		return AsPlanned, nil
	case is:
		return Fate{Why: fmt.Sprintf("the account is %sd already, and not where this would move it: it is %s", op.Class, s.entry.DN)}, nil
	}
	return s.leaves(op), nil
}

func disabled(now ident.Entry) bool {
	is, _ := now.Disabled()
	return is
}
