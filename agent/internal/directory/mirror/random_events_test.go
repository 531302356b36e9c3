package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// walker is a mirror whose events are folded over what the directory held when
// they began: they must lead to what it holds now.
type walker struct {
	*told
	reader Searcher
	known  map[ident.GUID]person
}

// person is a user or group as a search shows it, with everything that it names
// by GUID.
type person struct {
	dn         ident.DN
	attributes string
	manager    string // by GUID
	groups     map[ident.GUID]bool
}

func newWalker(t *testing.T, dc *dirtest.Domain, dir dirtest.Directory) *walker {
	w := &walker{told: counting(t, dc, dir), reader: dir}
	w.known = w.look(t, dc)
	return w
}

// look reads the directory by a search.
func (w *walker) look(t *testing.T, dc *dirtest.Domain) map[ident.GUID]person {
	t.Helper()
	found, who, all := map[ident.GUID]person{}, map[string]ident.GUID{}, []ident.Entry{}
	err := w.reader.Search(t.Context(), conn.Query{
		Base: dc.BaseDN, Filter: "(|(objectClass=user)(objectClass=group))",
		Attributes: []string{"objectClass", "title", "manager", "member", "description"},
	}, func(e ident.Entry) error {
		who[e.DN.Fold()] = e.GUID
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	groups := map[ident.GUID]map[ident.GUID]bool{}
	for _, e := range all {
		for _, m := range e.Attributes.Values("member") {
			guid := who[ident.DN(m).Fold()]
			if groups[guid] == nil {
				groups[guid] = map[ident.GUID]bool{}
			}
			groups[guid][e.GUID] = true
		}
	}
	for _, e := range all {
		if slices.Contains(e.Attributes.Values("objectClass"), "computer") {
			continue
		}
		in := groups[e.GUID]
		if in == nil {
			in = map[ident.GUID]bool{}
		}
		found[e.GUID] = person{
			dn: e.DN, manager: string(who[ident.DN(e.Attributes.First("manager")).Fold()]), groups: in,
			attributes: e.Attributes.First("title") + "/" + e.Attributes.First("description"),
		}
	}
	return found
}

// step synchronises, by a full read now and then, and folds the events.
func (w *walker) step(t *testing.T, dc *dirtest.Domain, r *rapid.T) {
	t.Helper()
	if rapid.IntRange(0, 3).Draw(r, "full") == 0 {
		w.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
	}
	w.sync(t)
	now := w.look(t, dc)
	events := w.since(t)
	seen, from := map[string]bool{}, map[ident.GUID]ident.DN{}
	for guid, p := range w.known {
		from[guid] = p.dn
	}
	for _, e := range events {
		key := string(e.GUID)
		if e.Group != nil {
			key += " in " + string(e.Group.GUID)
		}
		if e.Unsure != "" {
			key += " in doubt" // beside what is certain
		}
		if seen[key] {
			t.Fatalf("two events in one read: %q", inWordsAll(events))
		}
		seen[key] = true
		if e.Group == nil && e.From != from[e.GUID] { // what is in doubt too is told from before the read
			t.Fatalf("%q is from %q, want %q", inWordsAll(events), e.From, from[e.GUID])
		}
		w.fold(t, e, now)
	}
	if d := cmp.Diff(shown(now), shown(w.known)); d != "" {
		t.Fatalf("the events %q lead elsewhere (-directory +events)\n%s", inWordsAll(events), d)
	}
	w.known = now
}

// fold applies an event to what was known. Whatever it says must be news.
func (w *walker) fold(t *testing.T, e ident.Event, now map[ident.GUID]person) {
	t.Helper()
	p, was := w.known[e.GUID]
	fresh := e.Kinds()[0] == ident.EventCreated || e.Kinds()[0] == ident.EventRestored
	if e.Group == nil && was == fresh {
		t.Fatalf("%q is about %+v", inWordsAll([]ident.Event{e}), p)
	}
	if fresh {
		p = person{groups: map[ident.GUID]bool{}, attributes: now[e.GUID].attributes, manager: now[e.GUID].manager}
	}
	for _, part := range e.Parts {
		switch part.Kind {
		case ident.EventDeleted:
			delete(w.known, e.GUID)
			return // the members of a deleted group have events of their own
		case ident.EventMemberAdded, ident.EventMemberRemoved:
			p.groups[e.Group.GUID] = part.Kind == ident.EventMemberAdded
			if !p.groups[e.Group.GUID] {
				delete(p.groups, e.Group.GUID)
			}
		case ident.EventModified:
			title, description, _ := strings.Cut(p.attributes, "/")
			switch value := strings.Join(part.New, ""); part.Attribute {
			case "title":
				title = value
			case "description":
				description = value
			case "manager":
				if p.manager == now[e.GUID].manager {
					t.Fatalf("%q: the manager is the same", inWordsAll([]ident.Event{e}))
				}
				p.manager = now[e.GUID].manager
			}
			p.attributes = title + "/" + description
		}
	}
	p.dn = e.DN
	w.known[e.GUID] = p
}

func shown(all map[ident.GUID]person) map[ident.GUID]string {
	lines := map[ident.GUID]string{}
	for guid, p := range all {
		lines[guid] = fmt.Sprint(p.dn, " ", p.attributes, " ", p.manager, " ", slices.Sorted(maps.Keys(p.groups)))
	}
	return lines
}
