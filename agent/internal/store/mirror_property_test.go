package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// forest is a directory in memory that behaves as AD does: a rename changes
// the DNs of everything below, and what names the object, without a word about
// them in the change feed.
type forest struct {
	nodes   map[int]*node
	next    int
	removed []ident.GUID
	bin     []int
	most    int // objects; 0: no limit
}

type node struct {
	id, parent int // parent 0 is the root
	rdn        string
	attributes map[string]string
	members    map[int]bool
	manager    int             // 0: none
	changed    map[string]bool // attributes, "dn"; what the feed will tell
}

const root = "DC=c"

func (n *node) guid() ident.GUID { return ident.GUID("guid-" + strconv.Itoa(n.id)) }

// class makes groups, users and units of the objects.
func (n *node) class() string { return []string{"group", "user", "organizationalUnit"}[n.id%3] }

func (f *forest) dn(id int) ident.DN {
	if id == 0 {
		return root
	}
	return ident.DN(f.nodes[id].rdn + "," + string(f.dn(f.nodes[id].parent)))
}

func (f *forest) below(id, top int) bool {
	for ; id != 0; id = f.nodes[id].parent {
		if id == top {
			return true
		}
	}
	return top == 0
}

func (f *forest) ids() []int { return slices.Sorted(maps.Keys(f.nodes)) }

func (f *forest) free(parent int, rdn string, except int) bool {
	for id, n := range f.nodes {
		if id != except && n.parent == parent && n.rdn == rdn {
			return false
		}
	}
	return true
}

func (f *forest) attributesOf(n *node) ident.Attributes {
	a := ident.Attributes{"distinguishedname": {string(f.dn(n.id))}, "objectclass": {n.class()}}
	for name, v := range n.attributes {
		a[name] = []string{v}
	}
	if n.manager != 0 {
		a["manager"] = []string{string(f.dn(n.manager))}
	}
	for _, m := range slices.Sorted(maps.Keys(n.members)) {
		a["member"] = append(a["member"], string(f.dn(m)))
	}
	return a
}

// step makes one random change to the directory.
func (f *forest) step(t *rapid.T) {
	rdn := "OU=" + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
	ids := f.ids()
	pick := func(label string) int { return rapid.SampledFrom(append([]int{0}, ids...)).Draw(t, label) }
	n := f.nodes[pick("node")]
	action := rapid.SampledFrom([]string{"create", "create", "move", "move", "delete", "set", "member", "member", "manager", "back"}).Draw(t, "action")
	if n == nil {
		action = "create"
	}
	if action == "create" && f.most > 0 && len(f.nodes) >= f.most {
		return
	}
	switch action {
	case "create":
		if parent := pick("parent"); f.free(parent, rdn, 0) {
			f.next++
			f.nodes[f.next] = &node{
				id: f.next, parent: parent, rdn: rdn, attributes: map[string]string{}, members: map[int]bool{},
				changed: map[string]bool{"dn": true},
			}
		}
	case "move":
		if parent := pick("parent"); !f.below(parent, n.id) && f.free(parent, rdn, n.id) {
			n.parent, n.rdn = parent, rdn
			n.changed["dn"] = true
		}
	case "delete":
		f.remove(n)
	case "set":
		name := rapid.SampledFrom([]string{"sn", "mail"}).Draw(t, "attribute")
		n.changed[name] = true
		delete(n.attributes, name)
		if v := rapid.SampledFrom([]string{"", "x", "Y"}).Draw(t, "value"); v != "" {
			n.attributes[name] = v
		}
	case "manager":
		if m := pick("manager"); m != n.manager {
			n.manager = m
			n.changed["manager"] = true
		}
	case "back":
		f.restore(t, n.parent, rdn)
	case "member":
		if m := pick("member"); m != 0 {
			n.changed["member"] = true
			if n.members[m] {
				delete(n.members, m)
			} else {
				n.members[m] = true
			}
		}
	}
}

// remove deletes a leaf.
func (f *forest) remove(n *node) {
	for _, other := range f.nodes {
		if other.parent == n.id {
			return
		}
	}
	delete(f.nodes, n.id)
	for _, other := range f.nodes {
		delete(other.members, n.id)
		if other.manager == n.id {
			other.manager = 0
		}
	}
	f.removed = append(f.removed, n.guid())
	f.bin = append(f.bin, n.id)
}

// restore brings a deleted object back, once its deletion has been told.
func (f *forest) restore(t *rapid.T, parent int, rdn string) {
	if len(f.bin) == 0 || !f.free(parent, rdn, 0) {
		return
	}
	id := rapid.SampledFrom(f.bin).Draw(t, "back")
	back := &node{id: id, parent: parent, rdn: rdn, attributes: map[string]string{}, members: map[int]bool{}, changed: map[string]bool{"dn": true}}
	if slices.Contains(f.removed, back.guid()) {
		return
	}
	f.nodes[id] = back
	f.bin = slices.DeleteFunc(f.bin, func(other int) bool { return other == id })
}

