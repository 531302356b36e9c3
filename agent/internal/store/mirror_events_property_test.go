package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// known is what a forest looked like at the end of a read, by GUID and not by DN.
type known map[ident.GUID]knownNode

type knownNode struct {
	class, rdn string
	dn         ident.DN
	parent     int
	manager    int
	attributes map[string]string
	members    map[ident.GUID]bool
}

func (f *forest) known() known {
	all := known{}
	for _, n := range f.nodes {
		k := knownNode{
			class: n.class(), rdn: n.rdn, dn: f.dn(n.id), parent: n.parent, manager: n.manager,
			attributes: map[string]string{}, members: map[ident.GUID]bool{},
		}
		for name, v := range n.attributes {
			k.attributes[name] = v
		}
		for m := range n.members {
			k.members[f.nodes[m].guid()] = true
		}
		all[n.guid()] = k
	}
	return all
}

// since says what happened between two states, one line for each object and for
// each membership.
func since(before, after known, everDeleted map[ident.GUID]bool) []string {
	var lines []string
	for guid, now := range after {
		was, there := before[guid]
		if now.class == "organizationalUnit" {
			continue
		}
		var what []string
		switch {
		case !there && everDeleted[guid]:
			what = append(what, "restored")
		case !there:
			what = append(what, "created")
		default:
			if was.dn.Parent() != now.dn.Parent() {
				what = append(what, "moved")
			}
			if was.rdn != now.rdn {
				what = append(what, "renamed")
			}
			for _, name := range []string{"mail", "manager", "sn"} {
				if name == "manager" && was.manager != now.manager || was.attributes[name] != now.attributes[name] {
					what = append(what, "modified "+name)
				}
			}
		}
		if len(what) > 0 {
			lines = append(lines, fmt.Sprintf("%s %s", guid, strings.Join(what, ", ")))
		}
	}
	for guid, was := range before {
		if _, there := after[guid]; !there && was.class != "organizationalUnit" {
			lines = append(lines, string(guid)+" deleted")
		}
	}
	return append(lines, memberships(before, after)...)
}

func memberships(before, after known) []string {
	var lines []string
	add := func(who, group ident.GUID, what string) {
		if now, there := after[who]; there && now.class != "organizationalUnit" {
			lines = append(lines, fmt.Sprintf("%s %s %s", who, what, group))
		}
	}
	for group, now := range after {
		for who := range now.members {
			if !before[group].members[who] {
				add(who, group, "member_added")
			}
		}
	}
	for group, was := range before {
		now, there := after[group]
		if !there && was.class != "group" {
			continue // only groups have members; an object of another class is gone without a word about them
		}
		for who := range was.members {
			if !now.members[who] {
				add(who, group, "member_removed")
			}
		}
	}
	return lines
}

func inWords(e ident.Event) string {
	var what []string
	for _, p := range e.Parts {
		word := string(p.Kind)
		if p.Attribute != "" {
			word += " " + p.Attribute
		}
		if e.Group != nil {
			word += " " + string(e.Group.GUID)
		}
		what = append(what, word)
	}
	return string(e.GUID) + " " + strings.Join(what, ", ")
}

// Whatever happens to a directory, and however its changes arrive, the events of
// a read are the differences between two states: none too many, none too few.
func TestEventsAreTheDifferences(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	soak.Check(t, 100, 2000, func(t *rapid.T) {
		must(t, s.UpdateMirror(ctx, func(m MirrorTx) error { return m.Clear() }))
		removeAll(t, s, "events", "mirror_deleted", "mirror_doubts")
		f, last := &forest{nodes: map[int]*node{}, most: 8}, int64(0)
		must(t, s.UpdateMirror(ctx, func(m MirrorTx) error { return m.SetState(MirrorState{Events: true}) }))
		before, deleted := f.known(), map[ident.GUID]bool{}
		for range rapid.IntRange(2, 6).Draw(t, "syncs") {
			for range rapid.IntRange(0, 16).Draw(t, "steps") {
				f.step(t)
			}
			whole := rapid.IntRange(0, 2).Draw(t, "full") == 0
			if whole && rapid.Bool().Draw(t, "cut off") {
				f.read(ctx, t, s, true)
				for range rapid.IntRange(0, 6).Draw(t, "steps meanwhile") {
					f.step(t)
				}
			}
			if whole {
				f.read(ctx, t, s, false)
			} else {
				must(t, s.UpdateMirror(ctx, func(m MirrorTx) error { return f.feed(t, m) }))
			}
			after := f.known()
			want := since(before, after, deleted)
			for guid := range before {
				if _, there := after[guid]; !there {
					deleted[guid] = true
				}
			}
			for guid := range after {
				delete(deleted, guid)
			}
			var got []string
			for _, e := range eventsAfter(t, s, last) {
				got, last = append(got, inWords(e)), e.ID
				checkEvent(t, e, before, after)
			}
			slices.Sort(want)
			slices.Sort(got)
			t.Logf("the directory now:\n%s", f)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("events (-want +got), whole read: %v\n%s", whole, d)
			}
			wantEmpty(t, s, "mirror_before", "mirror_members", "mirror_former")
			f.compare(ctx, t, s)
			before = after
		}
	})
}

// checkEvent holds what an event says besides what happened against the states.
func checkEvent(t *rapid.T, e ident.Event, before, after known) {
	t.Helper()
	now, there := after[e.GUID]
	if there && (e.DN != now.dn || e.Image.First("sn") != now.attributes["sn"] || e.Image.Values("member") != nil) {
		t.Fatalf("%s at %s with %v; the object is at %s with %v", inWords(e), e.DN, e.Image, now.dn, now.attributes)
	}
	was, known := before[e.GUID]
	if e.From != was.dn {
		t.Fatalf("%s (known before: %v) from %q, not from %q", inWords(e), known, e.From, was.dn)
	}
	if known && e.Group == nil && there && e.Before().First("sn") != was.attributes["sn"] {
		t.Fatalf("%s: before %v, not %v", inWords(e), e.Before(), was.attributes)
	}
}

func eventsAfter(t *rapid.T, s *Store, id int64) []ident.Event {
	rows, err := s.reader.QueryContext(t.Context(), selectEvents+` WHERE id > ? ORDER BY id`, id)
	must(t, err)
	return must1[[]ident.Event](t)(collect(rows, scanEvent))
}

func removeAll(t *rapid.T, s *Store, tables ...string) {
	for _, table := range tables {
		must(t, s.exec(t.Context(), "empty a table", `DELETE FROM `+table))
	}
}

func wantEmpty(t *rapid.T, s *Store, tables ...string) {
	t.Helper()
	for _, table := range tables {
		var n int
		must(t, s.reader.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
		if n > 0 {
			t.Fatalf("%s has %d rows after a complete read", table, n)
		}
	}
}
