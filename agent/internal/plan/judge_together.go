package plan

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// together holds what cannot be applied alone: an operation that takes a value
// whose holder is held, and moving an account aside for nothing. It returns
// the changes that depend on others.
func (lim *limiter) together(changes []*change) []*change {
	bound, follows := bonds(changes)
	var stopped []*operation
	for _, c := range changes {
		for _, op := range c.ops {
			if len(follows[op]) > 0 && op.Verdict != ident.VerdictApply {
				stopped = append(stopped, op)
			}
		}
	}
	for ; len(stopped) > 0; stopped = stopped[1:] {
		for _, op := range follows[stopped[0]] {
			if op.Verdict == ident.VerdictApply {
				lim.follow(op, stopped[0])
				stopped = append(stopped, op)
			}
		}
	}
	return bound
}

// bonds returns the changes that depend on others. For each operation it also
// returns those that cannot be applied without it: the ones that get what it
// gives up, and the one before it that moves the account aside. In a ring all
// lead to the account that is moved aside.
func bonds(changes []*change) (bound []*change, follows map[*operation][]*operation) {
	byKey := make(map[ident.Key]*change, len(changes))
	for _, c := range changes {
		byKey[c.key] = c
	}
	follows = map[*operation][]*operation{}
	for _, c := range changes {
		tied := false
		for _, op := range c.ops {
			for _, step := range op.After {
				if giver := byKey[step.Key].first(step.Class); giver != nil {
					follows[giver] = append(follows[giver], op)
				}
			}
			if first := c.first(op.Class); first != op && first.Aside {
				follows[op] = append(follows[op], first)
			}
			tied = tied || op.Aside || len(op.After) > 0
		}
		if tied {
			bound = append(bound, c)
		}
	}
	return bound, follows
}

// follow gives an operation the verdict of another one that it waits for.
func (lim *limiter) follow(op, other *operation) {
	op.Verdict = ident.VerdictHold
	if other.Verdict == ident.VerdictRefuse {
		op.Verdict = ident.VerdictRefuse
	}
	op.Reason += "; waits for another account to give up a value, which this run does not apply"
	lim.states[op.Class].Over++
}
