package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

const (
	staff   ident.DN = "OU=Staff,DC=x"
	support ident.DN = "OU=Support,OU=Staff,DC=x"
	leavers ident.DN = "OU=Leavers,DC=x"
	groups  ident.DN = "OU=Groups,DC=x"
	outside ident.DN = "OU=Servers,DC=x"
	crm     ident.DN = "CN=CRM,OU=Groups,DC=x"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// world is a directory and the links of one application, in memory. Its maps
// are ranged over in Go's random order on purpose.
type world struct {
	entries    map[ident.GUID]*ident.Entry
	links      map[ident.Key]*ident.Link
	members    map[ident.DN]map[ident.GUID]bool
	containers []ident.DN
	protected  map[ident.GUID]string
	broken     string              // the method that fails
	done       map[ident.Step]bool // what was applied of the plan
	cutAfter   int                 // so many operations are applied, then no more; 0 applies all
	watch      []string            // attributes of which no two objects may have one value at any moment
	made       int
	carried    map[string]bool // operations that were applied, as carriedOut spells them
}

var (
	_ View         = (*world)(nil)
	_ AnchorLister = (*world)(nil)
)

var errBroken = errors.New("the mirror is broken")

func newWorld() *world {
	w := &world{
		entries: map[ident.GUID]*ident.Entry{}, links: map[ident.Key]*ident.Link{},
		members: map[ident.DN]map[ident.GUID]bool{}, protected: map[ident.GUID]string{},
		containers: []ident.DN{staff, support, leavers, groups, outside},
	}
	w.put("g-crm", crm, "objectClass", "group")
	return w
}

// put adds an object; pairs of names and values, a name again for another value.
func (w *world) put(guid ident.GUID, dn ident.DN, pairs ...string) *ident.Entry {
	e := &ident.Entry{GUID: guid, DN: dn, Attributes: ident.Attributes{}}
	for i := 0; i < len(pairs); i += 2 {
		name := strings.ToLower(pairs[i])
		e.Attributes[name] = append(e.Attributes[name], pairs[i+1])
	}
	w.entries[guid] = e
	return e
}

// account adds an enabled user.
func (w *world) account(guid ident.GUID, dn ident.DN, pairs ...string) *ident.Entry {
	return w.put(guid, dn, append(pairs, "objectClass", "user", "userAccountControl", "512")...)
}

func (w *world) fails(method string) error {
	if w.broken == method {
		return errBroken
	}
	return nil
}

func (w *world) EntryByGUID(guid ident.GUID) (ident.Entry, bool, error) {
	if e, ok := w.entries[guid]; ok {
		return *e, true, w.fails("EntryByGUID")
	}
	return ident.Entry{}, false, w.fails("EntryByGUID")
}

func (w *world) EntriesByValue(attribute, value string) ([]ident.Entry, error) {
	var out []ident.Entry
	for _, e := range w.entries {
		if slices.ContainsFunc(e.Attributes.Values(attribute), func(v string) bool { return text.Alike(v, value) }) {
			out = append(out, *e)
		}
	}
	return out, w.fails("EntriesByValue " + attribute)
}

func (w *world) EntriesByName(attribute, value string) ([]ident.Entry, error) {
	var out []ident.Entry
	for _, e := range w.entries {
		if slices.ContainsFunc(e.Attributes.Values(attribute), func(v string) bool { return text.SameName(v, value) }) {
			out = append(out, *e)
		}
	}
	return out, w.fails("EntriesByName " + attribute)
}

func (w *world) ChildrenByName(parent ident.DN, cn string) ([]ident.Entry, error) {
	var out []ident.Entry
	for _, e := range w.entries {
		if e.DN.Parent().EqualFold(parent) && text.SameName(e.DN.Name(), cn) {
			out = append(out, *e)
		}
	}
	return out, w.fails("ChildrenByName")
}

func (w *world) ContainerExists(dn ident.DN) (bool, error) {
	return slices.ContainsFunc(w.containers, dn.EqualFold), w.fails("ContainerExists")
}

func (w *world) ObjectExists(dn ident.DN) (bool, error) {
	for _, e := range w.entries {
		if e.DN.EqualFold(dn) {
			return true, w.fails("ObjectExists")
		}
	}
	return false, w.fails("ObjectExists")
}

func (w *world) MemberOf(group ident.DN, guid ident.GUID) (bool, error) {
	return w.members[group][guid], w.fails("MemberOf")
}

func (w *world) GroupsOf(accounts []ident.GUID) (map[ident.GUID][]ident.DN, error) {
	out := map[ident.GUID][]ident.DN{}
	for _, group := range slices.Sorted(maps.Keys(w.members)) {
		for _, guid := range accounts {
			if w.members[group][guid] {
				out[guid] = append(out[guid], group)
			}
		}
	}
	return out, w.fails("GroupsOf")
}

func (w *world) Protected(e ident.Entry) (string, error) {
	return w.protected[e.GUID], w.fails("Protected")
}

func (w *world) LinkByKey(key ident.Key) (ident.Link, bool, error) {
	if l, ok := w.links[key]; ok {
		return *l, true, w.fails("LinkByKey")
	}
	return ident.Link{}, false, w.fails("LinkByKey")
}

func (w *world) LinkByGUID(guid ident.GUID) (ident.Link, bool, error) {
	for _, l := range w.links {
		if l.GUID == guid {
			return *l, true, w.fails("LinkByGUID")
		}
	}
	return ident.Link{}, false, w.fails("LinkByGUID")
}

func (w *world) EachLink(fn func(ident.Link) error) error {
	for _, l := range w.links {
		if l.Automation != "staff" {
			continue
		}
		if err := fn(*l); err != nil {
			return err
		}
	}
	return w.fails("EachLink")
}

func (w *world) EachAnchor(attribute, prefix string, fn func(ident.Entry) error) error {
	for _, e := range w.entries {
		if strings.HasPrefix(e.Attributes.First(attribute), prefix) {
			if err := fn(*e); err != nil {
				return err
			}
		}
	}
	return w.fails("EachAnchor")
}

// apply does what an engine does with a plan, and fails where a DC would.
func (w *world) apply(t fataler, p ident.Plan, updates []LinkUpdate) (applied int) {
	t.Helper()
	for _, up := range updates {
		l := w.links[up.Key]
		if up.ClearMissing {
			l.MissingSince = nil
		}
		if up.Placed != "" {
			l.Placed, l.OU, l.Left, l.LeftOU = up.Placed, up.OU, "", ""
		}
		maps.Copy(l.Applied, up.Agreed)
	}
	w.done = map[ident.Step]bool{}
	for _, class := range ident.Classes {
		applied += w.applyClass(t, p, class, w.cutAfter-applied)
		if w.cutAfter > 0 && applied >= w.cutAfter {
			break
		}
	}
	return applied
}

// applyClass applies the operations of one class, those first that others come
// after. One that never gets its turn is a mistake of the plan.
func (w *world) applyClass(t fataler, p ident.Plan, class ident.Class, most int) (applied int) {
	t.Helper()
	type step struct {
		change ident.Change
		op     ident.Operation
	}
	var open []step
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			if op.Class == class && op.Verdict == ident.VerdictApply {
				open = append(open, step{c, op})
			}
		}
	}
	for len(open) > 0 {
		next := slices.IndexFunc(open, func(s step) bool {
			return !slices.ContainsFunc(s.op.After, func(k ident.Step) bool { return !w.done[k] })
		})
		if next < 0 {
			t.Fatalf("%s: nobody has a turn among %d operations", class, len(open))
		}
		w.applyOne(t, open[next].change, open[next].op)
		w.mustBeUnique(t)
		w.done[ident.Step{Class: class, Key: open[next].change.Key}] = true
		open = slices.Delete(open, next, next+1)
		if applied++; applied == most {
			break
		}
	}
	return applied
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (w *world) applyOne(t fataler, c ident.Change, op ident.Operation) {
	t.Helper()
	link := ident.Link{Application: "pipedrive", Key: c.Key, GUID: c.GUID, Automation: "staff", Created: noon}
	switch op.Class {
	case ident.ClassCreate:
		w.made++
		link.GUID = ident.GUID(fmt.Sprintf("made-%d", w.made))
		w.mustBeFree(t, op.To, "")
		w.account(link.GUID, op.To)
	case ident.ClassLink, ident.ClassAdopt:
		if w.entries[c.GUID].DN != op.To {
			t.Fatalf("%s %s: To is %s, the object is at %s", c.Key, op.Class, op.To, w.entries[c.GUID].DN)
		}
	default:
		old, ok := w.links[c.Key]
		if !ok {
			t.Fatalf("%s %s: no link", c.Key, op.Class)
		}
		link = *old
	}
	w.write(t, c, op, w.entries[link.GUID])
	if w.carried != nil {
		w.carried[carriedOut(c, op)] = true
	}
	link = ops.Remember(link, op, noon)
	w.links[c.Key] = &link
}

