package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// comparison is the result of comparing one attribute.
type comparison int

const (
	asWanted  comparison = iota // nothing to do
	different                   // to be written
	leftAlone                   // it differs, but the value in the directory stays
	agreed                      // as wanted, and rollcall has not written it: both sides have come to the same value
)

// attributeDiff compares the wanted values of an attribute with the present
// ones, as sets and byte by byte: AD keeps case, so a change of case is a
// change. An attribute that accounts cannot be without is cleared by writing
// the value that means none.
func attributeDiff(want ident.DesiredAttribute, have []string, link ident.Link) (ident.AttributeChange, comparison) {
	ch := ident.AttributeChange{Name: want.Name, Old: have, Binary: want.Binary}
	goal := distinct(want.Values, want.Binary)
	if neutral, ok := ident.Neutral(want.Name); ok && len(goal) == 0 {
		goal = []string{neutral}
	}
	var added []string
	switch {
	case want.Apply == ident.ApplyCreate,
		want.Apply == ident.ApplyIfEmpty && !ident.None(want.Name, have),
		len(want.Values) == 0 && (!want.Clear || want.Add):
		return ch, asWanted
	case want.Add:
		goal, added = union(have, want.Values, want.Binary)
	}
	applied, known := link.Applied[text.Lower(want.Name)]
	byHand := known && applied != ops.Digest(have)
	atSource := known && applied != ops.Digest(goal)
	if ident.SameValues(want.Name, goal, have) {
		if byHand && atSource && !want.Add && !want.Directory {
			return ch, agreed
		}
		return ch, asWanted
	}
	ch.Conflict = byHand && atSource && !want.Add
	// If nobody knows what rollcall last wrote (an adopted account, or a link
	// restored after a loss), anybody may have set the value.
	if want.Directory && (byHand || !known && !ident.None(want.Name, have)) {
		ch.New = goal // for the note
		return ch, leftAlone
	}
	ch.Drift = known && !atSource
	ch.New = goal
	if want.Add {
		ch.New, ch.Add = added, true
	}
	return ch, different
}

// union returns have with the values of want added, and the added values. To
// AD, values that differ only in case are one value, and it refuses the
// second. Binary values have no case.
func union(have, want []string, binary bool) (all, added []string) {
	for _, v := range want {
		same := func(other string) bool { return other == v || !binary && text.Same(other, v) }
		if !slices.ContainsFunc(have, same) && !slices.ContainsFunc(added, same) {
			added = append(added, v)
		}
	}
	return slices.Concat(have, added), added
}

// distinct removes values that AD would refuse as duplicates.
func distinct(values []string, binary bool) []string {
	if len(values) < 2 {
		return values
	}
	_, all := union(nil, values, binary)
	return all
}

// diffAttributes adds the update of an account. The common name is not among
// its attributes: it is changed by a rename.
func (f *differ) diffAttributes(c *change, want ident.Desired, link ident.Link) {
	op, why := operation{}, reasons{application: f.set.Application}
	op.Class = ident.ClassUpdate
	same := map[string]string{}
	for _, a := range want.Attributes {
		if a.Reference || text.Same(a.Name, "cn") || f.set.isAnchorAttribute(a.Name) {
			continue
		}
		ch, verdict := attributeDiff(a, c.entry.Attributes.Values(a.Name), link)
		switch verdict {
		case agreed:
			same[text.Lower(a.Name)] = ops.Digest(ch.Old)
		case different:
			if f.draft.refusedAttribute(c.key, c.name, ch) {
				continue
			}
			if !f.affords(ch) {
				f.wait(c.key)
				continue
			}
			op.Attributes = append(op.Attributes, ch)
			why.add(ch, a.Source, link)
		case leftAlone:
			f.leaveAlone(c, ch)
		}
	}
	f.agree(c, link, same)
	f.diffAnchor(c, link, &op, &why)
	if len(op.Attributes) > 0 {
		op.Reason = why.String()
		c.add(op)
	}
}

// agree remembers the digests of attributes that both sides have changed to the same
// value.
func (f *differ) agree(c *change, link ident.Link, same map[string]string) {
	if len(same) > 0 {
		f.draft.links = append(f.draft.links, LinkUpdate{Key: c.key, GUID: link.GUID, Agreed: same})
	}
}

// leaveAlone notes an attribute for which the directory is authoritative.
func (f *differ) leaveAlone(c *change, ch ident.AttributeChange) {
	if ch.Conflict {
		f.draft.note(c.key, c.name, "%s; the directory is authoritative, and its value stays", bothChanged(f.set.Application, ch))
		f.draft.notes[len(f.draft.notes)-1].Conflict = true
		return
	}
	f.draft.note(c.key, c.name, "%s differs from its mapping and is left alone: the directory is authoritative for it", ch.Name)
}

// maxBinary limits the bytes of binary values in one plan, because a plan is
// held in memory: a hundred thousand photos take several runs.
const maxBinary = 64 << 20

// affords reports whether a change still fits into the plan, and counts it.
func (f *differ) affords(ch ident.AttributeChange) bool {
	if !ch.Binary {
		return true
	}
	size := 0
	for _, v := range slices.Concat(ch.Old, ch.New) {
		size += len(v)
	}
	if f.draft.binary > 0 && f.draft.binary+size > maxBinary {
		return false
	}
	f.draft.binary += size
	return true
}

// wait leaves the binary value of an account to a later run.
func (f *differ) wait(key ident.Key) {
	f.draft.waiting[key], f.draft.unsettled[key] = struct{}{}, struct{}{}
}

// diffAnchor puts back an anchor that was removed, because without it the link
// would not survive a loss of the state. Any other value in the attribute was
// set by somebody and stays. A link that an orchestration made has no anchor: the
// account may carry that of another link, and no automation restores it as its
// own.
func (f *differ) diffAnchor(c *change, link ident.Link, op *operation, why *reasons) {
	if f.set.Anchor == "" || link.Orchestration != "" {
		return
	}
	anchor := f.set.anchorOf(c.key)
	have := c.entry.Attributes.Values(f.set.Anchor)
	cause, next := f.set.badAnchor(c.key)
	switch {
	case len(have) == 0 && cause != "":
		f.draft.attend(c.key, c.name, f.set.Anchor, cause, next)
	case len(have) == 0:
		ch := ident.AttributeChange{Name: f.set.Anchor, New: []string{anchor}}
		if f.draft.refusedAttribute(c.key, c.name, ch) {
			return
		}
		op.Attributes = append(op.Attributes, ch)
		why.others = append(why.others, "the account lacks its anchor in "+f.set.Anchor)
	case len(have) == 1 && f.draft.formerAnchor(c.key, have[0]):
		op.Attributes = append(op.Attributes, ident.AttributeChange{Name: f.set.Anchor, Old: have, New: []string{anchor}})
		why.others = append(why.others, "the anchor in "+f.set.Anchor+" spells the number "+string(c.key)+" in another way")
	case !slices.Contains(have, anchor):
		f.draft.attend(c.key, c.name, f.set.Anchor,
			fmt.Sprintf("the account has %s instead of the anchor %s, which is left alone; after a loss of the state its link could not be restored",
				strings.Join(have, ", "), anchor),
			fmt.Sprintf("if it is this person's account, clear %s there: the next run writes the anchor; if not: %s",
				f.set.Anchor, f.set.removeLink(c.key)))
	}
}
