package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// accept turns into a note what a person has accepted as it is. The cause is part
// of what was accepted: another cause needs a person again.
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
