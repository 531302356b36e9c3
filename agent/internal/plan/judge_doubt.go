package plan

import (
	"cmp"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// doubts says what must not follow from the delivery, and records whether the
// delivery is trusted. judged is true if the missing keys were decided about.
func (j *judge) doubts(d Delivery, judged bool) doubts {
	doubt := j.doubtful(d)
	doubt.created = j.strangeKeys(judged && j.set.Missing.Action != MissingKeep)
	doubt.missing = cmp.Or(doubt.missing, doubt.created)
	doubt.deleted = cmp.Or(doubt.deleted, doubt.created)
	doubt.all = d.Held
	j.draft.believed = doubt == doubts{} && d.Complete && d.Doubt == "" && len(j.draft.keyless) == 0 && j.draft.counts.Delivered > 0
	return doubt
}

// doubtOf says why a person must look at the delivery; "" if nobody must.
// There are two reasons: nobody counts as missing although the automation
// would act on that, or something that follows from the delivery is held or
// refused. Once a person has rejected all of that, there is nothing left to
// look at.
func (j *judge) doubtOf(d Delivery, nobody string, doubt doubts, changes []*change) string {
	if !d.ChangesOnly && nobody != "" && (j.expectsEverybody() || j.emptied()) {
		return nobody
	}
	for _, c := range changes {
		for _, op := range c.ops {
			switch op.Verdict {
			case ident.VerdictHold, ident.VerdictRefuse, ident.VerdictDecided:
				if why := doubt.about(op); why != "" {
					return why
				}
			case ident.VerdictApply, ident.VerdictRejected:
			}
		}
	}
	return ""
}

// expectsEverybody reports whether the automation acts on missing keys.
func (j *judge) expectsEverybody() bool {
	return j.set.Action == ActionLifecycle && j.set.Missing.Action != MissingKeep
}

// emptied reports whether an application that used to deliver people now
// delivers none. Nothing is done for anybody then, whatever the action.
func (j *judge) emptied() bool {
	return j.draft.counts.Delivered == 0 && cmp.Or(j.hist.CurrentLinks, j.hist.LastDelivered) > 0
}

// doubts say why nothing may follow from a key that was not delivered, or from
// one that is reported as deleted, why no account may be created, and why
// nothing may follow at all. "" allows it.
type doubts struct{ missing, deleted, created, all string }

// about returns the doubt that applies to an operation.
func (d doubts) about(op *operation) string {
	switch {
	case d.all != "":
		return d.all
	case op.Class == ident.ClassCreate:
		return d.created
	case !op.missing:
		return ""
	case op.deleted:
		return d.deleted
	}
	return d.missing
}

// doubtful says why the delivery does not prove that anybody is missing: it is
// much smaller than before, or a part of it came twice. Then everything that
// follows from absent keys is held. If the delivery is too small, everything
// that follows from its reported deletions is held too.
//
// The size is compared with the last delivery and with the links. Links
// already handled as missing in earlier years are not counted. A key that came
// more than once counts once; as many copies as leavers look like one page
// that was sent in place of another. A delivery of changes may be small: only
// its deletions are counted.
func (j *judge) doubtful(d Delivery) doubts {
	handled := j.draft.counts.Missing - j.draft.leaving
	before := max(j.hist.CurrentLinks-handled, j.hist.LastDelivered)
	keys := len(j.draft.keys.seen) + len(j.draft.keyless) + d.Skipped
	if d.ChangesOnly {
		before = j.hist.CurrentLinks
		keys = before - j.draft.reported
	}
	allowed := j.set.SourceShrink.Of(before)
	switch {
	case allowed >= 0 && before-keys > allowed:
		why := fmt.Sprintf("source_shrink is %s: %s instead of %d", j.set.SourceShrink, count(keys, "record", "records"), before)
		if d.ChangesOnly {
			why = fmt.Sprintf("source_shrink is %s: %d of %d reported as deleted", j.set.SourceShrink, j.draft.reported, before)
		}
		return doubts{missing: why, deleted: why}
	case j.draft.keys.copies > 0 && j.draft.keys.copies >= j.draft.leaving-j.draft.reported:
		twice := count(j.draft.keys.copies, "record came twice; it may stand", "records came twice; they may stand")
		return doubts{missing: twice + " in the place of those that are missing"}
	}
	return doubts{}
}

// strangeKeys says that too many of the linked keys were not delivered,
// however many other keys were; "" if that is not so. Links that earlier runs
// have handled are not counted: their account was disabled or, if the
// automation does not act on missing keys, the last delivery lacked the key
// too. acted is true if it does act on them.
func (j *judge) strangeKeys(acted bool) string {
	absent := 0
	for _, link := range j.draft.known.absent {
		c, changes := j.draft.changes[link.Key]
		follows := changes && len(c.ops) > 0 && c.ops[0].missing && c.ops[0].Class != ident.ClassGroups // who was disabled before
		if follows || !acted && link.Delivered && !link.Missing() {
			absent++
		}
	}
	handled := len(j.draft.known.absent) - absent
	all := max(j.draft.known.delivered+absent, j.hist.CurrentLinks-handled)
	allowed := j.set.SourceShrink.Of(all)
	// One key out of several may leave, even in a company of three.
	if j.set.SourceShrink.Percent > 0 && all > 1 {
		allowed = max(allowed, 1)
	}
	if j.set.SourceShrink.Unlimited || absent <= allowed {
		return ""
	}
	return fmt.Sprintf("source_shrink is %s: %d of %s not among those delivered",
		j.set.SourceShrink, absent, count(all, "linked key is", "linked keys are"))
}
