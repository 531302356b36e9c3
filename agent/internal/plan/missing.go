package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// nobodyMissing says why no link can be missing; "" when it can.
func (b *Builder) nobodyMissing(d Delivery) string {
	switch {
	case !d.Complete && d.Reason != "":
		return "the delivery is not complete: " + d.Reason
	case !d.Complete:
		return "the delivery is not complete"
	case d.Doubt != "":
		return "the delivery is not complete: " + d.Doubt
	case d.ChangesOnly:
		return "an endpoint delivers changes only, not everybody"
	case b.counts.Delivered == 0:
		return b.set.Application + " delivered no record at all"
	case len(b.keyless) > 0:
		return count(len(b.keyless), "record has no key and may be anybody's", "records have no key and may be anybody's")
	case b.set.Action != ActionLifecycle:
		return fmt.Sprintf("the action %s does nothing about missing keys", b.set.Action)
	}
	return ""
}

// deletedLinks lists the links of the automation whose key is reported as
// deleted. That is known of each by itself, whoever else may be missing; of a
// fetch that did not end properly nothing is.
func (b *Builder) deletedLinks(d Delivery) ([]ident.Link, error) {
	if !d.Complete || b.set.Action != ActionLifecycle {
		return nil, nil
	}
	var deleted []ident.Link
	for key := range b.deleted {
		link, linked, err := b.view.LinkByKey(key)
		if err != nil {
			return nil, err
		}
		if !linked || link.Automation != b.set.Automation {
			continue
		}
		b.unsettled[key] = struct{}{}
		present, err := b.present(key, d)
		if err != nil {
			return nil, err
		}
		if !present {
			deleted = append(deleted, link)
		}
	}
	return deleted, nil
}

// planMissing decides about the accounts of those who are missing: all whom
// the delivery left out, or when that says nothing (nobody), those whom it
// reports as deleted.
func (b *Builder) planMissing(d Delivery, nobody bool) error {
	missing, err := b.deletedLinks(d)
	if err != nil {
		return err
	}
	if d.Complete && !d.ChangesOnly && b.set.Action != ActionUpdate {
		all, err := b.lookAtLinks(d)
		if err != nil {
			return err
		}
		if !nobody {
			missing = all
		}
	}
	slices.SortFunc(missing, func(x, y ident.Link) int { return cmp.Compare(x.Key, y.Key) })
	b.counts.Missing = len(missing)
	for _, link := range missing {
		if link.Automation != b.set.Automation {
			return fmt.Errorf("the link of the key %s belongs to the automation %q", link.Key, link.Automation)
		}
		if err := b.shield(link.Key, ident.Record{}, func() error { return b.missingLink(link) }); err != nil {
			return fmt.Errorf("plan missing key %s: %w", link.Key, err)
		}
	}
	return nil
}

func (b *Builder) present(key ident.Key, d Delivery) (bool, error) {
	if _, left := b.left[key]; left {
		return !b.hasLeft(key), nil
	}
	return b.delivered(key, d)
}

func (b *Builder) missingLink(link ident.Link) error {
	reason := fmt.Sprintf("missing: %s no longer delivers the key %s", b.set.Application, link.Key)
	if _, left := b.left[link.Key]; left {
		reason = fmt.Sprintf("missing: the record of the key %s is no longer what where asks for", link.Key)
	}
	_, deleted := b.deleted[link.Key]
	if deleted {
		reason = fmt.Sprintf("deleted: %s reports that the key %s was deleted", b.set.Application, link.Key)
	}
	e, there, err := b.view.EntryByGUID(link.GUID)
	switch {
	case err != nil:
		return err
	case there && link.Unseen:
		b.attend(link.Key, entryName(e), ident.PartAccount,
			fmt.Sprintf("%s is linked to the key %s, which %s has never delivered in scope since: the account is left alone", e.DN, link.Key, b.set.Application),
			"if the key is wrong: "+b.removeLink(link.Key))
		return nil
	case !there:
		b.accountGone(link, reason)
		return nil
	case b.set.Missing.Action == MissingKeep:
		b.tally.kept++
		return nil
	}
	c := &change{key: link.Key, entry: e, name: entryName(e)}
	if other, matched := b.matched[e.GUID]; matched {
		b.leftAlone(c, reason, fmt.Sprintf("the key %s matches the same account", other),
			b.samePerson(link, other))
		return nil
	}
	cause, err := b.untouchable(e)
	if err != nil {
		return err
	}
	if cause != "" {
		b.leftAlone(c, reason, cause, b.disableByHand(c))
		return nil
	}
	before := b.leaving
	if err := b.leaver(c, reason, link); err != nil {
		return err
	}
	if deleted && b.leaving > before {
		c.ops[0].deleted = true
		b.reported++
	}
	return nil
}

// leaver disables the account of a missing key and moves it away.
func (b *Builder) leaver(c *change, reason string, link ident.Link) error {
	op := operation{missing: true}
	op.Class, op.Reason = ident.ClassDisable, reason
	disabled, known := c.entry.Disabled()
	switch {
	case !known:
		b.leftAlone(c, reason, "userAccountControl cannot be read", "give the bind account the right to read userAccountControl, or disable the account by hand")
		return nil
	case disabled && link.MissingSince == nil:
		b.note(c.key, c.name, "%s; the account was already disabled by somebody else", reason)
		return nil
	case disabled:
		if link.Placed != "" && !sameDN(c.entry.DN.Parent(), link.Placed) {
			return nil // somebody moved it after it was disabled
		}
		op.Class = ident.ClassMove
		op.Reason += "; disabled but not yet moved"
	case link.MissingSince != nil:
		op.Reason += "; somebody enabled the account after rollcall had disabled it"
	}
	if to := b.set.Missing.MoveTo; to != "" && !sameDN(to, c.entry.DN.Parent()) {
		trouble, err := b.unusable(to)
		if err != nil {
			return err
		}
		if trouble != "" {
			b.attend(c.key, c.name, ident.PartAccount, fmt.Sprintf("%s, and the account cannot be moved to %s: %s", reason, to, trouble), b.makeUsable(to))
		} else if _, err := b.under(c, &op, nil, to); err != nil {
			return err
		}
	}
	if op.Class == ident.ClassDisable || op.parent != "" {
		c.add(op)
		b.changes[c.key] = c
		b.leaving++
	}
	return nil
}
