package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Builder makes one plan: Add, Duplicate, Deleted, Contradiction and Quarantine
// for what was delivered, then Finish once. It is not safe for concurrent use.
type Builder struct {
	set    Settings
	view   View
	mapper Mapper
	hist   History

	names    *names
	handover *handover
	scopes   map[ident.DN]bool // containers that were asked about: in scope or not
	exists   map[ident.DN]bool // containers that were asked about: there or not
	objects  map[ident.DN]bool // the same of objects of any kind
	groups   map[ident.DN]*group

	seen    map[ident.Key]struct{}
	numbers map[ident.Key]struct{}   // keys that are numbers
	deleted map[ident.Key]struct{}   // reported as deleted
	sighted map[ident.Key]struct{}   // linked, in scope, and never delivered before
	left    map[ident.Key]struct{}   // linked records that left the scope of the data source
	never   map[ident.Key]struct{}   // records without a link that are not in it; kept only to list strays
	strays  int                      // see Strays
	claims  map[ident.GUID]ident.Key // unlinked objects, by the record that matched them
	wanted  map[string]ident.Key     // match values of records that get an account
	matched map[ident.GUID]ident.Key // linked objects that the record of another key matches

	foreign      map[ident.Key]ident.Entry // accounts whose anchor attribute holds something else
	known        known
	believed     bool // the delivery says who is not in it; see Marks
	changes      map[ident.Key]*change
	quarantined  map[ident.Key]ident.QuarantineItem
	keyless      []ident.QuarantineItem               // records without a key
	stillRefused []ident.Refusal                      // see StillRefused
	blocked      map[ident.Key]blocked                // set aside for a value that others of this run have
	holders      map[ident.QuarantineItem][]ident.Key // who of this run has the value that an attribute was refused
	leftOut      []ident.QuarantineItem               // because it was refused before and its time has not come
	attention    []ident.QuarantineItem               // what needs a person while the rest of a record goes on
	accepted     []ident.QuarantineItem               // see Accepted
	everywhere   everywhere
	notes        []ident.Note
	links        []LinkUpdate
	counts       ident.RecordCounts
	tally        tally
	crashes      Crashes
	copies       int // deliveries of a key beyond its first
	leaving      int // changes that follow from a missing key
	reported     int // those of them that follow from a reported deletion

	binary    int                    // bytes of binary values in the plan
	waiting   map[ident.Key]struct{} // accounts with a binary value that waits for a later run
	unsettled map[ident.Key]struct{} // see Unsettled
}

// tally counts what is reported as one note for all instead of one for each.
type tally struct{ unmatched, renames, others, kept, staying int }

// change is an ident.Change in the making.
type change struct {
	key   ident.Key
	entry ident.Entry // without a GUID for a create
	name  string
	ops   []*operation
}

// operation is an ident.Operation whose DNs are not yet written down: they
// depend on which of the operations before it are applied.
type operation struct {
	ident.Operation
	parent  ident.DN // the container that the object is to be in; "" where it is
	cn      string   // the name that it is to have; "" the one it has
	hold    string   // why it is held whatever the limits say; "" when it is not
	missing bool     // it follows from a missing key
	deleted bool     // the missing key is reported as deleted
}

// NewBuilder starts a plan.
func NewBuilder(set Settings, view View, mapper Mapper, hist History) *Builder {
	b := &Builder{
		set: withDefaults(set), view: view, mapper: mapper, hist: hist,
		scopes: map[ident.DN]bool{}, exists: map[ident.DN]bool{}, objects: map[ident.DN]bool{}, groups: map[ident.DN]*group{},
		seen: map[ident.Key]struct{}{}, left: map[ident.Key]struct{}{}, never: map[ident.Key]struct{}{},
		numbers: map[ident.Key]struct{}{}, foreign: map[ident.Key]ident.Entry{},
		deleted: map[ident.Key]struct{}{}, sighted: map[ident.Key]struct{}{}, unsettled: map[ident.Key]struct{}{}, waiting: map[ident.Key]struct{}{},
		claims: map[ident.GUID]ident.Key{}, wanted: map[string]ident.Key{}, matched: map[ident.GUID]ident.Key{},
		changes: map[ident.Key]*change{}, quarantined: map[ident.Key]ident.QuarantineItem{},
		holders: map[ident.QuarantineItem][]ident.Key{}, blocked: map[ident.Key]blocked{},
	}
	b.names = &names{view: view, reserved: map[string]ident.Key{}, folded: map[ident.DN]string{}}
	if len(set.Scope) > 0 {
		b.names.domain = set.Scope[0].Domain()
	}
	b.handover = newHandover(b)
	b.names.freed = b.handover.freed
	return b
}

