package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// leaverPlanner finds the links whose key is missing, and plans what happens
// to their accounts. After a loss of the state it also lists the accounts that
// no link and no record explains. Whether the delivery can be trusted is the
// judge's decision.
type leaverPlanner struct {
	set    *Settings
	view   leaversView
	hist   *History
	dir    *directory
	draft  *draft
	strays int                       // see Builder.Strays
	groups map[ident.GUID][]ident.DN // of accounts that are to be taken out of them
}

// leaversView is the part of View that a leaverPlanner reads. The View may
// also be an AnchorLister.
type leaversView interface {
	EntryByGUID(ident.GUID) (ident.Entry, bool, error)
	LinkByKey(ident.Key) (ident.Link, bool, error)
	EachLink(func(ident.Link) error) error
}

// nobodyMissing says why no link can be missing; "" if one can.
func (l *leaverPlanner) nobodyMissing(d Delivery) string {
	switch {
	case !d.Complete && d.Reason != "":
		return "the delivery is not complete: " + d.Reason
	case !d.Complete:
		return "the delivery is not complete"
	case d.Doubt != "":
		return "the delivery is not complete: " + d.Doubt
	case d.Chosen:
		return "only the users who were asked for were read"
	case d.ChangesOnly:
		return "an endpoint delivers changes only, not everybody"
	case l.draft.counts.Delivered == 0:
		return l.set.Application + " delivered no record at all"
	case len(l.draft.keyless) > 0:
		return count(len(l.draft.keyless), "record has no key and may be anybody's", "records have no key and may be anybody's")
	case l.set.Action != ActionLifecycle:
		return fmt.Sprintf("the action %s does nothing about missing keys", l.set.Action)
	}
	return ""
}

// planMissing plans what happens to the accounts of missing keys: all keys
// absent from the delivery or, with nobody set, only those that it reports as
// deleted.
func (l *leaverPlanner) planMissing(d Delivery, nobody bool) error {
	missing, err := l.deletedLinks(d)
	if err != nil {
		return err
	}
	if d.Complete && !d.ChangesOnly && l.set.Action != ActionUpdate {
		all, err := l.lookAtLinks(d)
		if err != nil {
			return err
		}
		if !nobody {
			missing = all
		}
	}
	slices.SortFunc(missing, func(x, y ident.Link) int { return cmp.Compare(x.Key, y.Key) })
	l.draft.counts.Missing = len(missing)
	if err := l.readGroups(missing); err != nil {
		return err
	}
	for _, link := range missing {
		if link.Automation != l.set.Automation {
			return fmt.Errorf("the link of the key %s belongs to the automation %q", link.Key, link.Automation)
		}
		if err := l.draft.shield(link.Key, ident.Record{}, func() error { return l.missingLink(link) }); err != nil {
			return fmt.Errorf("plan missing key %s: %w", link.Key, err)
		}
	}
	return nil
}

// deletedLinks lists the links of the automation whose key is reported as
// deleted. Such a report is valid even if the delivery cannot show who is
// missing, unless the fetch did not end properly.
func (l *leaverPlanner) deletedLinks(d Delivery) ([]ident.Link, error) {
	if !d.Complete || l.set.Action != ActionLifecycle {
		return nil, nil
	}
	var deleted []ident.Link
	for key := range l.draft.keys.deleted {
		link, linked, err := l.view.LinkByKey(key)
		if err != nil {
			return nil, err
		}
		if !linked || link.Automation != l.set.Automation {
			continue
		}
		l.draft.unsettled[key] = struct{}{}
		present, err := l.present(key, d)
		if err != nil {
			return nil, err
		}
		if !present {
			deleted = append(deleted, link)
		}
	}
	return deleted, nil
}

// present reports whether a key was delivered and its record is not out of
// scope.
func (l *leaverPlanner) present(key ident.Key, d Delivery) (bool, error) {
	if _, left := l.draft.keys.left[key]; left {
		return !l.draft.hasLeft(key), nil
	}
	return l.delivered(key, d)
}

// missingLink plans what happens to the account of one missing key, or reports
// why nothing does.
func (l *leaverPlanner) missingLink(link ident.Link) error {
	reason := fmt.Sprintf("missing: %s no longer delivers the key %s", l.set.Application, link.Key)
	if by, left := l.draft.keys.left[link.Key]; left {
		reason = fmt.Sprintf("missing: the record of the key %s is no longer %s", link.Key, notAsked(by))
	}
	_, deleted := l.draft.keys.deleted[link.Key]
	if deleted {
		reason = fmt.Sprintf("deleted: %s reports that the key %s was deleted", l.set.Application, link.Key)
	}
	e, there, err := l.view.EntryByGUID(link.GUID)
	switch {
	case err != nil:
		return err
	case there && link.Unseen:
		l.draft.attend(link.Key, entryName(e), ident.PartAccount,
			fmt.Sprintf("%s is linked to the key %s, which %s has never delivered in scope since: the account is left alone",
				e.DN, link.Key, l.set.Application),
			"if the key is wrong: "+l.set.removeLink(link.Key))
		return nil
	case !there:
		l.accountGone(link, reason)
		return nil
	case l.set.Missing.Action == MissingKeep:
		l.draft.tally.kept++
		return nil
	}
	c := &change{key: link.Key, entry: e, name: entryName(e)}
	if other, matched := l.draft.matched[e.GUID]; matched {
		l.leftAlone(c, reason, fmt.Sprintf("the key %s matches the same account", other),
			l.set.samePerson(link, other))
		return nil
	}
	cause, err := l.dir.untouchable(e)
	if err != nil {
		return err
	}
	if cause != "" {
		l.leftAlone(c, reason, cause, l.disableByHand(c))
		return nil
	}
	before := l.draft.leaving
	if err := l.leaver(c, reason, link); err != nil {
		return err
	}
	if err := l.leaveGroups(c, reason, link); err != nil {
		return err
	}
	if deleted && l.draft.leaving > before {
		l.draft.reported++
	}
	for _, op := range c.ops {
		op.deleted = deleted
	}
	if len(c.ops) > 0 {
		l.draft.changes[c.key] = c
	}
	return nil
}

