package plan

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
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
		const gone = "the linked account%s is not in the directory: deleted by hand, or not readable"
		b.setAsideShared(rec.Key, recordName(rec), fmt.Sprintf(gone, " "+string(link.GUID)), fmt.Sprintf(gone, ""),
			"restore it, or let a new account be made: "+b.removeLink(rec.Key))
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
		b.setAsideShared(rec.Key, entryName(e), "the linked account "+cause, "the linked "+strings.TrimPrefix(shared(cause, "", string(e.DN)), "the "),
			"allow it in [directory], or give it up: "+b.removeLink(rec.Key))
		return nil
	}
	want, ok, err := b.mapRecord(rec, &e, &link)
	if !ok || err != nil {
		return err
	}
	c := &change{key: rec.Key, entry: e, name: entryName(e)}
	if err := b.compare(c, want, link); err != nil {
		return err
	}
	b.plan(c)
	return nil
}

// compare adds what is to be done about an account that has a link, or is
// about to get one.
func (b *Builder) compare(c *change, want ident.Desired, link ident.Link) error {
	b.diffAttributes(c, want, link)
	if b.set.Action == ActionLifecycle && link.Automation == b.set.Automation {
		return b.lifecycle(c, want, link)
	}
	b.attributesOnly(c, want, link)
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
	disabled, known := c.entry.Disabled()
	returner := link.MissingSince != nil
	switch {
	case !known:
		b.attend(c.key, c.name, ident.PartAccount, "userAccountControl cannot be read: whether the account is enabled is left alone",
			"give the bind account the right to read userAccountControl")
	case disabled && !returner:
		b.disabledByOthers(c.key, c.entry, link.Origin)
	}
	name := b.newName(c, want, link)
	if disabled && !returner {
		return b.rename(c, name)
	}
	to, err := b.newPlace(c, want, link)
	if err != nil {
		return err
	}
	if err := b.put(c, name, to, disabled); err != nil {
		return err
	}
	b.expired(c)
	if returner && known {
		b.returned(c, disabled, want, link)
	}
	groups, err := b.missingMemberships(c, want.Groups)
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

// newName returns the rename that the mapping asks for; nil when there is none.
func (b *Builder) newName(c *change, want ident.Desired, link ident.Link) *operation {
	ch, verdict := nameDiff(c.entry, want, link)
	switch verdict {
	case asWanted:
		return nil
	case leftAlone:
		b.note(c.key, c.name, "cn differs from its mapping and is left alone: the directory is authoritative for it")
		return nil
	}
	if strings.HasPrefix(ch.Old[0], ch.New[0]) {
		link.Applied = nil // a name that it got where its own was taken: nothing has changed at the source
	}
	cn, _ := want.Attribute("cn")
	why := reasons{}
	why.add(ch, cn.Source, link)
	op := &operation{cn: ch.New[0]}
	op.Class, op.Attributes, op.Reason = ident.ClassRename, []ident.AttributeChange{ch}, why.String()
	return op
}

// rename renames an account within the container where it is.
func (b *Builder) rename(c *change, name *operation) error {
	if name == nil {
		return nil
	}
	here := c.entry.DN.Parent()
	holder, taken, err := b.names.Holder("cn", name.cn, mapping.UniqueContainer, here, c.entry.GUID, c.key)
	if err != nil {
		return err
	}
	if taken {
		b.attend(c.key, c.name, "cn", fmt.Sprintf("cannot be renamed to %s: %s has this name in %s", name.cn, holder, here),
			"rename one of the two, or give cn a further format that tells them apart")
		return nil
	}
	b.names.Reserve("cn", name.cn, mapping.UniqueContainer, here, c.key)
	c.add(*name)
	return nil
}

// newPlace returns the container that the account is to be moved to; none when
// it stays. What somebody else moved stays, and so does an adopted account,
// unless the place that ou names has changed since.
func (b *Builder) newPlace(c *change, want ident.Desired, link ident.Link) (home, error) {
	here := c.entry.DN.Parent()
	returner := link.MissingSince != nil
	switch {
	case link.Placed == "" && link.Origin == ident.OriginRestored && !sameDN(here, want.Parent):
		b.attend(c.key, c.name, ident.PartAccount,
			fmt.Sprintf("is in %s, belongs into %s and is left there: after the loss of the state nobody knows who put it there", here, want.Parent),
			"move it to "+string(want.Parent)+b.orAccept(c.key))
		return home{}, nil
	case link.Placed == "" && (!b.set.AdoptMove || sameDN(here, want.Parent)):
		b.stay(c, want)
		return home{}, nil
	case sameDN(here, want.Parent):
		return home{}, nil
	case link.Placed == "":
	case sameDN(here, link.Placed) && sameDN(want.Parent, ops.Chosen(link)):
		b.tally.staying++
		return home{}, nil
	case returner && !sameDN(here, link.Placed), sameDN(want.Parent, ops.Chosen(link)):
		b.note(c.key, c.name, "moved to %s by somebody else, left alone; it belongs into %s", here, want.Parent)
		return home{}, nil
	}
	to, err := b.home(want, link)
	if err != nil {
		return home{}, err
	}
	trouble, err := b.unusable(to.dn)
	if trouble != "" {
		b.attend(c.key, c.name, ident.PartAccount, fmt.Sprintf("cannot be moved to %s: %s", to.dn, trouble), b.makeUsable(to.dn))
		return home{}, err
	}
	return to, err
}
