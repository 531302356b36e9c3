package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// told is a mirror whose events are read one sync after the other.
type told struct {
	*subject
	last int64
}

// counting returns a mirror in which events count.
func counting(t *testing.T, dc *dirtest.Domain, dir Directory) *told {
	t.Helper()
	s := &told{subject: newSubject(t, dc, dir)}
	s.spec.Events = true
	s.sync(t)
	s.want(t, "the first read")
	return s
}

// since returns the events since the last call.
func (s *told) since(t *testing.T) []ident.Event {
	t.Helper()
	all, err := s.store.(interface {
		OpenEvents(context.Context, int64, int) ([]ident.Event, error)
	}).OpenEvents(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(e ident.Event) bool { return e.ID <= s.last })
	for _, e := range all {
		s.last = max(s.last, e.ID)
	}
	return all
}

// want fails unless the events since the last call are these, in any order.
func (s *told) want(t *testing.T, after string, want ...string) {
	t.Helper()
	got := inWordsAll(s.since(t))
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events after: %s (-want +got)\n%s", after, d)
	}
}

func inWordsAll(events []ident.Event) []string {
	var list []string
	for _, e := range events {
		var parts []string
		for _, p := range e.Parts {
			word := string(p.Kind)
			if p.Kind == ident.EventModified {
				word += fmt.Sprintf(" %s %s>%s", p.Attribute, strings.Join(p.Old, "|"), strings.Join(p.New, "|"))
			}
			parts = append(parts, word)
		}
		line := e.DN.Name() + " " + strings.Join(parts, ", ")
		if e.Group != nil {
			line += " " + e.Group.DN.Name()
		}
		if e.Unsure != "" {
			line += " ?"
		}
		list = append(list, line)
	}
	return list
}

type happening struct {
	name string
	do   func()
	want []string
}

// TestEvents makes every kind of change, and each must be told once.
func TestEvents(t *testing.T) {
	t.Run("memory", func(t *testing.T) { testEvents(t, dirtest.InMemory(t), nil) })
	t.Run("dc", func(t *testing.T) {
		server := dctest.Start(t)
		testEvents(t, dirtest.OnDC(server), adminConn(t, server))
	})
}

func testEvents(t *testing.T, dc *dirtest.Domain, admin *ldap.Conn) {
	c := dc.Connect(t, dirtest.AsAgent)
	for name, dir := range map[string]Directory{
		"agent":        c,
		"in pages":     &likeWindows{Directory: c, rest: map[string]conn.SyncPage{}},
		"paged search": &faulty{Directory: c, dirSync: refuse(ldap.LDAPResultUnwillingToPerform)},
	} {
		t.Run(name, func(t *testing.T) {
			s := counting(t, dc, dir)
			if !strings.Contains(s.log.String(), "count as events from now on") {
				t.Errorf("nobody is told that events count:\n%s", s.log.String())
			}
			for _, step := range happenings(t, dc, dc.OU("Events "+name), admin) {
				step.do()
				r := s.sync(t)
				if r.Events != len(step.want) || (r.Newest == 0) != (len(step.want) == 0) {
					t.Errorf("%s: %+v reports other events than %q", step.name, r, step.want)
				}
				s.want(t, step.name, step.want...)
			}
			s.wantSame(t, dc, c)
		})
	}
}

