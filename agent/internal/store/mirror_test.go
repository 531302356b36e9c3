package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func entry(guid ident.GUID, dn ident.DN, pairs ...string) ident.Entry {
	e := ident.Entry{GUID: guid, DN: dn, Attributes: ident.Attributes{}}
	for i := 0; i < len(pairs); i += 2 {
		e.Attributes[pairs[i]] = append(e.Attributes[pairs[i]], pairs[i+1])
	}
	return e
}

// update is UpdateMirror with calls that must not fail.
func update(t *testing.T, s *Store, calls ...func(MirrorTx) error) {
	t.Helper()
	must(t, s.UpdateMirror(t.Context(), func(m MirrorTx) error {
		for _, call := range calls {
			if err := call(m); err != nil {
				return err
			}
		}
		return nil
	}))
}

func put(e ident.Entry) func(MirrorTx) error { return func(m MirrorTx) error { return m.Put(e) } }

func merge(guid ident.GUID, dn ident.DN, changed ident.Attributes) func(MirrorTx) error {
	return func(m MirrorTx) error {
		found, err := m.Merge(guid, dn, changed)
		if err == nil && !found {
			err = errors.New(string(guid) + " is not known")
		}
		return err
	}
}

func remove(guid ident.GUID) func(MirrorTx) error {
	return func(m MirrorTx) error { return m.Remove(guid) }
}

func all(t *testing.T, s *Store) map[ident.GUID]ident.Entry {
	t.Helper()
	list := map[ident.GUID]ident.Entry{}
	must(t, s.EachEntry(t.Context(), func(e ident.Entry) error {
		list[e.GUID] = e
		return nil
	}))
	return list
}

func wantMirror(t *testing.T, s *Store, want ...ident.Entry) {
	t.Helper()
	byGUID := map[ident.GUID]ident.Entry{}
	for _, e := range want {
		byGUID[e.GUID] = e
	}
	if d := cmp.Diff(byGUID, all(t, s)); d != "" {
		t.Errorf("mirror (-want +got)\n%s", d)
	}
}

