package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// staff is a store in which events count, with five users who have a title, and three
// groups of which each has two of them.
func staff(t *testing.T) *Store {
	t.Helper()
	s := openTest(t)
	update(t, s, append(everybody(true, true), func(m MirrorTx) error { return m.SetState(MirrorState{Events: true}) })...)
	return s
}

// everybody reports all of staff; with title and member, or without.
func everybody(titles, lists bool, instead ...ident.Entry) (calls []func(MirrorTx) error) {
	all := map[ident.GUID]ident.Entry{}
	for i := range 5 {
		u := user(ident.GUID(fmt.Sprint("u", i)), ident.DN(fmt.Sprintf("CN=u%d,DC=c", i)))
		if titles {
			u.Attributes["title"] = []string{"Clerk"}
		}
		all[u.GUID] = u
	}
	for i := range 3 {
		g := group(ident.GUID(fmt.Sprint("g", i)), ident.DN(fmt.Sprintf("CN=g%d,DC=c", i)))
		g.Attributes["title"] = []string{"of groups"}
		if lists {
			g.Attributes["member"] = []string{fmt.Sprintf("CN=u%d,DC=c", i), fmt.Sprintf("CN=u%d,DC=c", i+1)}
		}
		all[g.GUID] = g
	}
	for _, e := range instead {
		all[e.GUID] = e
	}
	for _, e := range all {
		calls = append(calls, put(e))
	}
	return calls
}

// reads makes one full read of some reports.
func reads(t *testing.T, s *Store, calls ...func(MirrorTx) error) {
	t.Helper()
	update(t, s, record, beginSweep)
	for _, call := range calls {
		update(t, s, record, call)
	}
	update(t, s, record, sweep)
}

// TestAttributesOutOfSight: an attribute that vanishes from most users at once is no
// certain change of any of them, and neither is its return. What else happened to them
// is certain.
func TestAttributesOutOfSight(t *testing.T) {
	s := staff(t)
	why := "title is no longer shown of 5 of the 5 users that had it: it was removed, or the bind account may no longer read it"
	left := user("u3", "CN=u3,DC=c")
	left.Attributes["useraccountcontrol"] = []string{"514"}
	reads(t, s, everybody(false, true, left)...)
	wantEvents(t, s, "u0 modified title", "u1 modified title", "u2 modified title", "u3 disabled", "u3 modified title", "u4 modified title")
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("u%d modified title: %s", i, why))
	}
	if d := cmp.Diff(want, unsureOf(t, s)); d != "" {
		t.Errorf("in doubt when it goes (-want +got)\n%s", d)
	}
	again := user("u3", "CN=u3,DC=c", "title", "Boss")
	again.Attributes["useraccountcontrol"] = []string{"514"}
	reads(t, s, everybody(true, true, again)...)
	if n := len(unsureOf(t, s)); n != 10 {
		t.Errorf("%d are in doubt, want 5 that went and 5 that are back: %q", n, unsureOf(t, s))
	}
	update(t, s, record, merge("u1", "", ident.Attributes{"title": {"Boss"}}), merge("u2", "", ident.Attributes{"title": nil}))
	update(t, s, record, merge("u2", "", ident.Attributes{"title": {"Boss"}}))
	if n := len(unsureOf(t, s)); n != 10 || len(happened(t, s)) != 14 {
		t.Errorf("%d are in doubt of %q", n, happened(t, s))
	}
}

// TestAttributesThatAreRemoved: what is removed from a few, or from less than half, is
// certain, and so is what a feed of changes reports.
func TestAttributesThatAreRemoved(t *testing.T) {
	few := staff(t)
	reads(t, few, everybody(true, true, user("u0", "CN=u0,DC=c"), user("u1", "CN=u1,DC=c"))...)
	wantEvents(t, few, "u0 modified title", "u1 modified title")
	rare := openTest(t)
	all := func(title ...string) []func(MirrorTx) error {
		return append(everybody(false, true), put(user("x", "CN=x,DC=c", title...)), put(user("y", "CN=y,DC=c", title...)))
	}
	update(t, rare, append(all("title", "Boss"), func(m MirrorTx) error { return m.SetState(MirrorState{Events: true}) })...)
	reads(t, rare, all()...)
	wantEvents(t, rare, "x modified title", "y modified title")
	feed := staff(t)
	update(t, feed, append([]func(MirrorTx) error{record}, everybody(false, true)...)...)
	if n := len(happened(t, feed)); n != 5 {
		t.Errorf("the feed told %q", happened(t, feed))
	}
	for _, s := range []*Store{few, rare, feed} {
		if got := unsureOf(t, s); len(got) > 0 {
			t.Errorf("in doubt: %q", got)
		}
	}
}

// TestMembersOutOfSight: when the members of most groups vanish at once, nobody has
// left for certain, and nobody joins for certain when they are back.
func TestMembersOutOfSight(t *testing.T) {
	s := staff(t)
	reads(t, s, everybody(true, false)...)
	why := "member is no longer shown of 3 of the 3 groups that had it: it was removed, or the bind account may no longer read it"
	want := []string{
		"u0 member_removed g0: " + why, "u1 member_removed g0: " + why, "u1 member_removed g1: " + why,
		"u2 member_removed g1: " + why, "u2 member_removed g2: " + why, "u3 member_removed g2: " + why,
	}
	if d := cmp.Diff(want, unsureOf(t, s)); d != "" {
		t.Errorf("in doubt when they go (-want +got)\n%s", d)
	}
	titled := func(guid ident.GUID, list ...string) ident.Entry {
		g := group(guid, ident.DN("CN="+string(guid)+",DC=c"), list...)
		g.Attributes["title"] = []string{"of groups"}
		return g
	}
	reads(t, s, everybody(true, true)...)
	if n := len(unsureOf(t, s)); n != 12 {
		t.Errorf("%d are in doubt, want 6 that went and 6 that are back: %q", n, unsureOf(t, s))
	}
	reads(t, s, everybody(true, true, titled("g0"), titled("g1", "CN=u4,DC=c"))...)
	if n := len(unsureOf(t, s)); n != 12 || len(happened(t, s)) != 12+5 {
		t.Errorf("%d are in doubt of %q", n, happened(t, s))
	}
}

