package mirror

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// reader is a way in which a directory is read, and what is to be seen of it.
type reader struct {
	dir     func(t *testing.T) (Directory, Searcher)
	want    way
	blind   bool
	changes bool // are read, not everything
}

func readers(dc *dirtest.Domain) map[string]reader {
	as := func(a dirtest.Account) func(t *testing.T) (Directory, Searcher) {
		return func(t *testing.T) (Directory, Searcher) {
			c := dc.Connect(t, a)
			return c, c
		}
	}
	return map[string]reader{
		"administrator": {as(dirtest.AsAdministrator), way{Mode: ModeDirSync}, false, true},
		"agent":         {as(dirtest.AsAgent), way{Mode: ModeDirSync}, false, true},
		"agent that is shown no deletions": {func(t *testing.T) (Directory, Searcher) {
			c := dc.Connect(t, dirtest.AsAgent)
			return &faulty{Directory: c, page: withoutTombstones}, c
		}, way{Mode: ModeDirSync}, true, true},
		"plain user": {as(dirtest.AsPlainUser), way{Mode: ModeDirSync, Security: true}, true, true},
		"agent at a DC that sends pages": {func(t *testing.T) (Directory, Searcher) {
			c := dc.Connect(t, dirtest.AsAgent)
			return &likeWindows{Directory: c, rest: map[string]conn.SyncPage{}}, c
		}, way{Mode: ModeDirSync}, false, true},
		"no DirSync": {func(t *testing.T) (Directory, Searcher) {
			c := dc.Connect(t, dirtest.AsAgent)
			return &faulty{Directory: c, dirSync: refuse(ldap.LDAPResultUnavailableCriticalExtension)}, c
		}, way{Mode: ModePaged}, false, false},
	}
}

// TestFollow walks through every kind of change, and after each the mirror must
// be what a read of the whole directory shows.
func TestFollow(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		dc := dirtest.InMemory(t)
		testFollow(t, dc, slices.Sorted(maps.Keys(readers(dc))))
	})
	t.Run("dc", func(t *testing.T) {
		dc := dirtest.OnDC(dctest.Start(t))
		testFollow(t, dc, soak.Some(t, 2, slices.Sorted(maps.Keys(readers(dc)))))
	})
}

func testFollow(t *testing.T, dc *dirtest.Domain, names []string) {
	all := readers(dc)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			r := all[name]
			dir, reader := r.dir(t)
			s := newSubject(t, dc, dir)
			first := s.sync(t)
			s.wantSame(t, dc, reader)
			if _, c := s.state(t); c.Way != r.want || c.Blind != r.blind || !first.Full || first.Entries < 100 {
				t.Fatalf("first read: %+v, cursor %+v", first, c)
			}
			if again := s.sync(t); again.Full || again.Changed != 0 || again.Removed != 0 {
				t.Fatalf("nothing changed, and yet: %+v", again)
			}
			ou := dc.OU("Follow " + name)
			for _, step := range story(t, dc, ou) {
				step.do()
				got := s.sync(t)
				t.Logf("%-32s changed %d, removed %d, %v", step.name, got.Changed, got.Removed, got.Took)
				s.wantSame(t, dc, reader)
				if got.Full == r.changes || got.Removed != step.removes {
					t.Errorf("%s: %+v, want %d removed", step.name, got, step.removes)
				}
			}
		})
	}
}

type step struct {
	name    string
	removes int
	do      func()
}