// feed tells what has changed since the last feed, in any order.
func (f *forest) feed(t *rapid.T, m MirrorTx) error {
	m.Record(EventRules{})
	var tell []func() error
	for _, guid := range f.removed {
		tell = append(tell, func() error { t.Logf("told: %s removed", guid); return m.Remove(guid) })
	}
	for _, id := range f.ids() {
		n := f.nodes[id]
		if len(n.changed) == 0 {
			continue
		}
		all, changed := f.attributesOf(n), ident.Attributes{}
		for name := range n.changed {
			if name == "dn" {
				name = "distinguishedname"
			}
			changed[name] = all[name]
		}
		whole := rapid.Bool().Draw(t, "whole")
		n.changed = map[string]bool{}
		tell = append(tell, func() error {
			t.Logf("told: %d %s, whole %v, %v", id, f.dn(id), whole, changed)
			if !whole {
				found, err := m.Merge(n.guid(), f.dn(id), changed)
				if found || err != nil {
					return err
				}
			}
			return m.Put(ident.Entry{GUID: n.guid(), DN: f.dn(id), Attributes: all})
		})
	}
	f.removed = nil
	for _, do := range rapid.Permutation(tell).Draw(t, "order") {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// read is a full read in several transactions, which may be cut off.
func (f *forest) read(ctx context.Context, t *rapid.T, s *Store, cutOff bool) {
	must(t, s.UpdateMirror(ctx, func(m MirrorTx) error { m.Record(EventRules{}); return m.BeginSweep() }))
	for i, id := range rapid.Permutation(f.ids()).Draw(t, "order") {
		if cutOff && i >= len(f.nodes)/2 {
			return
		}
		n := f.nodes[id]
		must(t, s.UpdateMirror(ctx, func(m MirrorTx) error {
			m.Record(EventRules{})
			return m.Put(ident.Entry{GUID: n.guid(), DN: f.dn(id), Attributes: f.attributesOf(n)})
		}))
	}
	must(t, s.UpdateMirror(ctx, func(m MirrorTx) error {
		m.Record(EventRules{})
		_, err := m.Sweep()
		return err
	}))
	f.removed = nil
	for _, n := range f.nodes {
		n.changed = map[string]bool{}
	}
}

// compare holds the mirror against the directory.
func (f *forest) compare(ctx context.Context, t *rapid.T, s *Store) {
	if n := must1[int](t)(s.CountEntries(ctx)); n != len(f.nodes) {
		t.Fatalf("the mirror has %d entries, the directory %d", n, len(f.nodes))
	}
	for id, n := range f.nodes {
		want := ident.Entry{GUID: n.guid(), DN: f.dn(id), Attributes: f.attributesOf(n)}
		check := func(how string, got ident.Entry, found bool, err error) {
			must(t, err)
			for _, list := range []ident.Attributes{got.Attributes, want.Attributes} {
				slices.Sort(list["member"])
			}
			if d := cmp.Diff(want, got); !found || d != "" {
				t.Fatalf("%s of %s: found %v, (-directory +mirror)\n%s", how, want.DN, found, d)
			}
		}
		got, found, err := s.EntryByGUID(ctx, n.guid())
		check("EntryByGUID", got, found, err)
		got, found, err = s.EntryByDN(ctx, f.dn(id))
		check("EntryByDN", got, found, err)
		children, err := s.ChildrenByName(ctx, f.dn(n.parent), n.rdn[3:])
		i := slices.IndexFunc(children, func(e ident.Entry) bool { return e.GUID == n.guid() })
		check("ChildrenByName", children[max(i, 0)], i >= 0, err)

		var want2, got2 []ident.GUID
		for _, g := range f.nodes {
			if g.members[id] {
				want2 = append(want2, g.guid())
			}
		}
		for _, e := range must1[[]ident.Entry](t)(s.EntriesByValue(ctx, "member", string(f.dn(id)))) {
			got2 = append(got2, e.GUID)
		}
		slices.Sort(want2)
		slices.Sort(got2)
		if d := cmp.Diff(want2, got2); d != "" {
			t.Fatalf("groups of %s (-directory +mirror)\n%s", f.dn(id), d)
		}
	}
}

func (f *forest) String() string {
	text := ""
	for _, id := range f.ids() {
		text += fmt.Sprintf("%d %s\n", id, f.dn(id))
	}
	return text
}

func TestMirrorFollowsTheDirectory(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	soak.Check(t, 30, 100, func(t *rapid.T) {
		must(t, s.UpdateMirror(ctx, func(m MirrorTx) error { return m.Clear() }))
		f := &forest{nodes: map[int]*node{}}
		for range rapid.IntRange(1, 6).Draw(t, "syncs") {
			for range rapid.IntRange(0, 8).Draw(t, "steps") {
				f.step(t)
			}
			if rapid.IntRange(0, 4).Draw(t, "full") == 0 {
				f.read(ctx, t, s, false)
			} else {
				must(t, s.UpdateMirror(ctx, func(m MirrorTx) error { return f.feed(t, m) }))
			}
			t.Logf("the directory now:\n%s", f)
			f.compare(ctx, t, s)
		}
	})
}
