package plan

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// Limit is how many operations of a class are allowed in 24 hours: the larger
// of Count and Percent of the links. The zero Limit allows none.
type Limit struct {
	Count     int
	Percent   float64 // of the highest number of links in seven days, rounded down
	Unlimited bool
}

// String writes the limit as the configuration does: "100", "5%", "none", or
// "5% or 5" for the larger of both.
func (l Limit) String() string {
	percent := strconv.FormatFloat(l.Percent, 'f', -1, 64) + "%"
	switch {
	case l.Unlimited:
		return "none"
	case l.Percent > 0 && l.Count > 0:
		return percent + " or " + strconv.Itoa(l.Count)
	case l.Percent > 0:
		return percent
	}
	return strconv.Itoa(l.Count)
}

// DefaultLimits are the limits of classes that the configuration does not
// mention. A percentage comes with a count, so that five people can be worked
// with too.
func DefaultLimits() map[ident.Class]Limit {
	none := Limit{Unlimited: true}
	return map[ident.Class]Limit{
		ident.ClassLink: none, ident.ClassAdopt: none, ident.ClassCreate: none, ident.ClassEnable: none,
		ident.ClassRename: none, ident.ClassMove: none, ident.ClassGroups: none,
		ident.ClassUpdate:  {Count: 5, Percent: 50},
		ident.ClassDisable: {Count: 5, Percent: 5},
		ident.ClassDelete:  {},
	}
}

// DefaultSourceShrink is the limit when the configuration does not mention it.
func DefaultSourceShrink() Limit { return Limit{Percent: 20} }

// of returns how many the limit allows of a whole; -1 is unlimited.
func (l Limit) of(whole int) int {
	if l.Unlimited {
		return -1
	}
	const rounding = 1e-9 // 29 % of 100 is 28.999999999999996
	return max(l.Count, int(math.Floor(l.Percent*float64(whole)/100+rounding)))
}

// judge gives verdicts and keeps the account of the limits.
type judge struct {
	set    Settings
	hist   History
	doubt  doubts
	states map[ident.Class]*ident.LimitState
}

// doubts say why nothing may follow from a missing key, why not from one that
// is reported as deleted, and why no account may be created; "" when it may.
type doubts struct{ missing, deleted, created string }

func (d doubts) about(op *operation) string {
	switch {
	case op.Class == ident.ClassCreate:
		return d.created
	case !op.missing:
		return ""
	case op.deleted:
		return d.deleted
	}
	return d.missing
}

// newJudge starts the account of the limits. Accounts that this plan links by
// itself count as linked where something is done to them: five changes are not
// all that may follow from five hundred adoptions.
func newJudge(set Settings, hist History, doubt doubts, linking int) *judge {
	j := &judge{set: set, hist: hist, doubt: doubt, states: map[ident.Class]*ident.LimitState{}}
	limits := DefaultLimits()
	maps.Copy(limits, set.Limits)
	links := max(hist.PeakLinks, hist.CurrentLinks)
	for class, l := range limits {
		base := max(links, hist.CurrentLinks+linking)
		if class == ident.ClassDisable || class == ident.ClassDelete {
			base = links
		}
		j.states[class] = &ident.LimitState{
			Class: class, Limit: l.String(),
			Allowed: l.of(base), Used: hist.Used[class],
		}
	}
	return j
}

// doubtful says why the delivery does not prove that anybody is missing. Whom it
// left out is then held, and whom it reports as deleted when that makes it so
// much smaller.
//
// It is compared with the last one and with the links, of which those do not
// count that are missing without any consequence: the leavers of former years.
// Of keys that came more than once only one counts, and as many copies as
// leavers look like one page that was sent in place of another. A delivery of
// changes is as small as it likes: of it, only the deletions count.
func (b *Builder) doubtful(d Delivery) doubts {
	settled := b.counts.Missing - b.leaving
	before := max(b.hist.CurrentLinks-settled, b.hist.LastDelivered)
	keys := len(b.seen) + len(b.keyless) + d.Skipped
	if d.ChangesOnly {
		before = b.hist.CurrentLinks
		keys = before - b.reported
	}
	allowed := b.set.SourceShrink.of(before)
	switch {
	case allowed >= 0 && before-keys > allowed:
		why := fmt.Sprintf("source_shrink is %s: %s instead of %d", b.set.SourceShrink, count(keys, "record", "records"), before)
		if d.ChangesOnly {
			why = fmt.Sprintf("source_shrink is %s: %d of %d reported as deleted", b.set.SourceShrink, b.reported, before)
		}
		return doubts{missing: why, deleted: why}
	case b.copies > 0 && b.copies >= b.leaving-b.reported:
		return doubts{missing: count(b.copies, "record came twice; it may stand", "records came twice; they may stand") + " in the place of those that are missing"}
	}
	return doubts{}
}

