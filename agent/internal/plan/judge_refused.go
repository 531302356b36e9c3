package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// dropRefused removes the operations that the directory has refused as a
// whole, with those that depend on them, and reports whether any operation is
// left.
func (j *judge) dropRefused(c *change) bool {
	at := c.entry.DN
	whole := false
	gone := map[ident.Class]bool{}
	linking := c.linking()
	c.ops = slices.DeleteFunc(c.ops, func(op *operation) bool {
		if whole {
			return true
		}
		digest := c.linkingDigest
		if op != linking {
			digest = func() string { return c.identify(op, at) }
		}
		r, wait := j.draft.refused(c.key, ident.RefusedOperation(op.Class), digest)
		switch {
		case !wait:
			at = op.leaves(at)
			return false
		case op == linking:
			whole = true
			j.draft.quarantined[c.key] = item(c.key, c.name, "", r.Cause, cmp.Or(r.Shared, r.Cause), r.Next)
			j.draft.leftOut = append(j.draft.leftOut, j.draft.quarantined[c.key])
		case op.Class == ident.ClassGroups:
			j.draft.attendRefused(c.key, c.name, ident.PartGroups, r)
		default:
			j.draft.attendRefused(c.key, c.name, ident.PartAccount, r)
		}
		gone[op.Class] = true
		return true
	})
	c.drop(gone)
	return len(c.ops) > 0
}

// dropWaiting removes operations that wait for another account to give up a
// value if this plan does not make it do so after all. Operations that wait
// for these are removed in turn, so that in a ring no account is moved aside
// for nothing.
func (j *judge) dropWaiting() {
	waiting := j.waitingForOthers()
	for changed := true; changed; {
		changed = false
		for _, key := range waiting {
			c, planned := j.draft.changes[key]
			if !planned {
				continue
			}
			gone := map[ident.Class]bool{}
			for _, op := range c.ops {
				if holder, waits := j.waitsInVain(op); waits && !gone[op.Class] {
					gone[op.Class] = true
					j.draft.attend(key, c.name, ident.PartAccount,
						fmt.Sprintf("the %s waits for the account of the key %s to give up a value, and that account is not changed", op.Class, holder),
						fmt.Sprintf("see what is said about the key %s", holder))
				}
			}
			if c.drop(gone); len(c.ops) == 0 {
				delete(j.draft.changes, key)
			}
			changed = changed || len(gone) > 0
		}
	}
}

// waitingForOthers returns, in order, the keys of the accounts that get a
// value once another account gives it up.
func (j *judge) waitingForOthers() []ident.Key {
	var keys []ident.Key
	for key, c := range j.draft.changes {
		if slices.ContainsFunc(c.ops, func(op *operation) bool { return len(op.After) > 0 }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// waitsInVain returns the key of an account that an operation waits for, if
// that account does not do its part.
func (j *judge) waitsInVain(op *operation) (holder ident.Key, waits bool) {
	for _, step := range op.After {
		if j.draft.changes[step.Key].first(step.Class) == nil {
			return step.Key, true
		}
	}
	return "", false
}
