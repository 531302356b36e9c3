package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// addLinked decides about a record in scope whose account is known.
//
// An automation owns the state and the place of the accounts that it made or
// adopted. For links of another automation of the application only attributes
// are compared.
func (b *Builder) addLinked(rec ident.Record, link ident.Link) error {
	e, there, err := b.view.EntryByGUID(link.GUID)
	if err != nil {
		return err
	}
	if !there {
		b.setAside(rec.Key, recordName(rec),
			fmt.Sprintf("the linked account %s is not in the directory: deleted by hand, or not readable", link.GUID),
			fmt.Sprintf("restore it, or let a new account be made: rollcall link remove %s %s", b.set.Application, rec.Key))
		return nil
	}
	if b.set.Action == ActionCreate {
		b.counts.Unchanged++
		return nil
	}
	cause, err := b.untouchable(e)
	if err != nil {
		return err
	}
	if cause != "" {
		b.setAside(rec.Key, entryName(e), "the linked account "+cause,
			fmt.Sprintf("allow it in [directory], or give it up: rollcall link remove %s %s", b.set.Application, rec.Key))
		return nil
	}
	want, ok, err := b.mapRecord(rec, &e, &link)
	if !ok || err != nil {
		return err
	}
	c := &change{key: rec.Key, entry: e, name: entryName(e)}
	b.diffAttributes(c, want, link)
	if b.set.Action == ActionLifecycle && link.Automation == b.set.Automation {
		err = b.lifecycle(c, want, link)
	} else {
		b.attributesOnly(c, want, link)
	}
	if err != nil {
		return err
	}
	b.plan(c)
	return nil
}

func (b *Builder) attributesOnly(c *change, want ident.Desired, link ident.Link) {
	if b.set.Action == ActionLifecycle {
		b.tally.others++
	}
	if _, verdict := nameDiff(c.entry, want, link); verdict == different {
		b.tally.renames++
	}
}

// lifecycle compares state, name, place and groups of an account.
func (b *Builder) lifecycle(c *change, want ident.Desired, link ident.Link) error {
	disabled, known := accountState(c.entry)
	returner := link.MissingSince != nil
	switch {
	case !known:
		b.attend(c.key, c.name, ident.PartAccount, "userAccountControl cannot be read: whether the account is enabled is left alone",
			"give the bind account the right to read userAccountControl")
	case disabled && !returner:
		b.disabledByOthers(c.key, c.entry, link.Origin)
	}
	err := b.diffName(c, want, link)
	if disabled && !returner || err != nil {
		return err
	}
	parent, err := b.newPlace(c, want, link)
	if err != nil {
		return err
	}
	switch {
	case disabled:
		op := operation{parent: parent}
		op.Class = ident.ClassEnable
		op.Reason = fmt.Sprintf("back: %s delivers the key %s again; rollcall had disabled the account", b.set.Application, c.key)
		c.add(op)
	case parent != "":
		op := operation{parent: parent}
		op.Class = ident.ClassMove
		op.Reason = fmt.Sprintf("ou: it belongs into %s", parent)
		c.add(op)
	}
	if returner && known {
		b.returned(c, disabled, want, link)
	}
	groups, err := b.missingMemberships(want.Groups, c.entry.GUID)
	if err != nil {
		return err
	}
	b.addGroups(c, groups)
	return nil
}

// returned remembers what the operations of a returner do not say: that
// somebody enabled the account already, and that one which somebody moved is
// to stay where it is for good.
func (b *Builder) returned(c *change, disabled bool, want ident.Desired, link ident.Link) {
	up := LinkUpdate{Key: c.key, ClearMissing: !disabled}
	moved := link.Placed != "" && !sameDN(link.Placed, c.entry.DN.Parent())
	if moved && !sameDN(link.Placed, want.Parent) {
		up.Placed = want.Parent
	}
	if up.ClearMissing || up.Placed != "" {
		b.links = append(b.links, up)
	}
}

