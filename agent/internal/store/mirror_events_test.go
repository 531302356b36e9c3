package store

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// counting is a store in which events count, with some objects: a, b and m are
// users, m's manager is a, and a is in group g.
func counting(t *testing.T) *Store {
	t.Helper()
	s := openTest(t)
	update(t, s, put(entry("ou", "OU=o,DC=c", "objectclass", "organizationalUnit")), put(user("a", "CN=a,OU=o,DC=c")),
		put(user("b", "CN=b,DC=c")), put(user("m", "CN=m,DC=c", "manager", "CN=a,OU=o,DC=c")),
		put(group("g", "CN=g,DC=c", "CN=a,OU=o,DC=c")), func(m MirrorTx) error { return m.SetState(MirrorState{Events: true}) })
	return s
}

func user(guid ident.GUID, dn ident.DN, pairs ...string) ident.Entry {
	return entry(guid, dn, append([]string{"objectclass", "user", "useraccountcontrol", "512"}, pairs...)...)
}

func group(guid ident.GUID, dn ident.DN, members ...string) ident.Entry {
	e := entry(guid, dn, "objectclass", "group", "samaccountname", "group of "+dn.Name())
	e.Attributes["member"] = members
	return e
}

func record(m MirrorTx) error { m.Record(EventRules{}); return nil }

func membersAre(list ...string) func(MirrorTx) error {
	return merge("g", "CN=g,DC=c", ident.Attributes{"member": list})
}

func beginSweep(m MirrorTx) error { return m.BeginSweep() }

func sweep(m MirrorTx) error {
	_, err := m.Sweep()
	return err
}

// happened returns the events in words.
func happened(t *testing.T, s *Store) []string {
	t.Helper()
	var list []string
	for _, e := range events(t, s) {
		list = append(list, inWords(e))
	}
	slices.Sort(list)
	return list
}

func wantEvents(t *testing.T, s *Store, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, happened(t, s)); d != "" {
		t.Errorf("events (-want +got)\n%s", d)
	}
}

// A DN that has passed from one object to another means the other, although the
// text is the same; whether its new owner came first or last.
func TestEventsOfExchangedPlaces(t *testing.T) {
	leaves, comes := merge("a", "CN=x,DC=c", nil), merge("b", "CN=a,OU=o,DC=c", nil)
	told := []func(MirrorTx) error{membersAre("CN=a,OU=o,DC=c"), merge("m", "", ident.Attributes{"manager": {"CN=a,OU=o,DC=c"}})}
	want := []string{
		"a member_removed g", "a moved, renamed", "b member_added g", "b moved, renamed", "m modified manager",
	}
	for name, calls := range map[string][]func(MirrorTx) error{
		"first the old one":  {leaves, comes},
		"first the new one":  {comes, leaves},
		"reported before it": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := counting(t)
			all := slices.Concat([]func(MirrorTx) error{record}, calls, told)
			if calls == nil {
				all = append(all, comes, leaves)
			}
			update(t, s, all...)
			wantEvents(t, s, want...)
		})
	}
	for name, order := range map[string][]int{"the old one first": {0, 1}, "the new one first": {1, 0}} {
		t.Run("by a full read, "+name, func(t *testing.T) {
			s := counting(t)
			both := []func(MirrorTx) error{put(user("a", "CN=x,DC=c")), put(user("b", "CN=a,OU=o,DC=c"))}
			update(t, s, record, beginSweep, put(user("m", "CN=m,DC=c", "manager", "CN=a,OU=o,DC=c")))
			update(t, s, record, put(group("g", "CN=g,DC=c", "CN=a,OU=o,DC=c")), both[order[0]])
			update(t, s, record, both[order[1]], put(entry("ou", "OU=o,DC=c", "objectclass", "organizationalUnit")))
			wantEvents(t, s)
			update(t, s, record, sweep)
			wantEvents(t, s, want...)
		})
	}
	t.Run("when nobody told the group", func(t *testing.T) {
		s := counting(t)
		update(t, s, record, leaves, comes)
		wantEvents(t, s, "a moved, renamed", "b moved, renamed")
	})
	t.Run("by one who is created in place of one who is gone", func(t *testing.T) {
		s := counting(t)
		update(t, s, record, remove("a"), put(user("n", "CN=a,OU=o,DC=c")), told[0], told[1])
		wantEvents(t, s, "a deleted", "m modified manager", "n created", "n member_added g")
	})
}

