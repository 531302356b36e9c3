package plan

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// handover lets people swap names and addresses, in pairs or in rings. It
// finds values that their holders give up in the same plan. Records come one
// at a time, and the holder of a value may come after the record that wants
// it; that record is put off until all records have come.
type handover struct {
	view  linkView
	draft *draft
	// asking is set while mapping a linked record that can be put off; putOff
	// is set if that is necessary.
	asking, putOff bool
	// group is set while the records that were put off are planned together:
	// each is expected to give up what the others ask for.
	group map[ident.Key]bool
	keeps map[given]bool // expectations that turned out wrong
	needs map[ident.Key][]need
	late  []lateRecord
	// planned holds the keys of the group already planned in this attempt, for
	// which it is known what they give up.
	planned map[ident.Key]bool
}

// given is a value of one account.
type given struct {
	holder ident.Key
	place  place
}

// need is a value that a record gets once its holder has given it up.
type need struct {
	given
	attribute string // where the record wants it
	value     string
	container ident.DN // where the holder is; it matters for cn
}

// step returns the operation by which the holder gives up the value.
func (n need) step() ident.Step {
	class := ident.ClassUpdate
	if n.place.attribute == "cn" {
		class = ident.ClassRename
	}
	return ident.Step{Class: class, Key: n.holder}
}

type lateRecord struct {
	rec  ident.Record
	link ident.Link
}

// errPutOff ends the mapping of a record that will be mapped again later.
var errPutOff = errors.New("the holder of a value has not been planned yet")

// maxAttempts limits how often a group is planned anew with other
// expectations.
const maxAttempts = 20

// linkView is the part of View that a handover reads.
type linkView interface {
	LinkByGUID(ident.GUID) (ident.Link, bool, error)
}

func newHandover(view linkView, d *draft) *handover {
	return &handover{view: view, draft: d, keeps: map[given]bool{}, needs: map[ident.Key][]need{}}
}

// freed reports whether the same plan makes the object e give up a value in
// time for key to get it as attribute.
func (h *handover) freed(e ident.Entry, p place, key ident.Key, attribute, value string) (bool, error) {
	if !h.asking {
		return false, nil
	}
	link, linked, err := h.view.LinkByGUID(e.GUID)
	if err != nil || !linked || link.Key == key {
		return false, err
	}
	g := given{link.Key, place{text.Lower(p.attribute), text.Name(p.value)}}
	switch {
	case h.keeps[g]:
		return false, nil
	case h.group[link.Key] && !h.planned[link.Key]:
	case h.group != nil:
		if !h.givesUp(g) {
			return false, nil
		}
	default:
		h.putOff = true
		return false, errPutOff
	}
	h.needs[key] = append(h.needs[key], need{g, text.Lower(attribute), value, e.DN.Parent()})
	return true, nil
}

// givesUp reports whether the plan so far takes a value from an account.
func (h *handover) givesUp(g given) bool {
	c, planned := h.draft.changes[g.holder]
	return planned && c.giver(g.place) != nil
}

// giver finds the operation that takes a value from an account.
func (c *change) giver(p place) *operation {
	for _, op := range c.ops {
		switch {
		case p.attribute == "cn" && op.Class == ident.ClassRename && text.Name(op.cn) != p.value:
			return op
		case op.Class != ident.ClassUpdate:
			continue
		}
		for _, ch := range op.Attributes {
			if text.Same(ch.Name, p.attribute) && !ch.Add && holds(ch.Old, p.value) && !holds(ch.New, p.value) {
				return op
			}
		}
	}
	return nil
}

// taker finds the operation that gives an account a value.
func (c *change) taker(n need) *operation {
	for _, op := range c.ops {
		switch {
		case n.attribute == "cn":
			if c.takesName(op, n) {
				return op
			}
			continue
		case op.Class != ident.ClassUpdate:
			continue
		}
		for _, ch := range op.Attributes {
			if text.Same(ch.Name, n.attribute) && holds(ch.New, text.Name(n.value)) && !holds(ch.Old, text.Name(n.value)) {
				return op
			}
		}
	}
	return nil
}

// takesName reports whether an operation gives the account a name in the
// container where another account gives it up: by a rename there, or by a move
// there.
func (c *change) takesName(op *operation, n need) bool {
	if op.Class == ident.ClassRename {
		return text.Name(op.cn) == text.Name(n.value) && sameDN(c.entry.DN.Parent(), n.container)
	}
	return op.parent != "" && sameDN(op.parent, n.container)
}

// tooEarly reports whether an account would need a name before its holder
// gives it up. Enabling an account can move it, and comes before the renames.
func (c *change) tooEarly(n need) bool {
	enable := c.first(ident.ClassEnable)
	return n.attribute == "cn" && enable != nil && enable.parent != ""
}

// holds reports whether a folded value is among values.
func holds(values []string, folded string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return text.Name(v) == folded })
}

// while sets asking until do returns or panics.
func (h *handover) while(asking bool, do func() error) error {
	h.asking = asking
	defer func() { h.asking = false }()
	return do()
}