func TestMirrorPutAndMerge(t *testing.T) {
	s := openTest(t)
	binary := "\x00\xff\xfe\x01"
	e := entry("u", "CN=Ada,DC=c", "sn", "Novak", "mail", "b@x", "mail", "a@x", "objectsid", binary, "empty", "")
	update(t, s, put(e))
	wantMirror(t, s, e)
	update(t, s, put(e)) // the same once more
	wantMirror(t, s, e)

	update(t, s, merge("u", "CN=Ada,DC=c", ident.Attributes{"SN": {"Nováková"}, "mail": nil, "empty": {}, "title": {"x", "y"}}))
	wantMirror(t, s, entry("u", "CN=Ada,DC=c", "sn", "Nováková", "objectsid", binary, "title", "x", "title", "y"))
	update(t, s, put(e)) // what merges have changed is put back
	wantMirror(t, s, e)

	update(t, s, put(entry("u", "CN=Ada B,DC=c", "Mail", "c@x")))
	wantMirror(t, s, entry("u", "CN=Ada B,DC=c", "mail", "c@x"))
	update(t, s, merge("u", "", ident.Attributes{"sn": {"B"}}))
	wantMirror(t, s, entry("u", "CN=Ada B,DC=c", "mail", "c@x", "sn", "B"))
	update(t, s, remove("u"), remove("u"))
	wantMirror(t, s)

	update(t, s, func(m MirrorTx) error {
		found, err := m.Merge("u", "CN=Ada,DC=c", ident.Attributes{"sn": {"x"}})
		if found {
			t.Error("an unknown object is merged")
		}
		return err
	})
	wantMirror(t, s)
	for _, bad := range []ident.Entry{entry("", "CN=a,DC=c"), entry("a", "")} {
		if err := s.UpdateMirror(t.Context(), put(bad)); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

func TestMirrorFind(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	long := strings.Repeat("Ä", indexedBytes)
	ada := entry("u1", `CN=Novak\, Ada,OU=Staff,DC=c`, "sn", "Novák", "note", long, "manager", "CN=Bo,OU=Staff,DC=c")
	bo := entry("u2", "CN=Bo,OU=Staff,DC=c", "sn", "NOVÁK", "note", "short", "blob", "\x00\xff")
	update(t, s, put(entry("ou", "OU=Staff,DC=c")), put(ada), put(bo))
	for _, c := range []struct {
		attribute, value string
		want             []ident.GUID
	}{
		{"sn", "novák", []ident.GUID{"u1", "u2"}},
		{"SN", "NOVÁK", []ident.GUID{"u1", "u2"}},
		{"sn", "novak", nil},
		{"sn", "", nil},
		{"note", strings.ToLower(long), []ident.GUID{"u1"}},
		{"note", long + "x", nil},
		{"note", "SHORT", []ident.GUID{"u2"}},
		{"manager", "cn=bo, ou=staff, dc=c", []ident.GUID{"u1"}},
		{"blob", "\x00\xff", []ident.GUID{"u2"}},
		{"blob", "\x00", nil},
		{"sn' OR 1=1 --", "x", nil},
	} {
		var got []ident.GUID
		for _, e := range must1[[]ident.Entry](t)(s.EntriesByValue(ctx, c.attribute, c.value)) {
			got = append(got, e.GUID)
			if !cmp.Equal(e, map[ident.GUID]ident.Entry{"u1": ada, "u2": bo}[e.GUID]) {
				t.Errorf("not the whole entry: %v", e)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s=%.20q: %v, want %v", c.attribute, c.value, got, c.want)
		}
	}
	for dn, want := range map[ident.DN]bool{`cn=novak\2c ada, ou=staff,dc=C`: true, "CN=Ada,OU=Staff,DC=c": false} {
		if got, found, err := s.EntryByDN(ctx, dn); err != nil || found != want || found && !cmp.Equal(got, ada) {
			t.Errorf("%s: %v, %v, %v", dn, got, found, err)
		}
	}
	for _, c := range []struct {
		parent ident.DN
		name   string
		want   bool
	}{{"ou=staff, DC=c", "novak, ADA", true}, {"DC=c", "Novak, Ada", false}, {"OU=Staff,DC=c", "Novak", false}} {
		if found, err := s.ChildrenByName(ctx, c.parent, c.name); err != nil || len(found) > 0 != c.want {
			t.Errorf("%s below %s: %v, %v", c.name, c.parent, found, err)
		}
	}
	if _, found, err := s.EntryByGUID(ctx, "u9"); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if n := must1[int](t)(s.CountEntries(ctx)); n != 3 {
		t.Errorf("%d entries", n)
	}
}

// TestMirrorMoves are the cases of renames that a change feed tells in awkward
// order; TestMirrorFollowsTheDirectory finds the rest.
func TestMirrorMoves(t *testing.T) {
	const a, b = ident.GUID("a"), ident.GUID("b")
	start := []ident.Entry{
		entry(a, "OU=X,DC=c"), entry("q", "OU=Q,OU=X,DC=c"), entry("u", "CN=u,OU=Q,OU=X,DC=c"),
		entry("g", "CN=g,DC=c", "member", "CN=u,OU=Q,OU=X,DC=c", "member", "CN=z,DC=other"),
	}
	dns := func(pairs ...string) map[ident.GUID]ident.DN {
		m := map[ident.GUID]ident.DN{}
		for i := 0; i < len(pairs); i += 2 {
			m[ident.GUID(pairs[i])] = ident.DN(pairs[i+1])
		}
		return m
	}
	rename := merge(a, "OU=Y,DC=c", nil)
	for name, c := range map[string]struct {
		calls  []func(MirrorTx) error
		want   map[ident.GUID]ident.DN
		member string
	}{
		"rename": {
			[]func(MirrorTx) error{rename},
			dns("a", "OU=Y,DC=c", "q", "OU=Q,OU=Y,DC=c", "u", "CN=u,OU=Q,OU=Y,DC=c", "g", "CN=g,DC=c"), "CN=u,OU=Q,OU=Y,DC=c",
		},
		"rename in letter case only": {
			[]func(MirrorTx) error{merge(a, "OU=x,DC=c", nil)},
			dns("a", "OU=x,DC=c", "q", "OU=Q,OU=x,DC=c", "u", "CN=u,OU=Q,OU=x,DC=c", "g", "CN=g,DC=c"), "CN=u,OU=Q,OU=x,DC=c",
		},
		"move below another": {
			[]func(MirrorTx) error{put(entry(b, "OU=B,DC=c")), merge(a, "OU=X,OU=B,DC=c", nil)},
			dns("a", "OU=X,OU=B,DC=c", "b", "OU=B,DC=c", "q", "OU=Q,OU=X,OU=B,DC=c", "u", "CN=u,OU=Q,OU=X,OU=B,DC=c", "g", "CN=g,DC=c"), "CN=u,OU=Q,OU=X,OU=B,DC=c",
		},
		"a new one in its old place, told first": {
			[]func(MirrorTx) error{put(entry(b, "OU=X,DC=c")), put(entry("v", "CN=v,OU=X,DC=c")), rename},
			dns("a", "OU=Y,DC=c", "b", "OU=X,DC=c", "v", "CN=v,OU=X,DC=c", "q", "OU=Q,OU=Y,DC=c", "u", "CN=u,OU=Q,OU=Y,DC=c", "g", "CN=g,DC=c"), "CN=u,OU=Q,OU=Y,DC=c",
		},
		"a child of the new one told before both": {
			[]func(MirrorTx) error{put(entry("v", "CN=v,OU=X,DC=c")), rename, put(entry(b, "OU=X,DC=c"))},
			dns("a", "OU=Y,DC=c", "b", "OU=X,DC=c", "v", "CN=v,OU=X,DC=c", "q", "OU=Q,OU=Y,DC=c", "u", "CN=u,OU=Q,OU=Y,DC=c", "g", "CN=g,DC=c"), "CN=u,OU=Q,OU=Y,DC=c",
		},
		"a child told, and its OU renamed while the feed is read": {
			[]func(MirrorTx) error{merge("u", "CN=u2,OU=Q,OU=X,DC=c", nil), rename},
			dns("a", "OU=Y,DC=c", "q", "OU=Q,OU=Y,DC=c", "u", "CN=u2,OU=Q,OU=Y,DC=c", "g", "CN=g,DC=c"), "CN=u2,OU=Q,OU=Y,DC=c",
		},
		"a child that left, and the group told anew": {
			[]func(MirrorTx) error{merge("g", "", ident.Attributes{"member": {"CN=u,DC=c", "CN=z,DC=other"}}), rename, merge("u", "CN=u,DC=c", nil)},
			dns("a", "OU=Y,DC=c", "q", "OU=Q,OU=Y,DC=c", "u", "CN=u,DC=c", "g", "CN=g,DC=c"), "CN=u,DC=c",
		},
		"a member that is deleted": {
			[]func(MirrorTx) error{remove("u")},
			dns("a", "OU=X,DC=c", "q", "OU=Q,OU=X,DC=c", "g", "CN=g,DC=c"), "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t)
			for _, e := range start {
				update(t, s, put(e))
			}
			update(t, s, c.calls...)
			got := map[ident.GUID]ident.DN{}
			for guid, e := range all(t, s) {
				got[guid] = e.DN
				if found, ok, err := s.EntryByDN(t.Context(), e.DN); err != nil || !ok || found.GUID != guid {
					t.Errorf("EntryByDN(%s): %v, %v, %v", e.DN, found.GUID, ok, err)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			g, _, err := s.EntryByGUID(t.Context(), "g")
			must(t, err)
			want := []string{c.member, "CN=z,DC=other"}
			if c.member == "" {
				want = want[1:]
			}
			slices.Sort(want)
			if got := slices.Sorted(slices.Values(g.Attributes["member"])); !slices.Equal(got, want) {
				t.Errorf("members %q, want %q", got, want)
			}
		})
	}
}

// TestMirrorMovesInSeveralFeeds has an object told below a new OU before that
// OU, and the OU that had its place before only by the next feed.
func TestMirrorMovesInSeveralFeeds(t *testing.T) {
	s := openTest(t)
	update(t, s, put(entry("a", "OU=X,DC=c")), put(entry("u", "CN=u,OU=X,DC=c")))
	update(t, s, put(entry("v", "CN=v,OU=X,DC=c")), put(entry("b", "OU=X,DC=c")))
	update(t, s, merge("a", "OU=Y,DC=c", nil))
	wantMirror(t, s, entry("a", "OU=Y,DC=c"), entry("u", "CN=u,OU=Y,DC=c"), entry("b", "OU=X,DC=c"), entry("v", "CN=v,OU=X,DC=c"))
}

func TestMirrorSwap(t *testing.T) {
	s := openTest(t)
	update(t, s, put(entry("a", "CN=A,DC=c")), put(entry("b", "CN=B,DC=c")), put(entry("g", "CN=g,DC=c", "member", "CN=A,DC=c")))
	update(t, s, merge("a", "CN=B,DC=c", nil), merge("b", "CN=A,DC=c", nil))
	wantMirror(t, s, entry("a", "CN=B,DC=c"), entry("b", "CN=A,DC=c"), entry("g", "CN=g,DC=c", "member", "CN=B,DC=c"))
}

func TestMirrorSweep(t *testing.T) {
	s := openTest(t)
	update(t, s, put(entry("a", "OU=A,DC=c", "ou", "A")), put(entry("u", "CN=u,OU=A,DC=c", "sn", "U")), put(entry("v", "CN=v,DC=c")), put(entry("w", "CN=w,DC=c")))
	begin := func(m MirrorTx) error { return m.BeginSweep() }
	sweep := func(want int) func(MirrorTx) error {
		return func(m MirrorTx) error {
			n, err := m.Sweep()
			if n != want {
				t.Errorf("%d removed, want %d", n, want)
			}
			return err
		}
	}
	update(t, s, begin, put(entry("u", "CN=u,OU=B,DC=c", "sn", "U")))                   // in several transactions,
	update(t, s, put(entry("a", "OU=B,DC=c", "ou", "B")), merge("v", "CN=v,DC=c", nil)) // a child before its parent
	update(t, s, sweep(1))
	wantMirror(t, s, entry("a", "OU=B,DC=c", "ou", "B"), entry("u", "CN=u,OU=B,DC=c", "sn", "U"), entry("v", "CN=v,DC=c"))

	update(t, s, merge("a", "OU=C,DC=c", nil)) // the tree is whole afterwards
	if e, _, err := s.EntryByGUID(t.Context(), "u"); err != nil || e.DN != "CN=u,OU=C,DC=c" {
		t.Errorf("%v, %v", e.DN, err)
	}
	update(t, s, begin, put(entry("a", "OU=C,DC=c", "ou", "B"))) // one that never ends
	update(t, s, begin, put(entry("v", "CN=v,DC=c")), sweep(2))
	wantMirror(t, s, entry("v", "CN=v,DC=c"))
	if err := s.UpdateMirror(t.Context(), sweep(0)); err == nil {
		t.Error("a sweep without a beginning is accepted")
	}
}

// TestMirrorSweepDuringRename has an OU renamed between the pages of a full
// read: a user read before still carries the old name.
func TestMirrorSweepDuringRename(t *testing.T) {
	s := openTest(t)
	update(t, s, put(entry("a", "OU=A,DC=c")), put(entry("u", "CN=u,OU=A,DC=c")))
	update(t, s, func(m MirrorTx) error { return m.BeginSweep() }, put(entry("u", "CN=u,OU=A,DC=c")))
	update(t, s, put(entry("a", "OU=B,DC=c")))
	update(t, s, func(m MirrorTx) error { _, err := m.Sweep(); return err })
	wantMirror(t, s, entry("a", "OU=B,DC=c"), entry("u", "CN=u,OU=B,DC=c"))
}

func TestMirrorStateAndRollback(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	if state := must1[MirrorState](t)(s.MirrorState(ctx)); len(state.Cookie) > 0 || state.Full || !state.Synced.IsZero() {
		t.Errorf("%+v", state)
	}
	want := MirrorState{Cookie: []byte{0, 1}, Server: "dc1", Spec: "s", Full: true, Synced: time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC)}
	set := func(state MirrorState) func(MirrorTx) error {
		return func(m MirrorTx) error { return m.SetState(state) }
	}
	e := entry("u", "CN=u,DC=c", "sn", "U")
	update(t, s, put(e), set(want))
	stop := errors.New("stop")
	err := s.UpdateMirror(ctx, func(m MirrorTx) error {
		must(t, m.Put(entry("u", "CN=x,DC=c")))
		must(t, m.Put(entry("v", "CN=v,DC=c")))
		must(t, m.SetState(MirrorState{Server: "dc2"}))
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	wantMirror(t, s, e)
	if d := cmp.Diff(want, must1[MirrorState](t)(s.MirrorState(ctx))); d != "" {
		t.Error(d)
	}
	update(t, s, func(m MirrorTx) error { return m.Clear() }, put(entry("w", "CN=w,DC=c")))
	wantMirror(t, s, entry("w", "CN=w,DC=c"))
	if state := must1[MirrorState](t)(s.MirrorState(ctx)); len(state.Cookie) > 0 || state.Full {
		t.Errorf("the cookie outlives the entries: %+v", state)
	}
}

func TestEachEntryInBatches(t *testing.T) {
	s, ctx := openTest(t), t.Context()
	var calls []func(MirrorTx) error
	for i := range 2*entryBatch + 1 {
		name := strings.Repeat("x", i/26) + string(rune('a'+i%26))
		calls = append(calls, put(entry(ident.GUID(name), ident.DN("CN="+name+",DC=c"), "sn", name, "sn", "b")))
	}
	update(t, s, calls...)
	if n := len(all(t, s)); n != len(calls) {
		t.Errorf("%d of %d", n, len(calls))
	}
	stop, n := errors.New("stop"), 0
	if err := s.EachEntry(ctx, func(ident.Entry) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
}

func TestValuesAreFoundByWhatIsSeenOfThem(t *testing.T) {
	s := openTest(t)
	update(t, s, put(entry("g1", "CN=a", "mail", " ada@x\u00a0\u200b", "info", strings.Repeat("x", 600)+" ")), put(entry("g2", "CN=b", "mail", "a da@x")))
	for _, q := range [][2]string{{"mail", "ADA@x"}, {"mail", "ada\u00ad@x "}, {"info", strings.Repeat("X", 600)}} {
		if found, err := s.EntriesByValue(t.Context(), q[0], q[1]); err != nil || len(found) != 1 || found[0].GUID != "g1" {
			t.Errorf("%q: %v, %v", q, found, err)
		}
	}
}

// A name is taken when the directory may refuse it beside another; a value is
// found when it reads the same.
func TestNamesAndValues(t *testing.T) {
	s := openTest(t)
	const staff = ident.DN("OU=Staff,DC=x")
	long := strings.Repeat("ü", 300)
	update(t, s, put(entry("g0", "DC=x")), put(entry("g1", staff)), put(entry("g2", staff.Child("Müller"), "samaccountname", "müller", "info", long)),
		put(entry("g3", staff.Child("Muller"), "samaccountname", "muller", "manager", string(staff.Child("Müller")))))
	for _, q := range [][3]string{
		{"sAMAccountName", "MÜLLER", "g2"},
		{"sAMAccountName", "muller", "g3"},
		{"info", strings.ToUpper(long), "g2"},
		{"info", strings.Repeat("u", 300), ""},
		{"manager", "cn=MÜLLER, ou=staff,dc=x", "g3"},
		{"manager", string(staff.Child("Muller")), ""},
	} {
		var got string
		found, err := s.EntriesByValue(t.Context(), q[0], q[1])
		for _, e := range found {
			got += string(e.GUID)
		}
		if got != q[2] || err != nil {
			t.Errorf("%.30q: %v, %v, want %s", q, found, err, q[2])
		}
	}
	for _, q := range [][2]string{{"sAMAccountName", "Mu\u0308ller"}, {"sAMAccountName", "muller"}} {
		if found, err := s.EntriesByName(t.Context(), q[0], q[1]); len(found) != 2 || err != nil {
			t.Errorf("%q: %v, %v", q, found, err)
		}
	}
	if found, err := s.EntriesByName(t.Context(), "info", strings.Repeat("u", 300)); len(found) != 1 || err != nil {
		t.Errorf("a long name: %v, %v", found, err)
	}
	if found, err := s.ChildrenByName(t.Context(), staff, "MULLER"); len(found) != 2 || err != nil {
		t.Errorf("children: %v, %v", found, err)
	}
}
