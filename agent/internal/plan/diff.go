package plan

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

// differ compares an account with what its record asks for, and plans the
// operations that close the gap. For a record without an account it plans the
// creation. It neither looks for accounts nor decides whether an operation may
// be applied.
type differ struct {
	set        *Settings
	view       diffView
	mapper     diffMapper
	dir        *directory
	draft      *draft
	handover   *handover
	everywhere everywhere
}

// diffView is the part of View that a differ reads.
type diffView interface {
	EntryByGUID(ident.GUID) (ident.Entry, bool, error)
	LinkByKey(ident.Key) (ident.Link, bool, error)
	LinkByGUID(ident.GUID) (ident.Link, bool, error)
	MemberOf(group ident.DN, guid ident.GUID) (bool, error)
}

// diffMapper is the part of Mapper that a differ uses. The Mapper may also be
// an explainer.
type diffMapper interface {
	Map(rec ident.Record, current *ident.Entry, link *ident.Link, names mapping.Names) (ident.Desired, error)
}

func newDiffer(set *Settings, view diffView, mapper diffMapper, dir *directory, d *draft) *differ {
	f := &differ{
		set: set, view: view, mapper: mapper, dir: dir, draft: d,
		handover: newHandover(view, d),
	}
	d.names.freed = f.handover.freed
	return f
}

// addLinked decides about a record in scope whose account is known.
//
// An automation controls the state and the place of the accounts that it made
// or adopted. For links of another automation of the application it compares
// only attributes.
func (f *differ) addLinked(rec ident.Record, link ident.Link) error {
	e, there, err := f.view.EntryByGUID(link.GUID)
	if err != nil {
		return err
	}
	if !there {
		const gone = "the linked account%s is not in the directory: deleted by hand, or not readable"
		f.draft.setAsideShared(rec.Key, recordName(rec), fmt.Sprintf(gone, " "+string(link.GUID)), fmt.Sprintf(gone, ""),
			"restore it, or let a new account be made: "+f.set.removeLink(rec.Key))
		return nil
	}
	if f.set.Action == ActionCreate {
		f.draft.counts.Unchanged++
		return nil
	}
	cause, err := f.dir.untouchable(e)
	if err != nil {
		return err
	}
	if cause != "" {
		f.draft.setAsideShared(rec.Key, entryName(e), "the linked account "+cause,
			"the linked "+strings.TrimPrefix(shared(cause, "", string(e.DN)), "the "),
			"allow it in [directory], or give it up: "+f.set.removeLink(rec.Key))
		return nil
	}
	want, ok, err := f.mapRecord(rec, &e, &link)
	if !ok || err != nil {
		return err
	}
	c := &change{key: rec.Key, entry: e, name: entryName(e)}
	if err := f.compare(c, want, link); err != nil {
		return err
	}
	f.draft.keep(c)
	return nil
}

// linkAccount plans the link between a record and the account that the match
// found, with everything that follows from it, so that the person who approves
// an adoption sees all of it.
func (f *differ) linkAccount(rec ident.Record, e ident.Entry, op operation) error {
	c := &change{key: rec.Key, entry: e, name: entryName(e)}
	if op.Class == ident.ClassAdopt {
		c.entry = anchoredEntry(f.set, e, rec.Key)
	}
	c.add(op)
	if f.set.Action == ActionCreate { // leaves linked accounts alone
		f.draft.keep(c)
		return nil
	}
	link := prospect(f.set, rec.Key, e)
	if op.Class == ident.ClassLink {
		link.Origin = ident.OriginRestored
	}
	want, ok, err := f.mapRecord(rec, &c.entry, link)
	if !ok || err != nil {
		return err
	}
	if err := f.compare(c, want, *link); err != nil {
		return err
	}
	f.draft.keep(c)
	return nil
}

// prospect returns the link of an account that is about to be adopted.
func prospect(set *Settings, key ident.Key, e ident.Entry) *ident.Link {
	return &ident.Link{
		Application: set.Application, Kind: set.Space().Kind(), Key: key, GUID: e.GUID,
		Automation: set.Automation, Origin: ident.OriginAdopted,
	}
}

// compare adds what must be done about an account that has a link or is about
// to get one.
func (f *differ) compare(c *change, want ident.Desired, link ident.Link) error {
	f.diffAttributes(c, want, link)
	if err := f.diffReferences(c, want, link); err != nil {
		return err
	}
	if f.set.Action == ActionLifecycle && link.Automation == f.set.Automation {
		return f.lifecycle(c, want, link)
	}
	f.attributesOnly(c, want, link)
	return nil
}

func (f *differ) attributesOnly(c *change, want ident.Desired, link ident.Link) {
	if f.set.Action == ActionLifecycle {
		f.draft.tally.others++
	}
	if _, verdict := nameDiff(c.entry, want, link); verdict == different {
		f.draft.tally.renames++
	}
}