// addLinkedOrLate plans a linked record, or puts it off.
func (f *differ) addLinkedOrLate(rec ident.Record, link ident.Link) error {
	before := f.draft.mark()
	f.handover.putOff = false
	err := f.handover.while(true, func() error { return f.addLinked(rec, link) })
	if !f.handover.putOff {
		return err
	}
	f.draft.names.err = nil
	f.takeBack(before, rec.Key)
	f.handover.late = append(f.handover.late, lateRecord{rec, link})
	return nil
}

// addLate plans the records that were put off, together: each is expected to
// give up what the others ask for. If one does not, all are planned anew
// without that expectation.
func (f *differ) addLate() error {
	h := f.handover
	h.late = slices.DeleteFunc(h.late, func(l lateRecord) bool { // set aside since
		_, aside := f.draft.quarantined[l.rec.Key]
		return aside
	})
	slices.SortFunc(h.late, func(x, y lateRecord) int { return cmp.Compare(x.rec.Key, y.rec.Key) })
	h.group = map[ident.Key]bool{}
	keys := make([]ident.Key, len(h.late))
	for i, l := range h.late {
		keys[i] = l.rec.Key
		h.group[l.rec.Key] = true
	}
	for attempt := range maxAttempts {
		before := f.draft.mark()
		// In the last attempt nobody is expected to give up anything.
		if err := f.planLate(attempt < maxAttempts-1); err != nil {
			return err
		}
		if h.cameTrue(keys) {
			break
		}
		h.giversFirst()
		f.takeBack(before, keys...)
	}
	return nil
}

// takeBack removes everything planned for the keys since the mark.
func (f *differ) takeBack(m mark, keys ...ident.Key) {
	f.draft.restore(m, keys...)
	for _, key := range keys {
		delete(f.handover.needs, key)
	}
}

// planLate plans the records that were put off, once. With asking, they may
// get values that others give up.
func (f *differ) planLate(asking bool) error {
	h := f.handover
	h.planned = map[ident.Key]bool{}
	for _, l := range h.late {
		f.draft.names.begin()
		err := f.draft.shield(l.rec.Key, l.rec, func() error {
			return h.while(asking, func() error { return f.addLinked(l.rec, l.link) })
		})
		if err != nil {
			return err
		}
		h.planned[l.rec.Key] = true
	}
	return nil
}

// giversFirst sorts the records so that the holder of a value comes before the
// record that wants it. If a holder keeps its value, the record that wants it
// keeps its own, and so on along a chain of any length.
func (h *handover) giversFirst() {
	byKey := make(map[ident.Key]lateRecord, len(h.late))
	for _, l := range h.late {
		byKey[l.rec.Key] = l
	}
	visited := map[ident.Key]bool{}
	var order []lateRecord
	var visit func(ident.Key)
	visit = func(key ident.Key) {
		l, late := byKey[key]
		if !late || visited[key] {
			return
		}
		visited[key] = true
		for _, n := range h.needs[key] {
			visit(n.holder)
		}
		order = append(order, l)
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		visit(key)
	}
	h.late = order
}

// cameTrue checks every expectation and remembers those that failed.
func (h *handover) cameTrue(keys []ident.Key) bool {
	all := true
	for _, key := range keys {
		for _, n := range h.needs[key] {
			if !h.givesUp(n.given) || h.draft.changes[key].tooEarly(n) {
				h.keeps[n.given], all = true, false
			}
		}
	}
	return all
}

// stepAside returns the operation that moves an account aside: it releases
// values before the account gets its new ones. A name becomes an interim one
// that nobody has; any other attribute is emptied. The operation that follows
// starts from there.
func (f *differ) stepAside(c *change, op *operation, wanted []place) (*operation, error) {
	aside := &operation{}
	aside.Class, aside.Aside = op.Class, true
	aside.Reason = "makes room: others take what it has before it gets its own"
	for i := range op.Attributes {
		ch := &op.Attributes[i]
		var gone []string
		for _, p := range wanted {
			if text.Same(ch.Name, p.attribute) {
				gone = append(gone, p.value)
			}
		}
		if len(gone) == 0 {
			continue
		}
		step := ident.AttributeChange{Name: ch.Name, Old: ch.Old}
		step.New = slices.DeleteFunc(slices.Clone(ch.Old), func(v string) bool { return slices.Contains(gone, text.Name(v)) })
		if mapping.Required(ch.Name) {
			name, err := f.interim(ch.Name, c, ch.Old[0])
			if err != nil {
				return nil, err
			}
			step.New = []string{name}
		}
		if op.Class == ident.ClassRename {
			aside.cn = step.New[0]
		}
		ch.Old = step.New
		aside.Attributes = append(aside.Attributes, step)
	}
	return aside, nil
}

// interim returns a name that nobody has, of at most 20 characters, for the
// time between giving up one name and getting another.
func (f *differ) interim(attribute string, c *change, old string) (string, error) {
	unique := mapping.UniqueDomain
	if text.Same(attribute, "cn") {
		unique = mapping.UniqueContainer
	}
	for n := 0; ; n++ {
		name := "swap-" + ops.Digest([]string{string(c.key), old, strconv.Itoa(n)})[:10]
		_, taken, err := f.draft.names.Holder(attribute, name, unique, c.entry.DN.Parent(), c.entry.GUID, c.key)
		if err != nil {
			return "", err
		}
		if !taken {
			return name, nil
		}
	}
}