func withDefaults(set Settings) Settings {
	if set.Adopt == "" {
		set.Adopt = AdoptReview
	}
	if set.Approval == "" {
		set.Approval = ApprovalOverLimit
	}
	if set.Missing.Action == "" {
		set.Missing.Action = MissingKeep
	}
	return set
}

// Add decides about one record. Records come once each, in the order of their
// keys. An error is one of the View and ends the plan; what is wrong with the
// record itself puts it into quarantine.
func (b *Builder) Add(rec ident.Record) error {
	return b.shield(rec.Key, rec, func() error { return b.add(rec) })
}

func (b *Builder) add(rec ident.Record) error {
	if _, twice := b.seen[rec.Key]; twice {
		b.Duplicate(rec.Key, 2)
		return nil
	}
	b.names.begin()
	b.seen[rec.Key] = struct{}{}
	if rec.Number != "" {
		b.numbers[rec.Key] = struct{}{}
	}
	b.counts.Delivered++
	if rec.Problem != "" {
		b.setAside(rec.Key, recordName(rec), rec.Problem, fmt.Sprintf("correct this record in %s; until then it counts as present, and nothing is done about it", b.set.Application))
		return nil
	}
	rec, err := b.mapper.Derive(rec)
	if err != nil {
		b.quarantineError(rec, err)
		return nil
	}
	in, err := b.mapper.InScope(rec)
	if err != nil {
		b.quarantineError(rec, err)
		return nil
	}
	link, linked, err := b.view.LinkByKey(rec.Key)
	switch {
	case err != nil:
		return fmt.Errorf("plan key %s: %w", rec.Key, err)
	case !in:
		b.counts.OutOfScope++
		switch {
		case linked:
			b.left[rec.Key] = struct{}{}
		case b.listsStrays():
			b.never[rec.Key] = struct{}{}
		}
		return nil
	}
	b.counts.InScope++
	if linked && link.Unseen {
		b.sighted[rec.Key] = struct{}{}
	}
	if err := b.decide(rec, link, linked); err != nil {
		return fmt.Errorf("plan key %s: %w", rec.Key, err)
	}
	return nil
}

// decide plans a record in scope, with its link when it has one.
func (b *Builder) decide(rec ident.Record, link ident.Link, linked bool) error {
	if linked {
		return b.addLinkedOrLate(rec, link)
	}
	found, err := b.unlinked(rec)
	switch {
	case err != nil:
		return err
	case found.link != nil:
		return b.tie(rec, found.entry, *found.link)
	case found.create:
		return b.create(rec)
	}
	return nil
}

// Duplicate sets aside a key that was delivered n times; Add is not called
// for any of them. The key counts as present.
func (b *Builder) Duplicate(key ident.Key, n int) {
	b.copies += n - 1
	if _, added := b.seen[key]; added {
		n--
	}
	b.seen[key] = struct{}{}
	b.counts.Delivered += n
	b.setAside(key, "", fmt.Sprintf("%s delivered the key %s more than once", b.set.Application, key),
		"remove the duplicate at the source, or choose a primary_key that is unique")
}

// Deleted notes that the source reports a key as deleted, and delivered neither
// a record nor a part of one with it.
func (b *Builder) Deleted(key ident.Key) { b.deleted[key] = struct{}{} }

// Contradiction sets aside a key that was delivered and reported as deleted at
// once; Add is not called for it. It counts as present: which of the two is
// true is not for the order to say.
func (b *Builder) Contradiction(key ident.Key) {
	if _, added := b.seen[key]; !added {
		b.seen[key] = struct{}{}
		b.counts.Delivered++
	}
	b.setAside(key, "", fmt.Sprintf("%s delivered the key %s and reported it as deleted at once; it counts as present", b.set.Application, key),
		"look at this key at the source: when it delivers or reports it once more, that counts")
}