// leaver plans to disable the account of a missing key and to move it.
func (l *leaverPlanner) leaver(c *change, reason string, link ident.Link) error {
	op := operation{missing: true}
	op.Class, op.Reason = ident.ClassDisable, reason
	disabled, known := c.entry.Disabled()
	switch {
	case !known:
		l.leftAlone(c, reason, "userAccountControl cannot be read",
			"give the bind account the right to read userAccountControl, or disable the account by hand")
		return nil
	case disabled && link.MissingSince == nil:
		l.draft.note(c.key, c.name, "%s; the account was already disabled by somebody else", reason)
		return nil
	case disabled:
		if link.Placed != "" && !sameDN(c.entry.DN.Parent(), link.Placed) {
			return nil // somebody moved it after it was disabled
		}
		op.Class, op.Leaves = ident.ClassMove, true
		op.Reason += "; disabled but not yet moved"
	case link.MissingSince != nil:
		op.Reason += "; somebody enabled the account after rollcall had disabled it"
	}
	if to := l.set.Missing.MoveTo; to != "" && !sameDN(to, c.entry.DN.Parent()) {
		trouble, err := l.dir.unusable(to)
		if err != nil {
			return err
		}
		if trouble != "" {
			l.draft.attend(c.key, c.name, ident.PartAccount,
				fmt.Sprintf("%s, and the account cannot be moved to %s: %s", reason, to, trouble), l.dir.makeUsable(to))
		} else if _, err := l.draft.names.under(c, &op, nil, to); err != nil {
			return err
		}
	}
	if op.Class == ident.ClassDisable || op.parent != "" {
		if op.Class == ident.ClassDisable && l.set.Missing.StripGroups {
			op.Reason += "; a later run takes it out of its groups"
		}
		c.add(op)
		l.draft.leaving++
	}
	return nil
}

// accountGone reports a link of a missing key whose account cannot be found.
// If rollcall had disabled the account, its deletion is expected.
func (l *leaverPlanner) accountGone(link ident.Link, reason string) {
	remove := l.set.removeLink(link.Key)
	if link.MissingSince != nil || l.set.Missing.Action == MissingKeep {
		l.draft.note(link.Key, "", "%s, and its account is not in the directory: %s", reason, remove)
		return
	}
	cause := fmt.Sprintf("%s, and its account %s is not in the directory: deleted by hand, or not readable", reason, link.GUID)
	l.draft.attendShared(link.Key, "", ident.PartAccount, cause, shared(strings.Replace(cause, " "+string(link.GUID), "", 1), link.Key),
		"if it was deleted: "+remove+"; if not, let the bind account read it")
}

// leftAlone reports the account of a missing key that rollcall does not
// disable. If the account is already disabled, nobody has to look.
func (l *leaverPlanner) leftAlone(c *change, reason, why, next string) {
	disabled, known := c.entry.Disabled()
	state := "stays enabled"
	switch {
	case disabled && known:
		l.draft.note(c.key, c.name, "%s; it is disabled already and left alone: %s", reason, why)
		return
	case !known:
		state = "may be enabled"
	}
	cause := fmt.Sprintf("%s, but the account is left alone and %s: %s", reason, state, why)
	l.draft.attendShared(c.key, c.name, ident.PartAccount, cause, shared(cause, c.key, string(c.entry.DN)), next)
}

// disableByHand returns the next step for a leaver that rollcall must not
// touch.
func (l *leaverPlanner) disableByHand(c *change) string {
	next := "disable the account by hand; or if only adminCount is left over from former rights, clear that; " +
		"or name it in allow_protected of [directory]"
	if !l.dir.inScope(c.entry.DN.Parent()) {
		next = "disable the account by hand, or move it back into scope"
	}
	return next + l.set.orAccept(c.key)
}

// emptyDelivery reports a source that used to deliver people and now delivers
// none. Nobody counts as missing then, so without a report it would look like
// a day without changes.
func (l *leaverPlanner) emptyDelivery(d Delivery) {
	if d.Complete && !d.ChangesOnly && l.draft.counts.Delivered == 0 && l.hist.CurrentLinks > 0 {
		l.draft.attend("", "", ident.PartAccount,
			fmt.Sprintf("%s delivered no record at all; nothing is done about the %s of this automation",
				l.set.Application, count(l.hist.CurrentLinks, "link", "links")),
			"look whether the people are there, and what the credentials may see: rollcall validate --online")
	}
}
