package plan

import (
	"fmt"
	"maps"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// limiter gives each operation its verdict and keeps count of the limits.
type limiter struct {
	set    *Settings
	hist   *History
	doubt  doubts
	states map[ident.Class]*ident.LimitState
}

// newLimiter sets up the counts of the limits. A percentage also counts the
// accounts that this plan links, since five hundred adoptions may lead to more
// than five updates. For disable and delete it does not.
func newLimiter(set *Settings, hist *History, doubt doubts, linking int) *limiter {
	lim := &limiter{set: set, hist: hist, doubt: doubt, states: map[ident.Class]*ident.LimitState{}}
	limits := DefaultLimits()
	maps.Copy(limits, set.Limits)
	links := max(hist.PeakLinks, hist.CurrentLinks)
	for class, l := range limits {
		base := max(links, hist.CurrentLinks+linking)
		if class == ident.ClassDisable || class == ident.ClassDelete {
			base = links
		}
		lim.states[class] = &ident.LimitState{
			Class: class, Limit: l.String(),
			Allowed: l.Of(base), Used: hist.Used[class],
		}
	}
	updates := lim.states[ident.ClassUpdate]
	updates.Used += hist.Used[ident.ClassReferences]
	lim.states[ident.ClassReferences] = updates
	return lim
}

// account lists the state of each limit in the order of classes.
func (lim *limiter) account() []ident.LimitState {
	var out []ident.LimitState
	for _, class := range ident.Classes {
		if class != ident.ClassLink && class != ident.ClassReferences {
			out = append(out, *lim.states[class])
		}
	}
	return out
}

// change judges the operations of one change and sets their DNs, except for its
// references, which depend on the verdicts about other accounts. For each
// class, the first operations within the limit are applied, in the order in
// which changes come here; the rest is held.
//
// Operations apply in order, so each starts where those before it leave the
// object. An applied operation starts after the applied ones; a held one
// starts after the applied and the held ones, because they are approved
// together. For example, after a held rename from CN=A to CN=B, an applied
// move goes from CN=A to CN=A elsewhere.
func (lim *limiter) change(c *change) {
	at, approved := c.entry.DN, c.entry.DN
	linking := c.linking()
	for _, op := range c.ops {
		if op.Class == ident.ClassReferences {
			continue
		}
		op.Digest = c.identify(op, at)
		if op == linking {
			op.Digest = c.linkingDigest()
		}
		lim.within(c, op)
		at, approved = op.locate(at, approved)
	}
}

// references judges the references of a change.
func (lim *limiter) references(c *change) {
	if op := c.first(ident.ClassReferences); op != nil {
		op.Digest = c.identify(op, "")
		lim.within(c, op)
	}
}

// within judges one operation of a change, which waits for the link of its account.
func (lim *limiter) within(c *change, op *operation) {
	linking := c.linking()
	if linking != nil && op != linking && linking.Verdict != ident.VerdictApply {
		op.Verdict, op.Earlier = linking.Verdict, linking.Earlier
		op.Reason += waitsFor(linking.Class)
		return
	}
	lim.verdict(c, op)
}

// verdict judges one operation. References of an account that this run creates count
// with the creation, as its other values do.
func (lim *limiter) verdict(c *change, op *operation) {
	op.Verdict = ident.VerdictApply
	if op.Class == ident.ClassLink {
		return
	}
	if lim.decided(c.key, op) {
		return
	}
	linking := c.linking()
	if op.Class == ident.ClassReferences && linking != nil && linking.Class == ident.ClassCreate {
		return
	}
	st := lim.states[op.Class]
	st.Planned++
	why, verdict := lim.against(op, st)
	if why == "" {
		return
	}
	op.Verdict = verdict
	op.Reason += "; " + why
	st.Over++
}

// decided reports whether an earlier run holds the same operation or a person
// has rejected it. If so, the operation gets that verdict.
func (lim *limiter) decided(key ident.Key, op *operation) bool {
	if lim.hist.Decided == nil {
		return false
	}
	run, result, ok := lim.hist.Decided(key, op.Class, op.Digest)
	if !ok {
		return false
	}
	op.Verdict, op.Earlier = ident.VerdictDecided, run
	if result == ident.ResultRejected {
		op.Verdict = ident.VerdictRejected
	}
	op.Reason += "; " + decided(run, result)
	return true
}

// against says why an operation must not be applied now.
func (lim *limiter) against(op *operation, st *ident.LimitState) (why string, verdict ident.Verdict) {
	over, word := ident.VerdictHold, "held"
	if lim.set.Approval == ApprovalNever {
		over, word = ident.VerdictRefuse, "refused"
	}
	switch {
	case op.hold != "":
		return op.hold, ident.VerdictHold
	case lim.doubt.about(op) != "":
		st.Reason = lim.doubt.about(op)
		return word + ": " + st.Reason, over
	case lim.set.Approval == ApprovalAlways:
		return "held: approval is always", ident.VerdictHold
	case st.Allowed >= 0 && st.Used+st.Planned-st.Over > st.Allowed:
		st.Reason = fmt.Sprintf("%s allowed in 24 hours, %d of them used before this run", count(st.Allowed, "is", "are"), st.Used)
		return fmt.Sprintf("%s: over the limit for %s of %s (%s)", word, st.Class, st.Limit, st.Reason), over
	}
	return "", ""
}

func decided(run int64, result ident.Result) string {
	switch result {
	case ident.ResultHeld:
		return fmt.Sprintf("held since run %d: rollcall approve %d, or reject %d", run, run, run)
	case ident.ResultRejected:
		return fmt.Sprintf("rejected in run %d", run)
	default:
		return fmt.Sprintf("%s in run %d", result, run)
	}
}