func carriedOut(c ident.Change, op ident.Operation) string {
	return fmt.Sprint(c.Key, op.Class, op.Aside)
}

func (w *world) write(t fataler, c ident.Change, op ident.Operation, e *ident.Entry) {
	t.Helper()
	for _, ch := range op.Attributes {
		if ch.Reference {
			ch = w.present(ch)
		}
		name := strings.ToLower(ch.Name)
		if name != "cn" && !ident.SameValues(name, ch.Old, e.Attributes[name]) {
			t.Fatalf("%s %s: %s is %q, the plan says %q", c.Key, op.Class, ch.Name, e.Attributes[name], ch.Old)
		}
		values := ch.New
		if ch.Add {
			values = append(slices.Clone(e.Attributes[name]), ch.New...)
		}
		if e.Attributes[name] = values; len(values) == 0 {
			delete(e.Attributes, name)
		}
	}
	switch op.Class {
	case ident.ClassEnable:
		e.Attributes["useraccountcontrol"] = []string{"512"}
	case ident.ClassDisable:
		e.Attributes["useraccountcontrol"] = []string{"514"}
	case ident.ClassGroups:
		for _, g := range op.Groups {
			if w.members[g] == nil {
				w.members[g] = map[ident.GUID]bool{}
			}
			w.members[g][e.GUID] = true
		}
		for _, g := range op.Left {
			delete(w.members[g], e.GUID)
		}
	}
	if op.From == "" {
		return
	}
	if op.From != e.DN {
		t.Fatalf("%s %s: From is %s, the object is at %s", c.Key, op.Class, op.From, e.DN)
	}
	w.mustBeFree(t, op.To, e.GUID)
	w.maintain(e.DN, op.To)
	e.DN = op.To
}

