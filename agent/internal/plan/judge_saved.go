package plan

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// Relimit judges a saved plan by what other runs have done since it was made.
// It may hold or refuse an operation that the plan would apply, never the
// reverse. It does not ask again about what another run holds by now or a
// person has rejected. DNs stay as they are.
func Relimit(set Settings, hist History, p ident.Plan) ident.Plan {
	set = withDefaults(set)
	lim := newLimiter(&set, &hist, doubts{}, linkedBy(p))
	judged := make([]*change, len(p.Changes))
	for i, c := range p.Changes {
		judged[i] = &change{key: c.Key}
		waits := false
		for _, was := range c.Operations {
			op := &operation{Operation: was}
			switch {
			case op.Verdict == ident.VerdictHold:
				lim.decided(c.Key, op)
			case op.Verdict != ident.VerdictApply:
			case waits:
				op.Verdict, op.Earlier = judged[i].ops[0].Verdict, judged[i].ops[0].Earlier
				op.Reason += waitsFor(c.Operations[0].Class)
			default:
				lim.verdict(judged[i], op)
			}
			judged[i].ops = append(judged[i].ops, op)
			waits = waits || ops.MakesLink(op.Class) && op.Verdict != ident.VerdictApply
		}
	}
	lim.together(judged)
	changes := slices.Clone(p.Changes)
	for i, c := range judged {
		changes[i].Operations = make([]ident.Operation, len(c.ops))
		for k, op := range c.ops {
			changes[i].Operations[k] = op.Operation
		}
	}
	p.Changes, p.Limits = changes, lim.account()
	return p
}

// linkedBy counts the accounts that a saved plan links without approval.
func linkedBy(p ident.Plan) int {
	n := 0
	for _, c := range p.Changes {
		if op := c.Operations[0]; ops.MakesLink(op.Class) && op.Class != ident.ClassCreate && op.Verdict == ident.VerdictApply {
			n++
		}
	}
	return n
}