// Remark adds a note about the delivery as a whole.
func (b *Builder) Remark(text string) { b.note("", "", "%s", text) }

// Quarantine sets aside a record that cannot be given to Add. Its key counts
// as present; without a key ("") it may be anybody's, so nobody is missing.
func (b *Builder) Quarantine(key ident.Key, name, cause, next string) {
	if key == "" {
		b.counts.Delivered++
		b.keyless = append(b.keyless, ident.QuarantineItem{Name: name, Cause: cause, Next: next})
		return
	}
	if _, added := b.seen[key]; !added {
		b.seen[key] = struct{}{}
		b.counts.Delivered++
	}
	b.setAside(key, name, cause, next)
}

// LinkUpdates returns what links must remember although no operation of the
// plan says so, in the order of keys. Call it after Finish.
func (b *Builder) LinkUpdates() []LinkUpdate { return b.links }

// mapRecord runs the mapping. ok is false when the record was set aside.
func (b *Builder) mapRecord(rec ident.Record, current *ident.Entry, link *ident.Link) (want ident.Desired, ok bool, err error) {
	want, err = b.mapper.Map(rec, current, link, b.names)
	if b.names.err != nil { // of the View: no fault of the record, whatever the mapping made of it
		return want, false, b.names.err
	}
	if err != nil {
		b.quarantineError(rec, err)
		return want, false, nil
	}
	b.everywhere.count(rec, want)
	return want, true, b.fit(rec, current, &want)
}

// note reports something that needs nobody.
func (b *Builder) note(key ident.Key, name, format string, args ...any) {
	b.notes = append(b.notes, ident.Note{Key: key, Name: name, Text: fmt.Sprintf(format, args...)})
}

// plan keeps a change that has operations.
func (b *Builder) plan(c *change) {
	if len(c.ops) == 0 {
		b.counts.Unchanged++
		return
	}
	b.changes[c.key] = c
}

func (c *change) add(op operation) { c.ops = append(c.ops, &op) }

// inScope reports whether an object in the container may be changed.
func (b *Builder) inScope(container ident.DN) bool {
	in, known := b.scopes[container]
	if known {
		return in
	}
	in = b.set.Scope.Takes(container)
	b.scopes[container] = in
	return in
}

// containerExists asks the View once for each container.
func (b *Builder) containerExists(dn ident.DN) (bool, error) {
	if there, known := b.exists[dn]; known {
		return there, nil
	}
	there, err := b.view.ContainerExists(dn)
	if err == nil {
		b.exists[dn] = there
	}
	return there, err
}

// objectExists asks the View once for each object.
func (b *Builder) objectExists(dn ident.DN) (bool, error) {
	if there, known := b.objects[dn]; known {
		return there, nil
	}
	there, err := b.view.ObjectExists(dn)
	if err == nil {
		b.objects[dn] = there
	}
	return there, err
}

// untouchable says why an object must not be changed; "" when it may be.
func (b *Builder) untouchable(e ident.Entry) (string, error) {
	if !b.inScope(e.DN.Parent()) {
		return fmt.Sprintf("%s is outside the scope of [directory]", e.DN), nil
	}
	for _, dn := range b.set.Allow {
		if sameDN(dn, e.DN) {
			return "", nil
		}
	}
	reason, err := b.view.Protected(e)
	if err != nil || reason == "" {
		return "", err
	}
	return fmt.Sprintf("%s is protected: %s", e.DN, reason), nil
}

func sameDN(a, b ident.DN) bool { return a == b || a.EqualFold(b) }

// recordName is the name of a person before anything was mapped.
func recordName(rec ident.Record) string {
	for _, field := range []string{"name", "displayName", "display_name", "email"} {
		if s, ok := rec.Fields[field].(string); ok && !text.Blank(s) {
			return text.Trim(s)
		}
	}
	return ""
}

// entryName is the name of an account for people.
func entryName(e ident.Entry) string {
	if n := text.Trim(e.Attributes.First("displayname")); n != "" {
		return n
	}
	return commonName(e)
}

func commonName(e ident.Entry) string {
	if n := e.Attributes.First("cn"); n != "" {
		return n
	}
	return e.DN.Name()
}