// A value may name an object by the DN that it had before it was renamed.
func TestEventsOfFormerNames(t *testing.T) {
	s := counting(t)
	update(t, s, put(user("n", "CN=n,OU=o,DC=c")))
	update(t, s, record, membersAre("CN=a,OU=o,DC=c", "CN=n,OU=o,DC=c"), merge("ou", "OU=p,DC=c", nil))
	wantEvents(t, s, "a moved", "n member_added g", "n moved")
	update(t, s, record, membersAre("cn=A,ou=P,dc=c", "CN=n,OU=p,DC=c")) // other spellings
	if n := len(happened(t, s)); n != 3 {
		t.Errorf("another spelling of a member is an event: %q", happened(t, s))
	}
}

// A full read may report a group before it reports that its members have moved.
func TestEventsOfFormerNamesInFullReads(t *testing.T) {
	s := counting(t)
	update(t, s, record, beginSweep, put(group("g", "CN=g,DC=c", "CN=a,OU=o,DC=c", "CN=b,DC=c")), put(user("m", "CN=m,DC=c", "manager", "CN=a,OU=o,DC=c")))
	update(t, s, record, put(entry("ou", "OU=p,DC=c", "objectclass", "organizationalUnit")), put(user("b", "CN=b2,DC=c")))
	update(t, s, record, put(user("a", "CN=a,OU=p,DC=c")), sweep)
	want := []string{"a moved", "b member_added g", "b renamed"}
	wantEvents(t, s, want...)
	update(t, s, record, membersAre("CN=a,OU=p,DC=c", "CN=b2,DC=c"), merge("m", "", ident.Attributes{"manager": {"CN=a,OU=p,DC=c"}}))
	wantEvents(t, s, want...)
}

// What a full read that was cut off has found is neither lost nor told twice.
func TestEventsOfFullReadsThatAreCutOff(t *testing.T) {
	all := func(members []string, more ...ident.Entry) (calls []func(MirrorTx) error) {
		for _, e := range append([]ident.Entry{
			entry("ou", "OU=o,DC=c", "objectclass", "organizationalUnit"), group("g", "CN=g,DC=c", members...),
		}, more...) {
			calls = append(calls, put(e))
		}
		return append([]func(MirrorTx) error{record, beginSweep}, append(calls, sweep)...)
	}
	a, b, m := user("a", "CN=a,OU=o,DC=c"), user("b", "CN=b,DC=c"), user("m", "CN=m,DC=c", "manager", "CN=a,OU=o,DC=c")
	for _, c := range []struct {
		name   string
		cutOff []func(MirrorTx) error
		then   []func(MirrorTx) error
		want   []string
	}{
		{"found by the first", []func(MirrorTx) error{put(user("b", "CN=b,DC=c", "title", "x"))}, all([]string{"CN=a,OU=o,DC=c"}, a, user("b", "CN=b,DC=c", "title", "x"), m), []string{"b modified title"}},
		{"found by the first, and undone", []func(MirrorTx) error{put(user("b", "CN=b,DC=c", "title", "x"))}, all([]string{"CN=a,OU=o,DC=c"}, a, b, m), nil},
		{"come and gone", []func(MirrorTx) error{put(user("n", "CN=n,DC=c"))}, all([]string{"CN=a,OU=o,DC=c"}, a, b, m), nil},
		{"come", []func(MirrorTx) error{put(user("n", "CN=n,DC=c"))}, all([]string{"CN=a,OU=o,DC=c"}, a, b, m, user("n", "CN=n,DC=c", "title", "x")), []string{"n created"}},
		{"a member for a while", []func(MirrorTx) error{put(group("g", "CN=g,DC=c", "CN=a,OU=o,DC=c", "CN=b,DC=c"))}, all([]string{"CN=a,OU=o,DC=c"}, a, b, m), nil},
		{"no member for a while", []func(MirrorTx) error{put(group("g", "CN=g,DC=c"))}, all([]string{"CN=a,OU=o,DC=c"}, a, b, m), nil},
		{"a member, found by the first", []func(MirrorTx) error{put(group("g", "CN=g,DC=c", "CN=b,DC=c"))}, all([]string{"CN=b,DC=c"}, a, b, m), []string{"a member_removed g", "b member_added g"}},
		{"moved, told to the group before and after", []func(MirrorTx) error{put(user("a", "CN=y,DC=c")), put(group("g", "CN=g,DC=c", "CN=y,DC=c"))}, all([]string{"CN=z,DC=c"}, user("a", "CN=z,DC=c"), b, user("m", "CN=m,DC=c", "manager", "CN=z,DC=c")), []string{"a moved, renamed"}},
		{"a group that came and went", []func(MirrorTx) error{put(group("h", "CN=h,DC=c", "CN=b,DC=c"))}, all([]string{"CN=a,OU=o,DC=c"}, a, b, m), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := counting(t)
			update(t, s, append([]func(MirrorTx) error{record, beginSweep}, c.cutOff...)...)
			wantEvents(t, s)
			update(t, s, c.then...)
			wantEvents(t, s, c.want...)
		})
	}
}