// account lists the state of each limit in the order of classes.
func (j *judge) account() []ident.LimitState {
	var out []ident.LimitState
	for _, class := range ident.Classes {
		if class != ident.ClassLink {
			out = append(out, *j.states[class])
		}
	}
	return out
}

// change judges the operations of one change and writes their DNs down. Of
// each class the first ones that the limit leaves are applied, in the order in
// which changes come here; the rest is held.
//
// Operations apply in order, so each starts where those before it leave the
// object: an applied one after the applied ones; a held one after the applied
// and the held ones, because they are approved together. After a rename from
// CN=A to CN=B that is held, an applied move goes from CN=A to CN=A elsewhere.
func (j *judge) change(c *change) {
	at, approved := c.entry.DN, c.entry.DN
	linking := c.linking()
	for _, op := range c.ops {
		op.Digest = c.identify(op, at)
		if op == linking {
			op.Digest = c.linkingDigest()
		}
		if linking != nil && op != linking && linking.Verdict != ident.VerdictApply {
			op.Verdict, op.Earlier = linking.Verdict, linking.Earlier
			op.Reason += waitsFor(linking.Class)
		} else {
			j.verdict(c.key, op)
		}
		at, approved = op.settle(at, approved)
	}
}

// linkingDigest is the digest of the operation that makes the link of a change,
// with what follows from it as if all were applied; "" when there is none.
func (c *change) linkingDigest() string {
	linking := c.linking()
	if linking == nil {
		return ""
	}
	at := linking.leaves(c.entry.DN)
	var digests []string
	for _, op := range c.ops[1:] {
		digests = append(digests, c.identify(op, at))
		at = op.leaves(at)
	}
	return c.identify(linking, c.entry.DN, digests...)
}

// place writes down the DNs of the operations anew, by their verdicts.
func (c *change) place() {
	at, approved := c.entry.DN, c.entry.DN
	for _, op := range c.ops {
		at, approved = op.settle(at, approved)
	}
}

// settle writes down the DNs of an operation, and returns where the object is
// afterwards: by what is applied, and once what is held is approved.
func (op *operation) settle(at, approved ident.DN) (ident.DN, ident.DN) {
	from := at
	if op.Verdict == ident.VerdictHold {
		from = approved
	}
	op.place(from)
	switch op.Verdict {
	case ident.VerdictApply:
		return op.leaves(at), op.leaves(approved)
	case ident.VerdictHold:
		return at, op.leaves(approved)
	}
	return at, approved
}

// verdict judges one operation.
func (j *judge) verdict(key ident.Key, op *operation) {
	op.Verdict = ident.VerdictApply
	if op.Class == ident.ClassLink {
		return
	}
	if j.hist.Decided != nil {
		if run, result, ok := j.hist.Decided(key, op.Class, op.Digest); ok {
			op.Verdict = ident.VerdictDecided
			if result == ident.ResultRejected {
				op.Verdict = ident.VerdictRejected
			}
			op.Earlier = run
			op.Reason += "; " + decided(run, result)
			return
		}
	}
	st := j.states[op.Class]
	st.Planned++
	why, verdict := j.against(op, st)
	if why == "" {
		return
	}
	op.Verdict = verdict
	op.Reason += "; " + why
	st.Over++
}