// nameDiff compares the common name.
func nameDiff(e ident.Entry, want ident.Desired, link ident.Link) (ident.AttributeChange, verdictOn) {
	cn, wanted := want.Attribute("cn")
	if !wanted || len(cn.Values) != 1 || cn.Values[0] == "" {
		return ident.AttributeChange{}, asWanted
	}
	cn.Add = false
	return attributeDiff(cn, []string{commonName(e)}, link)
}

// diffName adds the rename of an account, within the container where it is: it
// is moved afterwards.
func (b *Builder) diffName(c *change, want ident.Desired, link ident.Link) error {
	ch, verdict := nameDiff(c.entry, want, link)
	switch verdict {
	case asWanted:
		return nil
	case leftAlone:
		b.note(c.key, c.name, "cn differs from its mapping and is left alone: the directory is authoritative for it")
		return nil
	}
	here, name := c.entry.DN.Parent(), ch.New[0]
	holder, taken, err := b.names.Holder("cn", name, mapping.UniqueContainer, here, c.entry.GUID, c.key)
	if err != nil {
		return err
	}
	if taken {
		b.attend(c.key, c.name, "cn", fmt.Sprintf("cannot be renamed to %s: %s has this name in %s", name, holder, here),
			"rename one of the two, or give cn a further format that tells them apart")
		return nil
	}
	b.names.Reserve("cn", name, mapping.UniqueContainer, here, c.key)
	cn, _ := want.Attribute("cn")
	why := reasons{}
	why.add(ch, cn.Source, link)
	op := operation{cn: name}
	op.Class, op.Attributes, op.Reason = ident.ClassRename, []ident.AttributeChange{ch}, why.String()
	c.add(op)
	return nil
}

// newPlace returns the container that the account is to be moved to; "" when
// it stays. What somebody else moved stays, unless the place that rollcall
// wants has changed since.
func (b *Builder) newPlace(c *change, want ident.Desired, link ident.Link) (ident.DN, error) {
	here := c.entry.DN.Parent()
	returner := link.MissingSince != nil
	switch {
	case sameDN(here, want.Parent):
		if link.Placed == "" && link.Origin == ident.OriginRestored {
			b.links = append(b.links, LinkUpdate{Key: c.key, Placed: here}) // from now on it is known
		}
		return "", nil
	case link.Placed == "" && link.Origin == ident.OriginRestored:
		b.attend(c.key, c.name, ident.PartAccount,
			fmt.Sprintf("is in %s, belongs into %s and is left there: after the loss of the state nobody knows who put it there", here, want.Parent),
			"move it to "+string(want.Parent)+b.orAccept(c.key))
		return "", nil
	case link.Placed == "":
	case returner && !sameDN(here, link.Placed), sameDN(want.Parent, link.Placed):
		b.note(c.key, c.name, "moved to %s by somebody else, left alone; it belongs into %s", here, want.Parent)
		return "", nil
	}
	trouble, err := b.cannotMove(c, want.Parent)
	if err != nil {
		return "", err
	}
	if trouble != "" {
		b.attend(c.key, c.name, ident.PartAccount, fmt.Sprintf("cannot be moved to %s: %s", want.Parent, trouble), b.movable(want.Parent))
		return "", nil
	}
	return want.Parent, nil
}

// cannotMove says why an account, under the name that it is going to have,
// cannot be put into a container; "" when it can. The name there is then taken.
func (b *Builder) cannotMove(c *change, to ident.DN) (string, error) {
	if !b.inScope(to) {
		return "it is outside the scope of [directory]", nil
	}
	there, err := b.containerExists(to)
	if err != nil {
		return "", err
	}
	if !there {
		return "it does not exist", nil
	}
	cns := []string{commonName(c.entry)}
	for _, op := range c.ops {
		if op.cn != "" {
			cns = append(cns, op.cn)
		}
	}
	for _, cn := range cns {
		holder, taken, err := b.names.Holder("cn", cn, mapping.UniqueContainer, to, c.entry.GUID, c.key)
		if err != nil {
			return "", err
		}
		if taken {
			return fmt.Sprintf("%s has the name %s there", holder, cn), nil
		}
	}
	for _, cn := range cns {
		b.names.Reserve("cn", cn, mapping.UniqueContainer, to, c.key)
	}
	return "", nil
}
