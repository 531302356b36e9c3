package plan

import (
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// judge decides what of the draft may be applied. It leaves out what the
// directory refused before, turns what a person accepted into notes, judges
// whether the delivery can be trusted, and gives each operation its verdict by
// the limits and the approval.
type judge struct {
	set   *Settings
	hist  *History
	draft *draft
}

// sentence is what the judge decides.
type sentence struct {
	changes []*change // by key, with their verdicts
	limits  []ident.LimitState
	doubt   string // see ident.Plan
}

// rule judges the whole draft. nobody says why nobody can be missing; "" if
// somebody may be.
func (j *judge) rule(d Delivery, nobody string) sentence {
	changes, linking := j.ordered()
	j.draft.tellRoots()
	j.accept()
	doubt := j.doubts(d, nobody == "")
	lim := newLimiter(j.set, j.hist, doubt, linking)
	for _, c := range changes {
		lim.change(c)
	}
	changes = j.references(changes, lim)
	for _, c := range lim.together(changes) {
		c.place()
	}
	return sentence{changes, lim.account(), j.doubtOf(d, nobody, doubt, changes)}
}

// ordered returns the changes by key, without what the directory has refused
// before, and how many accounts they link without approval.
func (j *judge) ordered() (changes []*change, linking int) {
	for key, c := range j.draft.changes {
		c.inOrder()
		if !j.dropRefused(c) {
			delete(j.draft.changes, key)
		}
	}
	j.dropWaiting()
	for _, c := range j.draft.changes {
		changes = append(changes, c)
		if op := c.linking(); op != nil && op.Class != ident.ClassCreate && op.hold == "" {
			linking++
		}
	}
	slices.SortFunc(changes, func(x, y *change) int { return x.key.Compare(y.key) })
	return changes, linking
}