// decided reports whether an earlier run holds the same, or a person has said no
// to it.
func (j *judge) decided(key ident.Key, op *operation) bool {
	if j.hist.Decided == nil {
		return false
	}
	run, result, ok := j.hist.Decided(key, op.Class, op.Digest)
	if !ok {
		return false
	}
	op.Verdict = ident.VerdictDecided
	if result == ident.ResultRejected {
		op.Verdict = ident.VerdictRejected
	}
	op.Reason += "; " + decided(run, result)
	return true
}

// against says what stands against applying an operation now.
func (j *judge) against(op *operation, st *ident.LimitState) (why string, verdict ident.Verdict) {
	over, word := ident.VerdictHold, "held"
	if j.set.Approval == ApprovalNever {
		over, word = ident.VerdictRefuse, "refused"
	}
	switch {
	case op.hold != "":
		return op.hold, ident.VerdictHold
	case j.doubt.about(op) != "":
		st.Reason = j.doubt.about(op)
		return word + ": " + st.Reason, over
	case j.set.Approval == ApprovalAlways:
		return "held: approval is always", ident.VerdictHold
	case st.Allowed >= 0 && st.Used+st.Planned-st.Over > st.Allowed:
		st.Reason = fmt.Sprintf("%s allowed in 24 hours, %d of them used before this run", count(st.Allowed, "is", "are"), st.Used)
		return fmt.Sprintf("%s: over the limit for %s of %s (%s)", word, op.Class, st.Limit, st.Reason), over
	}
	return "", ""
}

// Relimit judges a saved plan by what earlier runs have done since it was made:
// an operation that it would apply may be held or refused now, but not the
// other way round, and what is held by now, or was rejected, is not asked again.
// DNs stay as they stand.
func Relimit(set Settings, hist History, p ident.Plan) ident.Plan {
	j := newJudge(withDefaults(set), hist, doubts{}, linkedBy(p))
	judged := make([]*change, len(p.Changes))
	for i, c := range p.Changes {
		judged[i] = &change{key: c.Key}
		waits := false
		for _, was := range c.Operations {
			op := &operation{Operation: was}
			switch {
			case op.Verdict == ident.VerdictHold:
				j.decided(c.Key, op)
			case op.Verdict != ident.VerdictApply:
			case waits:
				op.Verdict, op.Earlier = judged[i].ops[0].Verdict, judged[i].ops[0].Earlier
				op.Reason += waitsFor(c.Operations[0].Class)
			default:
				j.verdict(c.Key, op)
			}
			judged[i].ops = append(judged[i].ops, op)
			waits = waits || ops.MakesLink(op.Class) && op.Verdict != ident.VerdictApply
		}
	}
	j.together(judged)
	changes := slices.Clone(p.Changes)
	for i, c := range judged {
		changes[i].Operations = make([]ident.Operation, len(c.ops))
		for k, op := range c.ops {
			changes[i].Operations[k] = op.Operation
		}
	}
	p.Changes, p.Limits = changes, j.account()
	return p
}

// linkedBy counts the accounts that a saved plan links by itself.
func linkedBy(p ident.Plan) int {
	n := 0
	for _, c := range p.Changes {
		if op := c.Operations[0]; ops.MakesLink(op.Class) && op.Class != ident.ClassCreate && op.Verdict == ident.VerdictApply {
			n++
		}
	}
	return n
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

func (op *operation) target() ops.Target { return ops.Target{Container: op.parent, Name: op.cn} }

// leaves returns where an object at from is after the operation.
func (op *operation) leaves(from ident.DN) ident.DN { return op.target().Reach(op.Class, from) }

// place writes down the DNs of an operation on an object at from.
func (op *operation) place(from ident.DN) { op.From, op.To = op.target().Ends(op.Class, from) }

// identify returns the digest of an operation on the object of the change,
// which is at a place by then.
func (c *change) identify(op *operation, at ident.DN, followers ...string) string {
	return ops.Identify(op.Operation, ops.Account{Key: c.key, GUID: c.entry.GUID, DN: at}, op.target(), followers...)
}

// inOrder sorts the operations of a change by the order of application.
func (c *change) inOrder() {
	slices.SortStableFunc(c.ops, func(a, b *operation) int {
		return slices.Index(ident.Classes, a.Class) - slices.Index(ident.Classes, b.Class)
	})
}