func happenings(t *testing.T, dc *dirtest.Domain, ou ident.DN, admin *ldap.Conn) []happening {
	sam := strings.ReplaceAll(ou.Name(), " ", "")
	sam = sam[max(0, len(sam)-10):]
	inner := ident.DN("OU=Inner," + string(ou))
	ada, bo, group := inner.Child("Ada"), inner.Child("Bo"), ou.Child("Group")
	unit := map[string][]string{"objectClass": {"organizationalUnit"}}
	list := []happening{
		{"created", func() {
			dc.Add(t, ou, unit)
			dc.Add(t, inner, unit)
			dc.AddUser(t, inner, "Ada", sam+"a", nil)
			dc.AddUser(t, inner, "Bo", sam+"b", map[string][]string{"manager": {string(ada)}})
			dc.Add(t, group, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {sam + "g"}, "member": {string(ada), string(bo)}})
			dc.Add(t, ou.Child("PC"), map[string][]string{"objectClass": {"computer"}, "sAMAccountName": {sam + "p$"}})
		}, []string{"Ada created", "Bo created", "Group created", "Ada member_added Group", "Bo member_added Group"}},
		{"modified", func() { dc.Replace(t, ada, "title", "Boss") }, []string{"Ada modified title >Boss"}},
		{"modified again", func() { dc.Replace(t, ada, "title", "Chief"); dc.Replace(t, ada, "employeeNumber", "7") }, []string{"Ada modified employeenumber >7, modified title Boss>Chief"}},
		{"modified and back", func() { dc.Replace(t, ada, "title", "x"); dc.Replace(t, ada, "title", "Chief") }, nil},
		{"what is not mirrored", func() { dc.Replace(t, ada, "telephoneNumber", "1") }, nil},
		{"cleared", func() { dc.Replace(t, ada, "title") }, []string{"Ada modified title Chief>"}},
		{"disabled", func() { dc.Replace(t, ada, "userAccountControl", "514") }, []string{"Ada disabled"}},
		{"enabled", func() { dc.Replace(t, ada, "userAccountControl", "512") }, []string{"Ada enabled"}},
		{"disabled and enabled", func() {
			dc.Replace(t, ada, "userAccountControl", "514")
			dc.Replace(t, ada, "userAccountControl", "512")
		}, nil},
		{"another bit", func() { dc.Replace(t, ada, "userAccountControl", "66048") }, nil},
		{"a manager and member renamed", func() { dc.Move(t, ada, "CN=Ada B", ""); ada = inner.Child("Ada B") }, []string{"Ada B renamed"}},
		{"a manager and member moved", func() { dc.Move(t, ada, "CN=Ada B", ou); ada = ou.Child("Ada B") }, []string{"Ada B moved"}},
		{"another manager, and back", func() { dc.Replace(t, bo, "manager"); dc.Replace(t, bo, "manager", string(ada)) }, nil},
		{"a unit with people renamed", func() {
			dc.Move(t, inner, "OU=Inside", "")
			inner = ident.DN("OU=Inside," + string(ou))
			bo = inner.Child("Bo")
		}, []string{"Bo moved"}},
		{"the group renamed", func() { dc.Move(t, group, "CN=Crowd", ""); group = ou.Child("Crowd") }, []string{"Crowd renamed"}},
		{"left the group", func() { dc.Replace(t, group, "member", string(ada)) }, []string{"Bo member_removed Crowd"}},
		{"back in the group, which is in another", func() {
			dc.AddMember(t, group, bo)
			dc.Add(t, ou.Child("Outer"), map[string][]string{"objectClass": {"group"}, "sAMAccountName": {sam + "o"}, "member": {string(group)}})
		}, []string{"Bo member_added Crowd", "Outer created", "Crowd member_added Outer"}},
		{"everything at once", func() {
			dc.Replace(t, bo, "userAccountControl", "514")
			dc.Replace(t, bo, "title", "Leaver")
			dc.Move(t, bo, "CN=Bo gone", ou)
			dc.Replace(t, group, "member", string(ada))
			bo = ou.Child("Bo gone")
		}, []string{"Bo gone disabled, moved, renamed, modified title >Leaver", "Bo gone member_removed Crowd"}},
		{"names exchanged", func() {
			dc.Move(t, ada, "CN=x", "")
			dc.Move(t, bo, "CN=Ada B", "")
			dc.Move(t, ou.Child("x"), "CN=Bo gone", "")
		}, []string{"Ada B renamed", "Bo gone renamed"}},
		{"names back", func() {
			dc.Move(t, ada, "CN=x", "")
			dc.Move(t, bo, "CN=Ada B", "")
			dc.Move(t, ou.Child("x"), "CN=Bo gone", "")
		}, []string{"Ada B renamed", "Bo gone renamed"}},
		{"created and deleted", func() { dc.AddUser(t, ou, "Fleeting", sam+"f", nil); dc.Delete(t, ou.Child("Fleeting")) }, nil},
	}
	adaNow, groupNow, boNow := ou.Child("Ada B"), ou.Child("Crowd"), ou.Child("Bo gone")
	list = append(list,
		happening{"a group deleted", func() { dc.Delete(t, groupNow) }, []string{"Crowd deleted", "Ada B member_removed Crowd"}},
		happening{"a manager deleted", func() { dc.Delete(t, adaNow) }, []string{"Ada B deleted", "Bo gone modified manager " + string(adaNow) + ">"}},
		happening{"replaced by another with the same name", func() { dc.Delete(t, boNow); dc.AddUser(t, ou, "Bo gone", sam+"n", nil) }, []string{"Bo gone created", "Bo gone deleted"}},
	)
	if admin != nil {
		list = append(list, happening{"restored", func() { restore(t, admin, dc, "Ada B", adaNow) }, []string{"Ada B restored"}})
	}
	return append(list, happening{"the tree deleted", func() { dc.DeleteTree(t, ou) }, func() []string {
		all := []string{"Bo gone deleted", "Outer deleted"}
		if admin != nil {
			all = append(all, "Ada B deleted")
		}
		return all
	}()})
}