// lifecycle compares state, name, place and groups of an account.
func (f *differ) lifecycle(c *change, want ident.Desired, link ident.Link) error {
	disabled, known := c.entry.Disabled()
	ours := link.MissingSince != nil // rollcall disabled it
	switch {
	case !known:
		f.draft.attend(c.key, c.name, ident.PartAccount, "userAccountControl cannot be read: whether the account is enabled is left alone",
			"give the bind account the right to read userAccountControl")
	case disabled && !ours && want.Off == "":
		f.disabledByOthers(c.key, c.entry, link.Origin)
	case !disabled && want.Off == ident.OffEnded:
		c.add(f.end(link))
	}
	name := f.newName(c, want, link)
	if disabled && !ours || want.Off != "" && link.Missing() {
		return f.rename(c, name)
	}
	to, err := f.newPlace(c, want, link)
	if err != nil {
		return err
	}
	if err := f.put(c, name, to, f.enabling(c.key, disabled, want, link)); err != nil {
		return err
	}
	if ours && known {
		f.returned(c, disabled, want, link)
	}
	if want.Off == ident.OffEnded {
		return nil // who has left joins nothing
	}
	if want.Off == "" {
		f.expired(c)
	}
	groups, err := f.groupsToJoin(c, want.Groups)
	if err != nil {
		return err
	}
	back, err := f.groupsToRejoin(c, want, link)
	if err != nil {
		return err
	}
	c.addGroups(groups, back)
	return nil
}

// disabledByOthers reports a disabled account whose record is delivered: the
// person is active in the application but cannot log in.
func (f *differ) disabledByOthers(key ident.Key, e ident.Entry, origin ident.LinkOrigin) {
	cause := "disabled by somebody else"
	next := "enable the account, or leave the person out with where"
	if origin == ident.OriginRestored {
		cause = "disabled, and after the loss of the state nobody knows by whom"
		next = "if rollcall had disabled it as missing and the person is back, enable the account and put it where it belongs"
	}
	f.draft.attend(key, entryName(e), ident.PartAccount,
		fmt.Sprintf("%s, left alone although %s delivers the key: neither enabled nor moved nor added to groups", cause, f.set.Application),
		next+f.set.orAccept(key))
}

// returned records in the link what no operation shows: if somebody has
// already enabled the account that rollcall had disabled, or moved that of a returner, it
// stays so for good.
func (f *differ) returned(c *change, disabled bool, want ident.Desired, link ident.Link) {
	up := LinkUpdate{Key: c.key, GUID: link.GUID, ClearMissing: !disabled && want.Off != ident.OffEnded}
	moved := link.Missing() && link.Placed != "" && !sameDN(link.Placed, c.entry.DN.Parent())
	if moved && !sameDN(link.Placed, want.Parent) {
		up.Placed = want.Parent
	}
	if up.ClearMissing || up.Placed != "" {
		f.draft.links = append(f.draft.links, up)
	}
}

// mapRecord runs the mapping. It returns ok = false if the record was set
// aside.
func (f *differ) mapRecord(rec ident.Record, current *ident.Entry, link *ident.Link) (want ident.Desired, ok bool, err error) {
	want, err = f.mapper.Map(rec, current, link, f.draft.names)
	if f.draft.names.err != nil { // the error comes from the View, not from the record
		return want, false, f.draft.names.err
	}
	if err != nil {
		f.draft.quarantineError(rec, err)
		return want, false, nil
	}
	f.everywhere.count(rec, want)
	return want, true, f.fit(rec, current, &want)
}

// nameDiff compares the common name.
func nameDiff(e ident.Entry, want ident.Desired, link ident.Link) (ident.AttributeChange, comparison) {
	cn, wanted := want.Attribute("cn")
	if !wanted || len(cn.Values) != 1 || cn.Values[0] == "" {
		return ident.AttributeChange{}, asWanted
	}
	cn.Add = false
	return attributeDiff(cn, []string{commonName(e)}, link)
}

// newName returns the rename that the mapping asks for, or nil.
func (f *differ) newName(c *change, want ident.Desired, link ident.Link) *operation {
	ch, verdict := nameDiff(c.entry, want, link)
	switch verdict {
	case asWanted:
		return nil
	case agreed:
		f.agree(c, link, map[string]string{"cn": ops.Digest(ch.Old)})
		return nil
	case leftAlone:
		f.leaveAlone(c, ch)
		return nil
	}
	if strings.HasPrefix(ch.Old[0], ch.New[0]) {
		link.Applied, ch.Conflict = nil, false // the present name is a form that avoids a taken one: nothing has changed at the source
	}
	cn, _ := want.Attribute("cn")
	why := reasons{application: f.set.Application}
	why.add(ch, cn.Source, link)
	op := &operation{cn: ch.New[0]}
	op.Class, op.Attributes, op.Reason = ident.ClassRename, []ident.AttributeChange{ch}, why.String()
	return op
}
