package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// listsStrays reports whether to look for accounts with an anchor but no link.
// After a loss of the state they may be leavers, and without a link nobody can
// be missing.
func (l *leaverPlanner) listsStrays() bool {
	return l.set.Anchor != "" && (l.hist.AnchorsTrusted || l.hist.StraysOpen)
}

// strayAnchors lists the accounts with an anchor of the space that no
// link and no record in scope explains.
func (l *leaverPlanner) strayAnchors(d Delivery) error {
	lister, can := l.view.(AnchorLister)
	if !can || !l.listsStrays() || !d.Complete || l.draft.counts.Delivered == 0 {
		return nil
	}
	prefix := l.set.anchorOf("")
	type stray struct {
		key ident.Key
		ident.Entry
	}
	var anchored []stray
	err := lister.EachAnchor(l.set.Anchor, prefix, func(e ident.Entry) error {
		for _, v := range e.Attributes.Values(l.set.Anchor) {
			if space, key, ok := ident.ParseAnchor(v); ok && space == l.set.Space() && isUser(e) {
				anchored = append(anchored, stray{l.draft.asDelivered(key), e})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(anchored, func(a, b stray) int { // the View may list them in any order
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.DN, b.DN))
	})
	for _, s := range anchored {
		present, err := l.present(s.key, d)
		if err != nil {
			return err
		}
		_, linked, err := l.view.LinkByKey(s.key)
		if err != nil {
			return err
		}
		_, never := l.draft.keys.never[s.key]
		if linked || present && !never {
			continue
		}
		l.stray(s.key, s.Entry, never)
	}
	if others := l.hist.NotRun; len(others) > 0 && l.strays > 0 {
		l.draft.attend("", "", ident.PartAccount,
			fmt.Sprintf("%s an anchor of %s and no link since the loss of the state; %s, which may know them, has not been run since",
				count(l.strays, "enabled account has", "enabled accounts have"), l.set.Space(), strings.Join(others, " and ")),
			"run it, then this one again, which lists who is left: "+ident.Command("apply", others[0]))
	}
	return nil
}

// stray reports one account that strayAnchors has found.
func (l *leaverPlanner) stray(key ident.Key, e ident.Entry, outOfScope bool) {
	why := fmt.Sprintf("%s does not deliver the key", l.set.Application)
	if outOfScope {
		why = "the record of the key is not what where asks for"
	}
	carries := fmt.Sprintf("%s carries the anchor %s and has no link since the loss of the state; %s", e.DN, l.set.anchorOf(key), why)
	if disabled, known := e.Disabled(); disabled && known {
		if l.hist.AnchorsTrusted && len(l.hist.NotRun) == 0 {
			l.draft.note(key, entryName(e), "%s; the account is disabled", carries)
		}
		return
	}
	if l.strays++; len(l.hist.NotRun) > 0 {
		return // one item for all
	}
	l.draft.attend(key, entryName(e), ident.PartAccount, carries+", but the account is enabled",
		fmt.Sprintf("if this person has left, disable the account; if it is not an account of %s, clear %s",
			l.set.Application, l.set.Anchor)+l.set.orAccept(key))
}