func usnOf(t *testing.T, e *ldap.Entry) int64 {
	t.Helper()
	usn, err := strconv.ParseInt(e.GetAttributeValue("uSNChanged"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return usn
}

// restore brings back the object with a name that was deleted last, as AD's tools do.
func restore(t *testing.T, admin *ldap.Conn, dc *dirtest.Domain, name string, dn ident.DN) {
	t.Helper()
	show := []ldap.Control{ldap.NewControlMicrosoftShowDeleted()}
	found, err := admin.Search(ldap.NewSearchRequest(string(dc.BaseDN), ldap.ScopeWholeSubtree, 0, 0, 0, false,
		"(&(isDeleted=TRUE)(cn="+name+"*)(objectClass=user))", []string{"uSNChanged"}, show))
	if err != nil || len(found.Entries) == 0 {
		t.Fatalf("look for the deleted %s: %v, %v", name, found, err)
	}
	newest := slices.MaxFunc(found.Entries, func(a, b *ldap.Entry) int {
		return int(usnOf(t, a) - usnOf(t, b))
	})
	m := ldap.NewModifyRequest(newest.DN, show)
	m.Delete("isDeleted", []string{})
	m.Replace("distinguishedName", []string{string(dn)})
	if err := admin.Modify(m); err != nil {
		t.Fatalf("restore %s: %v", newest.DN, err)
	}
}

// TestEventsOfAnAccountThatIsShownNoDeletions: who is gone may only be out of
// sight.
func TestEventsOfAnAccountThatIsShownNoDeletions(t *testing.T) {
	dirtest.OnBoth(t, func(t *testing.T, dc *dirtest.Domain) {
		for name, as := range map[string]dirtest.Account{"plain user ?": dirtest.AsPlainUser, "agent": dirtest.AsAgent} {
			t.Run(name, func(t *testing.T) {
				sure := ""
				if strings.HasSuffix(name, "?") {
					sure = " ?"
				}
				c := dc.Connect(t, as)
				f := &faulty{Directory: c, page: withoutTombstones}
				s := counting(t, dc, f)
				dc.AddUser(t, dc.OU("Staff"), "Doomed", "doomed", nil)
				s.sync(t)
				s.want(t, "created", "Doomed created")
				dc.Delete(t, dc.OU("Staff").Child("Doomed"))
				s.sync(t)
				s.want(t, "deleted", "Doomed deleted"+sure)
				dc.AddUser(t, dc.OU("Staff"), "Doomed", "doomed", nil)
				s.sync(t)
				s.want(t, "created", "Doomed created")
				dc.Delete(t, dc.OU("Staff").Child("Doomed"))
				s.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
				s.sync(t)
				s.want(t, "deleted, found by a full read", "Doomed deleted"+sure)
			})
		}
	})
}

// TestEventsOfOneOutOfSight: a person whom the account may no longer read is not
// taken for deleted, nor for new when the right is back.
func TestEventsOfOneOutOfSight(t *testing.T) {
	dc := dirtest.InMemory(t)
	f := &faulty{Directory: dc.Connect(t, dirtest.AsAgent)}
	s := counting(t, dc, f)
	victim := dc.OU("Staff").Child("Hana Made")
	hide := true
	f.search = func(_ conn.Query, _ int, e ident.Entry) error {
		if hide && e.DN.EqualFold(victim) {
			return errHide
		}
		return nil
	}
	f.page = func(p conn.SyncPage) conn.SyncPage {
		p.Entries = slices.DeleteFunc(p.Entries, func(e conn.SyncEntry) bool { return hide && e.DN.EqualFold(victim) })
		return p
	}
	whole := func() {
		s.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
		s.sync(t)
	}
	whole()
	s.want(t, "out of sight", "Hana Made deleted ?")
	hide = false
	whole()
	s.want(t, "in sight again", "Hana Made restored ?")
}

// TestEventsOfAnAttributeOutOfSight: an attribute that the account may no longer read
// is not taken for removed from everybody, nor for set anew when the right is back.
func TestEventsOfAnAttributeOutOfSight(t *testing.T) {
	dc := dirtest.InMemory(t)
	f := &faulty{Directory: dc.Connect(t, dirtest.AsAgent)}
	for i := range 3 {
		dc.AddUser(t, dc.OU("Staff"), fmt.Sprint("Seen ", i), fmt.Sprint("seen", i), map[string][]string{"title": {"Clerk"}})
	}
	s := counting(t, dc, f)
	hide := true
	f.page = func(p conn.SyncPage) conn.SyncPage {
		for i := range p.Entries {
			p.Entries[i].Changed = maps.Clone(p.Entries[i].Changed)
			maps.DeleteFunc(p.Entries[i].Changed, func(name string, _ []string) bool { return hide && strings.EqualFold(name, "title") })
		}
		return p
	}
	whole := func() {
		s.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
		s.sync(t)
	}
	whole()
	s.want(t, "out of sight", "Seen 0 modified title Clerk> ?", "Seen 1 modified title Clerk> ?", "Seen 2 modified title Clerk> ?")
	hide = false
	whole()
	s.want(t, "in sight again", "Seen 0 modified title >Clerk ?", "Seen 1 modified title >Clerk ?", "Seen 2 modified title >Clerk ?")
	whole()
	s.want(t, "a read without a difference")
}

// TestEventsOfWholeReads: whatever forces a full read, the differences from the
// mirror are told, and nothing else.
func TestEventsOfWholeReads(t *testing.T) { dirtest.InRules(t, testEventsOfWholeReads) }

func testEventsOfWholeReads(t *testing.T, dc *dirtest.Domain) {
	for name, spoil := range map[string]func(*testing.T, *told, *faulty){
		"another attribute": func(_ *testing.T, s *told, _ *faulty) {
			s.spec.Attributes = append([]string{"givenName"}, attributes...)
		},
		"another server": func(_ *testing.T, _ *told, f *faulty) {
			f.server = func(s conn.Server) conn.Server { s.InvocationID = "0" + s.InvocationID[1:]; return s }
		},
		"an older database": func(_ *testing.T, _ *told, f *faulty) { f.usn = func(int64) int64 { return 1 } },
		"a damaged cursor": func(t *testing.T, s *told, _ *faulty) {
			state, _ := s.state(t)
			state.Cookie[len(state.Cookie)/2] ^= 1
			s.setState(t, state)
		},
		"a refused cookie": func(t *testing.T, s *told, _ *faulty) {
			s.setCursor(t, func(c *cursor) { c.Cookie = []byte("garbage") })
		},
		"an old read": func(t *testing.T, s *told, _ *faulty) { s.setCursor(t, func(c *cursor) { c.Whole = time.Time{} }) },
		"a cursor without names": func(t *testing.T, s *told, _ *faulty) {
			s.setCursor(t, func(c *cursor) { c.Names, c.Whole = nil, time.Time{} })
		},
		"paged search": func(_ *testing.T, _ *told, f *faulty) { f.dirSync = refuse(ldap.LDAPResultUnwillingToPerform) },
		"a read that is cut off at each of its transactions": func(t *testing.T, s *told, _ *faulty) {
			s.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
			for at := 1; at < 20; at++ {
				whole := s.store
				s.store = &rolledBack{Store: whole, at: at}
				_, err := s.try(t.Context())
				s.store = whole
				if err == nil {
					t.Logf("%d transactions", at-1)
					return
				}
			}
			t.Error("no read was complete")
		},
	} {
		t.Run(name, func(t *testing.T) {
			ou := dc.OU("Whole " + name)
			dc.Add(t, ou, map[string][]string{"objectClass": {"organizationalUnit"}})
			dc.AddUser(t, ou, "Ada", "wada", map[string][]string{"givenName": {"A"}})
			dc.AddUser(t, ou, "Bo", "wbo", map[string][]string{"manager": {string(ou.Child("Ada"))}})
			dc.AddUser(t, ou, "Cy", "wcy", nil)
			group := dc.AddGroup(t, ou, "Group", ou.Child("Ada"), ou.Child("Bo"))
			f := &faulty{Directory: dc.Connect(t, dirtest.AsAgent)}
			s := counting(t, dc, f)
			dc.Replace(t, ou.Child("Ada"), "title", "x")
			dc.Move(t, ou.Child("Ada"), "CN=Ada B", "")
			dc.Delete(t, ou.Child("Cy"))
			dc.AddUser(t, ou, "Di", "wdi", nil)
			dc.Replace(t, group, "member", string(ou.Child("Bo")), string(ou.Child("Di")))
			spoil(t, s, f)
			if r := s.sync(t); !r.Full && !strings.Contains(name, "cut off") {
				t.Errorf("%+v, want a full read", r)
			}
			s.want(t, name, "Ada B renamed, modified title >x", "Ada B member_removed Group", "Cy deleted", "Di created", "Di member_added Group")
			s.sync(t)
			s.want(t, "nothing")
			dc.DeleteTree(t, ou)
		})
	}
}

// rolledBack fails one of the transactions when all is written and nothing is
// committed.
type rolledBack struct {
	Store
	at     int
	always bool
}

var errRolledBack = errors.New("the disk is full")

func (r *rolledBack) UpdateMirror(ctx context.Context, update func(store.MirrorTx) error) error {
	r.at--
	return r.Store.UpdateMirror(ctx, func(tx store.MirrorTx) error {
		if err := update(tx); err != nil || r.at != 0 && !r.always {
			return err
		}
		return errRolledBack
	})
}

// TestEventsCommitWithTheMirror: cookie, image and events, or none of them.
func TestEventsCommitWithTheMirror(t *testing.T) { dirtest.InRules(t, testEventsCommitWithTheMirror) }

func testEventsCommitWithTheMirror(t *testing.T, dc *dirtest.Domain) {
	s := counting(t, dc, dc.Connect(t, dirtest.AsAgent))
	dc.AddUser(t, dc.OU("Staff"), "Torn", "torn", nil)
	before, image := s.stateOnly(t), s.image(t)
	whole := s.store
	s.store = &rolledBack{Store: whole, always: true}
	if _, err := s.try(t.Context()); !errors.Is(err, errRolledBack) {
		t.Fatal(err)
	}
	s.store = whole
	if d := cmp.Diff(before, s.stateOnly(t)); d != "" || len(image) != len(s.image(t)) {
		t.Fatalf("%d objects, and there were %d; state (-before +now)\n%s", len(s.image(t)), len(image), d)
	}
	s.want(t, "what was rolled back")
	s.sync(t)
	s.want(t, "the next sync", "Torn created")
}

func (s *subject) stateOnly(t *testing.T) store.MirrorState {
	state, _ := s.state(t)
	return state
}

// TestEventsFromWhenOn: nothing is told that happened before anybody asked.
func TestEventsFromWhenOn(t *testing.T) { dirtest.InRules(t, testEventsFromWhenOn) }

func testEventsFromWhenOn(t *testing.T, dc *dirtest.Domain) {
	s := &told{subject: newSubject(t, dc, dc.Connect(t, dirtest.AsAgent))}
	staff := dc.OU("Staff")
	add := func(name string) { dc.AddUser(t, staff, name, name, nil) }
	step := func(what string, events, asBefore bool, want ...string) {
		t.Helper()
		add(what)
		s.spec.Events, s.spec.EventsAsBefore = events, asBefore
		s.sync(t)
		s.want(t, what, want...)
	}
	step("nobodyasks", false, false)
	step("asked", true, false)
	step("counts", true, false, "counts created")
	step("tried", false, true, "tried created")
	step("countsstill", true, false, "countsstill created")
	step("nobodyagain", false, false)
	step("triedagain", true, true)
	step("askedagain", true, false)
	step("countsagain", true, false, "countsagain created")

	// Another domain, and a mirror that was lost.
	s.setCursor(t, func(c *cursor) { c.Base, c.Whole = "dc=other", time.Time{} })
	step("otherbase", true, false)
	step("countsonce", true, false, "countsonce created")
	err := s.store.UpdateMirror(t.Context(), func(tx store.MirrorTx) error { return tx.Clear() })
	if err != nil {
		t.Fatal(err)
	}
	step("lost", true, false)
	step("countslast", true, false, "countslast created")
	if n := strings.Count(s.log.String(), "count as events from now on"); n != 4 {
		t.Errorf("%d lines say from when on events count, want 4:\n%s", n, s.log.String())
	}
}

// TestNamesOfTheMirror: a mirror with more attributes than are wanted is kept, and
// two configurations that take turns lose no change.
func TestNamesOfTheMirror(t *testing.T) { dirtest.InRules(t, testNamesOfTheMirror) }

func testNamesOfTheMirror(t *testing.T, dc *dirtest.Domain) {
	s := counting(t, dc, dc.Connect(t, dirtest.AsAgent))
	dn := dc.OU("Staff").Child("Hana Made")
	wants := func(names []string, full bool, change string, want ...string) {
		t.Helper()
		s.spec.Attributes = names
		dc.Replace(t, dn, "title", change)
		if r := s.sync(t); r.Full != full {
			t.Errorf("with %q: %+v, want full %v", names, r, full)
		}
		s.want(t, change, want...)
	}
	before := dc.Get(t, dn, "title").Attributes.First("title")
	wants(attributes, false, "one", "Hana Made modified title "+before+">one")
	wants([]string{"title"}, false, "two", "Hana Made modified title one>two")
	wants([]string{"title", "info"}, true, "three", "Hana Made modified title two>three")
	wants(attributes, false, "four", "Hana Made modified title three>four")
	wants([]string{"info"}, false, "five", "Hana Made modified title four>five")
	s.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
	wants([]string{"info"}, true, "six") // title is not mirrored any more
	wants([]string{"title"}, true, "seven")
	wants([]string{"title"}, false, "eight", "Hana Made modified title seven>eight")
}

// TestNamedAttributes: userAccountControl counts as modified if it is asked for.
func TestNamedAttributes(t *testing.T) {
	dc := dirtest.InMemory(t)
	s := counting(t, dc, dc.Connect(t, dirtest.AsAgent))
	s.spec.Named = []string{"userAccountControl"}
	dc.Replace(t, dc.OU("Staff").Child("Hana Made"), "userAccountControl", "66050")
	s.sync(t)
	s.want(t, "named", "Hana Made disabled, modified useraccountcontrol 512>66050")
}
