package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// listsStrays reports whether accounts with an anchor and without a link are
// looked for: since a loss of the state, nobody can be missing without a link.
func (b *Builder) listsStrays() bool {
	return b.set.Anchor != "" && (b.hist.AnchorsTrusted || b.hist.StraysOpen)
}

// Strays returns how many enabled accounts carry an anchor that neither a link
// nor a record in scope accounts for. Call it after Finish.
func (b *Builder) Strays() int { return b.strays }

// strayAnchors lists the accounts that carry an anchor of the application, and
// that no link and no record in scope accounts for.
func (b *Builder) strayAnchors(d Delivery) error {
	lister, can := b.view.(AnchorLister)
	if !can || !b.listsStrays() || !d.Complete || b.counts.Delivered == 0 {
		return nil
	}
	prefix := ident.Anchor(b.set.Application, "")
	type stray struct {
		key ident.Key
		ident.Entry
	}
	var anchored []stray
	err := lister.EachAnchor(b.set.Anchor, prefix, func(e ident.Entry) error {
		for _, v := range e.Attributes.Values(b.set.Anchor) {
			if application, key, ok := ident.ParseAnchor(v); ok && application == b.set.Application && isUser(e) {
				anchored = append(anchored, stray{b.asDelivered(key), e})
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
		present, err := b.present(s.key, d)
		if err != nil {
			return err
		}
		_, linked, err := b.view.LinkByKey(s.key)
		if err != nil {
			return err
		}
		_, never := b.never[s.key]
		if linked || present && !never {
			continue
		}
		b.stray(s.key, s.Entry, never)
	}
	if others := b.hist.NotRun; len(others) > 0 && b.strays > 0 {
		b.attend("", "", ident.PartAccount,
			fmt.Sprintf("%s an anchor of %s and no link since the loss of the state; %s, which may know them, has not been run since",
				count(b.strays, "enabled account has", "enabled accounts have"), b.set.Application, strings.Join(others, " and ")),
			"run it, then this one again, which lists who is left: "+ident.Command("apply", others[0]))
	}
	return nil
}

func (b *Builder) stray(key ident.Key, e ident.Entry, outOfScope bool) {
	why := fmt.Sprintf("%s does not deliver the key", b.set.Application)
	if outOfScope {
		why = "the record of the key is not what where asks for"
	}
	carries := fmt.Sprintf("%s carries the anchor %s and has no link since the loss of the state; %s", e.DN, b.anchorOf(key), why)
	if disabled, known := e.Disabled(); disabled && known {
		if b.hist.AnchorsTrusted && len(b.hist.NotRun) == 0 {
			b.note(key, entryName(e), "%s; the account is disabled", carries)
		}
		return
	}
	if b.strays++; len(b.hist.NotRun) > 0 {
		return // one item for all
	}
	b.attend(key, entryName(e), ident.PartAccount, carries+", but the account is enabled",
		fmt.Sprintf("if this person has left, disable the account; if it is not an account of %s, clear %s", b.set.Application, b.set.Anchor)+b.orAccept(key))
}
