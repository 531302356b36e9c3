package plan

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Limit is how many operations of a class are allowed in 24 hours: the larger
// of Count and Percent of the links. The zero Limit allows none.
type Limit struct {
	Count     int
	Percent   float64 // of the highest number of links in seven days, rounded down
	Unlimited bool
	Text      string // as configured, for people
}

// DefaultLimits are the limits of classes that the configuration does not
// mention. A percentage comes with a count, so that five people can be worked
// with too.
func DefaultLimits() map[ident.Class]Limit {
	none := Limit{Unlimited: true, Text: "none"}
	return map[ident.Class]Limit{
		ident.ClassLink: none, ident.ClassAdopt: none, ident.ClassCreate: none, ident.ClassEnable: none,
		ident.ClassRename: none, ident.ClassMove: none, ident.ClassGroups: none,
		ident.ClassUpdate:  {Count: 5, Percent: 50, Text: "50% or 5"},
		ident.ClassDisable: {Count: 5, Percent: 5, Text: "5% or 5"},
		ident.ClassDelete:  {Text: "0"},
	}
}

// DefaultSourceShrink is the limit when the configuration has none: 20 %.
func DefaultSourceShrink() Limit { return Limit{Percent: 20, Text: "20%"} }

// of returns how many the limit allows of a whole; -1 is unlimited.
func (l Limit) of(whole int) int {
	if l.Unlimited {
		return -1
	}
	const rounding = 1e-9 // 29 % of 100 is 28.999999999999996
	return max(l.Count, int(math.Floor(l.Percent*float64(whole)/100+rounding)))
}

// judge is the state of the limits while verdicts are given.
type judge struct {
	b      *Builder
	shrink string // why no account of a missing key is disabled or moved; "" when it may
	states map[ident.Class]*ident.LimitState
}

func (b *Builder) newJudge() *judge {
	j := &judge{b: b, shrink: b.shrunk(), states: map[ident.Class]*ident.LimitState{}}
	limits := DefaultLimits()
	maps.Copy(limits, b.set.Limits)
	for class, l := range limits {
		j.states[class] = &ident.LimitState{Class: class, Limit: l.Text,
			Allowed: l.of(max(b.hist.PeakLinks, b.hist.CurrentLinks)), Used: b.hist.Used[class]}
	}
	return j
}

// shrunk says by how much the delivery is too small; "" when it is not.
func (b *Builder) shrunk() string {
	before := max(b.hist.CurrentLinks, b.hist.LastDelivered)
	allowed := b.set.SourceShrink.of(before)
	if allowed < 0 || before-b.counts.Delivered <= allowed {
		return ""
	}
	return fmt.Sprintf("source_shrink is %s: %d records instead of %d", b.set.SourceShrink.Text, b.counts.Delivered, before)
}

// verdicts judges every operation, in the order of keys: of each class the
// first ones that the limit leaves are applied, the rest is held.
func (j *judge) verdicts(changes []*change) []ident.LimitState {
	for _, c := range changes {
		var creation *operation
		for _, op := range c.ops {
			op.Digest = digestOf(c, op)
			if creation != nil && creation.Verdict != ident.VerdictApply {
				op.Verdict = creation.Verdict
				op.Reason += "; waits for the account to be created"
				continue
			}
			j.verdict(c, op)
			if op.Class == ident.ClassCreate {
				creation = op
			}
		}
	}
	var out []ident.LimitState
	for _, class := range ident.Classes {
		if class != ident.ClassLink {
			out = append(out, *j.states[class])
		}
	}
	return out
}

func (j *judge) verdict(c *change, op *operation) {
	hist, st := j.b.hist, j.states[op.Class]
	op.Verdict = ident.VerdictApply
	if op.Class == ident.ClassLink {
		return
	}
	if hist.Approved != nil && hist.Approved(c.key, op.Class, op.Digest) {
		op.Reason += "; approved"
		return
	}
	if hist.Decided != nil {
		if run, result, ok := hist.Decided(c.key, op.Class, op.Digest); ok {
			op.Verdict = ident.VerdictDecided
			op.Reason += "; " + decided(run, result)
			return
		}
	}
	st.Planned++
	why, verdict := j.against(op, st)
	if why == "" {
		return
	}
	op.Verdict = verdict
	op.Reason += "; " + why
	st.Over++
}

// against says what stands against applying an operation now.
func (j *judge) against(op *operation, st *ident.LimitState) (why string, verdict ident.Verdict) {
	over, word := ident.VerdictHold, "held"
	if j.b.set.Approval == ApprovalNever {
		over, word = ident.VerdictRefuse, "refused"
	}
	switch {
	case op.hold != "":
		return op.hold, ident.VerdictHold
	case op.missing && j.shrink != "":
		st.Reason = j.shrink
		return word + ": " + j.shrink, over
	case j.b.set.Approval == ApprovalAlways:
		return "held: approval is always", ident.VerdictHold
	case st.Allowed >= 0 && st.Used+st.Planned-st.Over > st.Allowed:
		st.Reason = fmt.Sprintf("%s allowed in 24 hours, %d of them used before this run", count(st.Allowed, "is", "are"), st.Used)
		return fmt.Sprintf("%s: over the limit for %s of %s (%s)", word, op.Class, st.Limit, st.Reason), over
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

// compose writes the DNs down. Operations apply in order, so each starts where
// the applied ones before it leave the object: after a rename to CN=B that is
// applied, a move goes from CN=B here to CN=B there; after one that is held,
// from CN=A here to CN=A there.
func (c *change) compose() {
	at := c.entry.DN
	for _, op := range c.ops {
		switch op.Class {
		case ident.ClassCreate:
			op.To = op.parent.Child(op.cn)
			continue
		case ident.ClassLink, ident.ClassAdopt:
			op.To = at
			continue
		}
		if op.parent == "" && op.cn == "" {
			continue
		}
		op.From, op.To = at, at
		if op.cn != "" {
			op.To = at.Parent().Child(op.cn)
		}
		if op.parent != "" {
			op.To = ident.DN(op.To.RDN()) + "," + op.parent
		}
		if op.Verdict == ident.VerdictApply {
			at = op.To
		}
	}
}

// inOrder sorts the operations of a change by the order of application.
func (c *change) inOrder() {
	slices.SortStableFunc(c.ops, func(a, b *operation) int {
		return slices.Index(ident.Classes, a.Class) - slices.Index(ident.Classes, b.Class)
	})
}
