package plan

import (
	"cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// doubtOf says why the delivery is in doubt, so that a person must look: "" when
// it is not. Either nobody is missing by it although the automation would act
// on that, or what would follow from it is held or refused. Once a person has
// rejected all that would follow, there is nothing left to look at.
func (b *Builder) doubtOf(d Delivery, nobody string, held doubts, changes []*change) string {
	if !d.ChangesOnly && nobody != "" && (b.expectsEverybody() || b.emptied()) {
		return nobody
	}
	for _, c := range changes {
		for _, op := range c.ops {
			switch op.Verdict {
			case ident.VerdictHold, ident.VerdictRefuse, ident.VerdictDecided:
				if why := held.about(op); why != "" {
					return why
				}
			case ident.VerdictApply, ident.VerdictRejected:
			}
		}
	}
	return ""
}

// expectsEverybody reports whether something is done about whoever is missing.
func (b *Builder) expectsEverybody() bool {
	return b.set.Action == ActionLifecycle && b.set.Missing.Action != MissingKeep
}

// emptied reports whether an application has nobody although it had: whatever
// the action, nothing is done for anybody then.
func (b *Builder) emptied() bool {
	return b.counts.Delivered == 0 && cmp.Or(b.hist.CurrentLinks, b.hist.LastDelivered) > 0
}
