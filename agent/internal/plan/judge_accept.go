package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// accept turns what a person has accepted into a note. The acceptance covers
// only the same cause: another cause needs a person again.
func (j *judge) accept() {
	if j.hist.Accepted == nil {
		return
	}
	var open []ident.QuarantineItem
	for _, q := range j.draft.attention {
		by, ok := j.hist.Accepted(q)
		if !ok {
			open = append(open, q)
			continue
		}
		j.draft.accepted = append(j.draft.accepted, q)
		j.draft.note(q.Key, q.Name, "%s (accepted by %s)", q.Cause, by)
	}
	j.draft.attention = open
}