func story(t *testing.T, dc *dirtest.Domain, ou ident.DN) []step {
	add := func(dn ident.DN, class string, more map[string][]string) {
		all := map[string][]string{"objectClass": {class}}
		for k, v := range more {
			all[k] = v
		}
		dc.Add(t, dn, all)
	}
	sam := strings.ReplaceAll(ou.Name(), " ", "")
	sam = sam[max(0, len(sam)-12):] // unique in the domain
	inner := ident.DN("OU=Inner," + string(ou))
	ada, bo := inner.Child("Ada, \"the\" First"), inner.Child("Bö #2")
	group := ou.Child("Group")
	moved := ident.DN("OU=Renamed," + string(ou))
	return []step{
		{"create units", 0, func() {
			add(ou, "organizationalUnit", nil)
			add(inner, "organizationalUnit", nil)
		}},
		{"create users", 0, func() {
			add(ada, "user", map[string][]string{
				"sAMAccountName": {sam + "ada"}, "title": {"Boss"}, "mail": {"ada@example.com"},
				"proxyAddresses": {"SMTP:ada@example.com", "smtp:a@example.com"}, "employeeNumber": {"pipedrive:1"},
			})
			add(bo, "user", map[string][]string{"sAMAccountName": {sam + "bo"}, "manager": {string(ada)}, "secretary": {string(ada)}})
		}},
		{"create group, contact, container", 0, func() {
			add(group, "group", map[string][]string{"sAMAccountName": {sam + "g"}, "member": {string(ada), string(bo)}})
			add(ou.Child("Contact"), "contact", map[string][]string{"mail": {"c@example.com"}})
			add(ou.Child("Container"), "container", nil)
			add(ou.Child(sam+"PC"), "computer", map[string][]string{"sAMAccountName": {sam + "pc$"}})
		}},
		{"modify", 0, func() { dc.Replace(t, ada, "title", "Chief") }},
		{"refer without back link", 0, func() { dc.Replace(t, ada, "secretary", string(bo)) }},
		{"modify several values", 0, func() { dc.Replace(t, ada, "proxyAddresses", "SMTP:new@example.com") }},
		{"modify what is not mirrored", 0, func() { dc.Replace(t, ada, "telephoneNumber", "1") }},
		{"clear", 0, func() { dc.Replace(t, ada, "title") }},
		{"disable", 0, func() { dc.Replace(t, ada, "userAccountControl", "514") }},
		{"members", 0, func() { dc.Replace(t, group, "member", string(bo)) }},
		{"no members", 0, func() { dc.Replace(t, group, "member") }},
		{"member again", 0, func() { dc.AddMember(t, group, ada) }},
		{"rename a reference's target", 0, func() { dc.Move(t, ada, "CN=Ada", ""); ada = inner.Child("Ada") }},
		{"move", 0, func() { dc.Move(t, ada, "CN=Ada", ou); ada = ou.Child("Ada") }},
		{"rename a unit with content", 0, func() { dc.Move(t, inner, "OU=Renamed", ""); bo = moved.Child("Bö #2") }},
		// AD keeps a reference without a back link to an object that is deleted.
		{"clear references", 0, func() { dc.Replace(t, bo, "secretary"); dc.Replace(t, ada, "secretary") }},
		{"rename the unit above", 0, func() {
			dc.Move(t, ou, "OU="+ou.Name()+" x", "")
			dc.Move(t, ident.DN("OU="+ou.Name()+" x,"+string(dc.BaseDN)), "OU="+ou.Name(), "")
			dc.Move(t, moved, "OU=Other", "")
			moved = ident.DN("OU=Other," + string(ou))
			bo = moved.Child("Bö #2")
		}},
		{"swap names", 0, func() {
			dc.Move(t, ada, "CN=Temporary", "")
			dc.Move(t, bo, "CN=Ada", ou)
			dc.Move(t, ou.Child("Temporary"), "CN=Bö #2", moved)
			ada, bo = bo, ada
		}},
		{"a unit takes another's name", 0, func() {
			// moved -> Old, and a new unit with a new user in its place
			old := ident.DN("OU=Old," + string(ou))
			dc.Move(t, moved, "OU=Old", "")
			add(moved, "organizationalUnit", nil)
			add(moved.Child("Bö #2"), "user", map[string][]string{"sAMAccountName": {sam + "c"}})
			ada = old.Child("Bö #2")
		}},
		{"delete a member and manager", 1, func() { dc.Delete(t, ada) }},
		{"refer", 0, func() { dc.Replace(t, moved.Child("Bö #2"), "manager", string(bo)) }},
		{"delete and create again", 1, func() { // nobody is below the new one
			dc.Delete(t, bo)
			add(bo, "user", map[string][]string{"sAMAccountName": {sam + "ada"}})
		}},
		{"delete and rename into its place", 1, func() {
			dc.Delete(t, bo)
			dc.Move(t, moved.Child("Bö #2"), bo.RDN(), ou)
		}},
		{"create and delete", 0, func() {
			add(ou.Child("Fleeting"), "user", map[string][]string{"sAMAccountName": {sam + "f"}})
			dc.Delete(t, ou.Child("Fleeting"))
		}},
		{"delete the tree", 8, func() { dc.DeleteTree(t, ou) }},
	}
}

// TestSource: the mirror says which domain controller it is from; a read of another one
// counts when it is complete.
func TestSource(t *testing.T) {
	dc := dirtest.InMemory(t)
	f := &faulty{Directory: dc.Connect(t, dirtest.AsAgent)}
	s := newSubject(t, dc, f)
	s.spec.Events = true
	want := func(when, url string, events bool) {
		t.Helper()
		if got, counts, err := Source(t.Context(), s.store); err != nil || got != url || counts != events {
			t.Errorf("%s: %q, %v, %v; want %q, %v", when, got, counts, err, url, events)
		}
	}
	one, two := f.Directory.Server().URL, "ldaps://dc2.other"
	want("empty", "", false)
	s.sync(t)
	want("first read", one, true)
	f.server = func(s conn.Server) conn.Server {
		s.URL, s.InvocationID = two, "0"+s.InvocationID[1:]
		return s
	}
	whole := s.store
	s.store = &rolledBack{Store: whole, at: 2}
	if _, err := s.try(t.Context()); !errors.Is(err, errRolledBack) {
		t.Fatal(err)
	}
	s.store = whole
	if state, _ := s.state(t); state.Full {
		t.Fatal("the read was not cut off")
	}
	want("cut off", one, true)
	s.sync(t)
	want("complete", two, true)
	state, _ := s.state(t)
	state.Cookie = state.Cookie[:20]
	s.setState(t, state)
	want("damaged", "", true)
}