// Groups that are deleted lose their members, who may be gone as well.
func TestEventsOfDeletedGroups(t *testing.T) {
	s := counting(t)
	update(t, s, membersAre("CN=a,OU=o,DC=c", "CN=b,DC=c"))
	update(t, s, record, remove("b"), remove("g"))
	wantEvents(t, s, "a member_removed g", "b deleted", "g deleted")
	for _, e := range events(t, s) {
		if e.Group != nil && (*e.Group != ident.EventGroup{GUID: "g", DN: "CN=g,DC=c", Name: "group of g"}) {
			t.Errorf("the group is told as %+v", e.Group)
		}
	}
	update(t, s, record, put(user("b", "CN=b,DC=c")), put(group("g", "CN=g,DC=c", "CN=b,DC=c")))
	wantEvents(t, s, "a member_removed g", "b deleted", "b member_added g", "b restored", "g deleted", "g restored")
}

// unsureOf returns the events that are in doubt, in words.
func unsureOf(t *testing.T, s *Store) []string {
	t.Helper()
	var list []string
	for _, e := range events(t, s) {
		if e.Unsure != "" {
			list = append(list, inWords(e)+": "+e.Unsure)
		}
	}
	slices.Sort(list)
	return list
}

// TestEventsOfMembersOutOfSight: who is back in sight does not join anything for
// certain.
func TestEventsOfMembersOutOfSight(t *testing.T) {
	s := counting(t)
	update(t, s, record, func(m MirrorTx) error { m.Doubt("a", "not shown"); return nil }, remove("a"))
	if at, unsure, err := s.DeletedAt(t.Context(), "a"); at.IsZero() || unsure != "not shown" || err != nil {
		t.Errorf("deleted at %v, in doubt %q, %v", at, unsure, err)
	}
	update(t, s, record, put(user("a", "CN=a,OU=o,DC=c")), membersAre("CN=a,OU=o,DC=c"))
	want := []string{
		"a deleted: not shown", "a member_added g: " + inSightAgain, "a restored: " + inSightAgain,
		"m modified manager: about CN=a,OU=o,DC=c: not shown",
	}
	if d := cmp.Diff(want, unsureOf(t, s)); d != "" {
		t.Errorf("in doubt (-want +got)\n%s", d)
	}
	update(t, s, record, remove("a"))
	if at, unsure, err := s.DeletedAt(t.Context(), "a"); at.IsZero() || unsure != "" || err != nil {
		t.Errorf("deleted at %v, in doubt %q, %v", at, unsure, err)
	}
}

// TestEventsOfGroupsOutOfSight: what follows from a deletion that is in doubt is in
// doubt as well, and so is what follows from the return.
func TestEventsOfGroupsOutOfSight(t *testing.T) {
	doubt := func(m MirrorTx) error { m.Doubt("g", "not shown"); return nil }
	ou, a, b := put(entry("ou", "OU=o,DC=c", "objectclass", "organizationalUnit")), put(user("a", "CN=a,OU=o,DC=c")), put(user("b", "CN=b,DC=c"))
	m := put(user("m", "CN=m,DC=c", "manager", "CN=a,OU=o,DC=c"))
	for name, calls := range map[string][]func(MirrorTx) error{
		"removed":                  {record, doubt, remove("g")},
		"missed by a full read":    {record, beginSweep, ou, a, b, m, doubt, sweep},
		"with a change of another": {record, doubt, remove("g"), put(user("b", "CN=b,DC=c", "title", "x"))},
	} {
		t.Run(name, func(t *testing.T) {
			s := counting(t)
			update(t, s, calls...)
			want := []string{"a member_removed g: about the group: not shown", "g deleted: not shown"}
			if d := cmp.Diff(want, unsureOf(t, s)); d != "" {
				t.Errorf("in doubt when it goes (-want +got)\n%s", d)
			}
			update(t, s, record, put(group("g", "CN=g,DC=c", "CN=a,OU=o,DC=c")))
			want = []string{
				"a member_added g: about the group: " + inSightAgain, want[0], want[1], "g restored: " + inSightAgain,
			}
			if d := cmp.Diff(want, unsureOf(t, s)); d != "" {
				t.Errorf("in doubt when it is back (-want +got)\n%s", d)
			}
			update(t, s, record, remove("g"))
			update(t, s, record, put(group("g", "CN=g,DC=c", "CN=a,OU=o,DC=c")))
			if got := unsureOf(t, s); len(got) != len(want) {
				t.Errorf("what is certain is in doubt: %q", got[len(want):])
			}
		})
	}
}