// TestManagersOutOfSight: a manager who is out of sight is not certain to be no longer
// the manager of anybody; read by changes or as a whole, at once or later.
func TestManagersOutOfSight(t *testing.T) {
	doubt := func(m MirrorTx) error { m.Doubt("a", "not shown"); return nil }
	ou, b, g := put(entry("ou", "OU=o,DC=c", "objectclass", "organizationalUnit")), put(user("b", "CN=b,DC=c")), put(group("g", "CN=g,DC=c"))
	a, m := put(user("a", "CN=a,OU=o,DC=c")), put(user("m", "CN=m,DC=c", "manager", "CN=a,OU=o,DC=c"))
	gone := []string{"a deleted: not shown", "m modified manager: about CN=a,OU=o,DC=c: not shown"}
	again := []string{"a restored: " + inSightAgain, "m modified manager: about CN=a,OU=o,DC=c: " + inSightAgain}
	for name, c := range map[string]struct {
		goes, comes [][]func(MirrorTx) error
		want        string
	}{
		"by changes":    {[][]func(MirrorTx) error{{record, doubt, remove("a")}}, [][]func(MirrorTx) error{{record, m, a}}, again[1]},
		"as a whole":    {[][]func(MirrorTx) error{{record, beginSweep, ou, b, g, put(user("m", "CN=m,DC=c")), doubt, sweep}}, [][]func(MirrorTx) error{{record, beginSweep, ou, a, b, g, m, sweep}}, again[1]},
		"not in one go": {[][]func(MirrorTx) error{{record, doubt, remove("a")}}, [][]func(MirrorTx) error{{record, a}, {record, m}}, "m modified manager: " + shownAgain("manager")},
	} {
		t.Run(name, func(t *testing.T) {
			s := counting(t)
			update(t, s, membersAre())
			for _, calls := range c.goes {
				update(t, s, calls...)
			}
			if d := cmp.Diff(gone, unsureOf(t, s)); d != "" {
				t.Errorf("in doubt when it goes (-want +got)\n%s", d)
			}
			for _, calls := range c.comes {
				update(t, s, calls...)
			}
			want := []string{gone[0], again[0], gone[1], c.want}
			slices.Sort(want)
			if d := cmp.Diff(want, unsureOf(t, s)); d != "" {
				t.Errorf("in doubt when it is back (-want +got)\n%s", d)
			}
			update(t, s, record, remove("a"))
			if got := unsureOf(t, s); len(got) != 4 || len(happened(t, s)) != 6 {
				t.Errorf("in doubt: %q of %q", got, happened(t, s))
			}
		})
	}
}

// TestWhatIsInDoubtIsToldFromBefore: when an object moves and in the same read its manager is
// out of sight, both events tell what differs from the former read, the certain one first.
func TestWhatIsInDoubtIsToldFromBefore(t *testing.T) {
	s := counting(t)
	update(t, s, membersAre())
	moved := user("m", "CN=m,OU=o,DC=c", "sn", "x")
	update(t, s, record, func(m MirrorTx) error { m.Doubt("a", "not shown"); return nil }, remove("a"), put(moved))
	var told []string
	for _, e := range events(t, s) {
		if e.GUID == "m" {
			told = append(told, fmt.Sprint(inWords(e), " from ", e.From, " to ", e.DN, "; unsure: ", e.Unsure))
		}
	}
	const from = " from CN=m,DC=c to CN=m,OU=o,DC=c; unsure: "
	want := []string{"m moved, modified sn" + from, "m modified manager" + from + "about CN=a,OU=o,DC=c: not shown"}
	if d := cmp.Diff(want, told); d != "" {
		t.Errorf("events (-want +got)\n%s", d)
	}
}

// TestGroupsOfWhoIsAgain: a group may name who is shown again only when everything is
// read the next time.
func TestGroupsOfWhoIsAgain(t *testing.T) {
	s := counting(t)
	a, g := put(user("a", "CN=a,OU=o,DC=c")), put(group("g", "CN=g,DC=c", "CN=a,OU=o,DC=c"))
	whole := []func(MirrorTx) error{put(entry("ou", "OU=o,DC=c", "objectclass", "organizationalUnit")), a, put(user("b", "CN=b,DC=c")), put(user("m", "CN=m,DC=c")), g}
	update(t, s, record, func(m MirrorTx) error { m.Doubt("a", "not shown"); return nil }, remove("a"))
	update(t, s, record, a)
	reads(t, s, whole...)
	want := []string{"a deleted: not shown", "a member_added g: " + inSightAgain, "a restored: " + inSightAgain, "m modified manager: about CN=a,OU=o,DC=c: not shown"}
	if d := cmp.Diff(want, unsureOf(t, s)); d != "" {
		t.Errorf("in doubt (-want +got)\n%s", d)
	}
	update(t, s, record, membersAre())
	update(t, s, record, g)
	if got := unsureOf(t, s); len(got) != len(want) {
		t.Errorf("what is certain is in doubt: %q", got)
	}
}