// present is a reference with the places where the objects are by now, and
// maintain what a directory does with DNs when an object is renamed or moved.
func (w *world) present(ch ident.AttributeChange) ident.AttributeChange {
	ch.New = slices.Clone(ch.New)
	for i, n := range ch.Named {
		if l := w.links[n.Key]; l != nil {
			ch.New[i] = string(w.entries[l.GUID].DN)
		}
	}
	ch.Old = slices.Clone(ch.Old)
	for i, guid := range ch.Were {
		if e := w.entries[guid]; e != nil {
			ch.Old[i] = string(e.DN)
		}
	}
	return ch
}

func (w *world) maintain(from, to ident.DN) {
	for _, e := range w.entries {
		for name, values := range e.Attributes {
			if name != "manager" && name != "secretary" && name != "seealso" {
				continue
			}
			values = slices.Clone(values)
			for i, v := range values {
				if from.EqualFold(ident.DN(v)) {
					values[i] = string(to)
				}
			}
			e.Attributes[name] = values
		}
	}
}

func (w *world) mustBeUnique(t fataler) {
	t.Helper()
	for _, attribute := range w.watch {
		holders := map[string]ident.DN{}
		for _, e := range w.entries {
			for _, v := range e.Attributes.Values(attribute) {
				if other, taken := holders[text.Name(v)]; taken {
					t.Fatalf("%s %q is on %s and %s at once", attribute, v, other, e.DN)
				}
				holders[text.Name(v)] = e.DN
			}
		}
	}
}

func (w *world) mustBeFree(t fataler, dn ident.DN, self ident.GUID) {
	t.Helper()
	if there, _ := w.ContainerExists(dn.Parent()); !there {
		t.Fatalf("%s: no such container", dn)
	}
	found, _ := w.ChildrenByName(dn.Parent(), dn.Name())
	if slices.ContainsFunc(found, func(e ident.Entry) bool { return e.GUID != self }) {
		t.Fatalf("%s: entry already exists", dn)
	}
}