func TestEventsOfOneReadComeTogether(t *testing.T) {
	s := counting(t)
	update(t, s, record, put(user("a", "CN=a,OU=o,DC=c", "title", "x")), merge("a", "CN=a2,DC=c", ident.Attributes{"userAccountControl": {"514"}, "Mail": {"a@x"}}),
		merge("a", "", ident.Attributes{"title": {"y"}}), merge("a", "", ident.Attributes{"mail": nil}))
	wantEvents(t, s, "a disabled, moved, renamed, modified title")
	e := events(t, s)[0]
	if e.From != "CN=a,OU=o,DC=c" || e.DN != "CN=a2,DC=c" || e.Image.First("title") != "y" || e.Before().First("userAccountControl") != "512" || e.At.IsZero() || e.Name != "a2" {
		t.Errorf("%+v", e)
	}
}

// Events are counted for the caller only if they are written.
func TestEventsAreCounted(t *testing.T) {
	s := counting(t)
	var n Recorded
	rules := EventRules{Recorded: &n}
	do := func(fail error) error {
		return s.UpdateMirror(t.Context(), func(m MirrorTx) error {
			m.Record(rules)
			m.Doubt("a", "not shown")
			if err := m.Remove("a"); err != nil {
				return err
			}
			return fail
		})
	}
	broken := errors.New("broken")
	if err := do(broken); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	wantEvents(t, s)
	must(t, do(nil))
	got := events(t, s)
	if n.Events != len(got) || n.Events != 2 || n.Newest != got[1].ID || got[0].Unsure != "not shown" {
		t.Errorf("%+v counted, there are %d: %+v", n, len(got), got)
	}
}

// Nothing is an event before events count, or after they have ceased to.
func TestEventsThatDoNotCount(t *testing.T) {
	s := counting(t)
	update(t, s, record, beginSweep, put(user("b", "CN=b,DC=c", "title", "x")))
	update(t, s, func(m MirrorTx) error { return m.SetState(MirrorState{}) })
	update(t, s, record, put(user("n", "CN=n,DC=c")), remove("m"))
	update(t, s, record, sweep)
	wantEvents(t, s)
	update(t, s, func(m MirrorTx) error { return m.SetState(MirrorState{Events: true}) })
	update(t, s, put(user("o", "CN=o,DC=c"))) // nobody asked for it to be recorded
	wantEvents(t, s)
	update(t, s, record, func(m MirrorTx) error { return m.Clear() }, put(user("p", "CN=p,DC=c")))
	wantEvents(t, s)
	if state := must1[MirrorState](t)(s.MirrorState(t.Context())); state.Events {
		t.Error("events count in a mirror that was cleared")
	}
}

// Attributes that were not mirrored before have no former values.
func TestEventsOfNewAttributes(t *testing.T) {
	s := counting(t)
	old := map[string]bool{"title": true, "useraccountcontrol": true}
	update(t, s, func(m MirrorTx) error { m.Record(EventRules{Comparable: old}); return nil },
		put(user("b", "CN=b,DC=c", "title", "x", "mail", "b@x")), put(user("a", "CN=a,OU=o,DC=c", "mail", "a@x")))
	wantEvents(t, s, "b modified title")
}

// A long list that changes a little is written a little.
func TestLongListsAreWrittenByDifference(t *testing.T) {
	s := counting(t)
	var list []string
	for range 2000 {
		list = append(list, "CN="+strings.Repeat("m", 20)+string(rune('a'+len(list)%26))+strings.Repeat("x", len(list)/26)+",DC=c")
	}
	update(t, s, membersAre(list...))
	before := changes(t, s)
	update(t, s, record, membersAre(append([]string{"CN=b,DC=c"}, list[1:]...)...))
	if n := changes(t, s) - before; n > 30 {
		t.Errorf("%d rows are written to replace one member of %d", n, len(list))
	}
	wantEvents(t, s, "b member_added g")
	g, _, err := s.EntryByGUID(t.Context(), "g")
	must(t, err)
	want := append([]string{"CN=b,DC=c"}, list[1:]...)
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(g.Attributes["member"])); !slices.Equal(got, want) {
		t.Errorf("%d members, want %d", len(got), len(want))
	}
}

// changes counts the rows that the writer has changed since it was opened.
func changes(t *testing.T, s *Store) (n int) {
	t.Helper()
	must(t, s.writer.QueryRowContext(t.Context(), `SELECT total_changes()`).Scan(&n))
	return n
}
