package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// draft is a plan in the making: the changes, the records that are set aside,
// and the notes. The jobs share nothing else; each reads what the earlier ones
// have put there. The draft itself decides nothing.
type draft struct {
	set     *Settings
	names   *names
	refusal func(key ident.Key, part string) (ident.Refusal, bool) // History.Refused
	keys    keys

	changes     map[ident.Key]*change
	quarantined map[ident.Key]ident.QuarantineItem
	keyless     []ident.QuarantineItem // records without a key
	attention   []ident.QuarantineItem // needs a person while the rest of the record goes on
	accepted    []ident.QuarantineItem // see Builder.Accepted
	notes       []ident.Note
	links       []LinkUpdate
	counts      ident.RecordCounts
	excluded    map[string]int // records out of scope, by condition
	lastOut     string         // see Builder.LastOut
	tally       tally
	unsettled   map[ident.Key]struct{} // see Builder.Unsettled
	crashes     Crashes

	references namings

	blocked map[ident.Key]blocked                // set aside because another record of this run has the value
	holders map[ident.QuarantineItem][]ident.Key // which records of this run have the value that an attribute was refused
	matched map[ident.GUID]ident.Key             // linked objects that the record of another key matches

	stillRefused []ident.Refusal        // see Builder.StillRefused
	leftOut      []ident.QuarantineItem // refused before, and not yet due to be tried again

	binary  int                    // bytes of binary values in the plan
	waiting map[ident.Key]struct{} // accounts whose binary value waits for a later run

	known    known
	leaving  int  // changes caused by a missing key
	reported int  // those of them caused by a reported deletion
	believed bool // the delivery proves which keys are absent; see Builder.Marks
}

// keys holds what the delivery says about each key.
type keys struct {
	seen    map[ident.Key]struct{} // delivered, whatever became of the record
	numbers map[ident.Key]struct{} // keys that are numbers
	deleted map[ident.Key]struct{} // reported as deleted
	sighted map[ident.Key]struct{} // linked, in scope, and never delivered before
	left    map[ident.Key]string   // linked keys whose record left the scope of the data source, and the condition by which
	never   map[ident.Key]struct{} // keys without a link whose record is out of scope; kept only to list strays
	copies  int                    // repeated deliveries of the same key
}

func newDraft(set *Settings, view nameView, refused func(ident.Key, string) (ident.Refusal, bool)) *draft {
	d := &draft{
		set: set, refusal: refused, names: newNames(view),
		keys: keys{
			seen: map[ident.Key]struct{}{}, numbers: map[ident.Key]struct{}{}, deleted: map[ident.Key]struct{}{},
			sighted: map[ident.Key]struct{}{}, left: map[ident.Key]string{}, never: map[ident.Key]struct{}{},
		},
		excluded: map[string]int{},
		changes:  map[ident.Key]*change{}, quarantined: map[ident.Key]ident.QuarantineItem{},
		unsettled: map[ident.Key]struct{}{}, waiting: map[ident.Key]struct{}{}, blocked: map[ident.Key]blocked{},
		holders: map[ident.QuarantineItem][]ident.Key{}, matched: map[ident.GUID]ident.Key{},
	}
	if len(set.Scope) > 0 {
		d.names.domain = set.Scope[0].Domain()
	}
	return d
}

// delivered counts a key as present.
func (d *draft) delivered(key ident.Key) {
	if _, seen := d.keys.seen[key]; !seen {
		d.keys.seen[key] = struct{}{}
		d.counts.Delivered++
	}
}

// tally counts what one summary note reports, where a note for each user would
// be too much.
type tally struct{ unmatched, renames, others, kept, staying, ended, inGroups int }

// note reports something that needs nobody's attention.
func (d *draft) note(key ident.Key, name, format string, args ...any) {
	d.notes = append(d.notes, ident.Note{Key: key, Name: name, Text: fmt.Sprintf(format, args...)})
}

// keep adds a change to the draft if it has operations.
func (d *draft) keep(c *change) {
	if len(c.ops) == 0 {
		d.counts.Unchanged++
		return
	}
	d.changes[c.key] = c
}

// sameDN reports whether two DNs name one object.
func sameDN(a, b ident.DN) bool { return a == b || a.EqualFold(b) }

// recordName returns the name of a person from the unmapped record.
func recordName(rec ident.Record) string {
	for _, field := range []string{"name", "displayName", "display_name", "email"} {
		if s, ok := rec.Fields[field].(string); ok && !text.Blank(s) {
			return text.Trim(s)
		}
	}
	return ""
}

// entryName returns the name that people know an account by.
func entryName(e ident.Entry) string {
	if n := text.Trim(e.Attributes.First("displayname")); n != "" {
		return n
	}
	return commonName(e)
}

// commonName returns the cn of an account.
func commonName(e ident.Entry) string {
	if n := e.Attributes.First("cn"); n != "" {
		return n
	}
	return e.DN.Name()
}

// count writes a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// attend reports one part of a user that needs a person, while the rest of
// that user goes on. The part is ident.PartAccount, ident.PartGroups or the
// name of an attribute. Every run reports it until somebody has dealt with it.
func (d *draft) attend(key ident.Key, name, part, cause, next string) {
	d.attendShared(key, name, part, cause, shared(cause, key), next)
}

// attendShared is like attend, for a cause that several users may share.
// common is the cause without this user's own details.
func (d *draft) attendShared(key ident.Key, name, part, cause, common, next string) {
	d.attention = append(d.attention, item(key, name, part, cause, common, next))
}

// hasLeft reports whether the record of a linked key was delivered but is out
// of scope.
func (d *draft) hasLeft(key ident.Key) bool {
	_, left := d.keys.left[key]
	_, aside := d.quarantined[key]
	return left && !aside
}

// asDelivered returns a key in the spelling of this delivery, because an
// anchor may spell a number in another way.
func (d *draft) asDelivered(key ident.Key) ident.Key {
	if s, ok := abi.NumberKey(string(key)); ok {
		if _, isNumber := d.keys.numbers[ident.Key(s)]; isNumber {
			return ident.Key(s)
		}
	}
	return key
}

// formerAnchor reports whether an anchor contains the same number as key in
// another spelling. A text key has only one spelling.
func (d *draft) formerAnchor(key ident.Key, anchor string) bool {
	space, former, ok := ident.ParseAnchor(anchor)
	return ok && space == d.set.Space() && former != key && d.asDelivered(former) == key
}
