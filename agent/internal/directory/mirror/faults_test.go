package mirror

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// synced returns a mirror that is up to date, read through a directory that
// can be told to misbehave, and a reader to compare with.
func synced(t *testing.T, dc *dirtest.Domain) (*subject, *faulty, Searcher) {
	t.Helper()
	c := dc.Connect(t, dirtest.AsAgent)
	f := &faulty{Directory: c}
	s := newSubject(t, dc, f)
	s.sync(t)
	f.asked, f.looked = nil, nil
	return s, f, c
}

// TestWholeReadIsForced lists what makes changes alone untrustworthy.
func TestWholeReadIsForced(t *testing.T) { dirtest.InRules(t, testWholeReadIsForced) }

func testWholeReadIsForced(t *testing.T, dc *dirtest.Domain) {
	for name, spoil := range map[string]func(*testing.T, *subject, *faulty){
		"another attribute": func(_ *testing.T, s *subject, _ *faulty) {
			s.spec.Attributes = append([]string{"givenName"}, attributes...)
		},
		"another database": func(_ *testing.T, _ *subject, f *faulty) {
			f.server = func(s conn.Server) conn.Server { s.InvocationID = "0" + s.InvocationID[1:]; return s }
		},
		"an older database": func(_ *testing.T, _ *subject, f *faulty) { f.usn = func(n int64) int64 { return n - 1 } },
		"a flipped bit in the cursor": func(t *testing.T, s *subject, _ *faulty) {
			state, _ := s.state(t)
			state.Cookie[len(state.Cookie)/2] ^= 1
			s.setState(t, state)
		},
		"half a cursor": func(t *testing.T, s *subject, _ *faulty) {
			state, _ := s.state(t)
			state.Cookie = state.Cookie[:20]
			s.setState(t, state)
		},
		"a cookie that the server cannot read": func(t *testing.T, s *subject, _ *faulty) {
			s.setCursor(t, func(c *cursor) { c.Cookie, c.USN = []byte("garbage"), c.USN-1 })
		},
		"a read that was cut off": func(t *testing.T, s *subject, _ *faulty) {
			state, _ := s.state(t)
			state.Full = false
			s.setState(t, state)
		},
		"an old read": func(t *testing.T, s *subject, _ *faulty) {
			s.setCursor(t, func(c *cursor) { c.Whole = c.Whole.Add(-25 * time.Hour) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, f, reader := synced(t, dc)
			spoil(t, s, f)
			if r := s.sync(t); !r.Full || r.Mode != ModeDirSync {
				t.Errorf("%+v, want a full read", r)
			}
			s.wantSame(t, dc, reader)
			if r := s.sync(t); r.Full {
				t.Errorf("the read after it: %+v, want changes only", r)
			}
		})
	}
}

// TestRefusal: an answer of the server leads to the next way, an outage to none.
func TestRefusal(t *testing.T) { dirtest.InRules(t, testRefusal) }

func testRefusal(t *testing.T, dc *dirtest.Domain) {
	unlessSecurity := func(q conn.SyncQuery) error {
		if q.ObjectSecurity {
			return nil
		}
		return refuse(ldap.LDAPResultInsufficientAccessRights)(q)
	}
	for name, test := range map[string]struct {
		dirSync func(conn.SyncQuery) error
		want    way
		fails   bool
	}{
		"no right":           {dirSync: unlessSecurity, want: way{Mode: ModeDirSync, Security: true}},
		"no control":         {dirSync: refuse(ldap.LDAPResultUnavailableCriticalExtension), want: way{Mode: ModePaged}},
		"no cookie returned": {dirSync: refuse(0), want: way{Mode: ModePaged}},
		"busy":               {dirSync: refuse(ldap.LDAPResultBusy), fails: true},
	} {
		for _, when := range []string{"first", "later"} {
			t.Run(name+" "+when, func(t *testing.T) {
				s, f, reader := synced(t, dc)
				if when == "first" {
					s.store = newStore(t)
				}
				dc.Replace(t, dc.OU("Elsewhere"), "description", name+when)
				before := s.image(t)
				s.log.Reset()
				f.dirSync = test.dirSync
				r, err := s.try(t.Context())
				if test.fails {
					if err == nil || len(s.image(t)) != len(before) {
						t.Fatalf("%+v, %v, want an error and the mirror as it was", r, err)
					}
					f.dirSync = nil
					s.sync(t)
					s.wantSame(t, dc, reader)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				s.wantSame(t, dc, reader)
				if _, c := s.state(t); c.Way != test.want {
					t.Errorf("read by %+v, want %+v", c.Way, test.want)
				}
				told := strings.Count(s.log.String(), "level=WARN")
				dc.Replace(t, dc.OU("Elsewhere"), "description", name+when+"again")
				s.sync(t)
				s.wantSame(t, dc, reader)
				if now := strings.Count(s.log.String(), "level=WARN"); now != told || test.want.Mode == ModePaged && told != 1 {
					t.Errorf("%d warnings, then %d:\n%s", told, now, s.log.String())
				}
			})
		}
	}
}

// TestShrink: a read that shows little removes nothing.
func TestShrink(t *testing.T) { dirtest.InRules(t, testShrink) }

func testShrink(t *testing.T, dc *dirtest.Domain) {
	hide := func(_ conn.Query, n int, _ ident.Entry) error {
		if n > 20 {
			return errHide
		}
		return nil
	}
	for name, setUp := range map[string]func(*testing.T, *subject, *faulty){
		"paged": func(_ *testing.T, _ *subject, f *faulty) {
			f.dirSync, f.search = refuse(ldap.LDAPResultUnavailableCriticalExtension), hide
		},
		"full DirSync": func(t *testing.T, s *subject, f *faulty) {
			s.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
			f.page = func(p conn.SyncPage) conn.SyncPage { p.Entries = p.Entries[:20]; return p }
		},
		"sweep": func(t *testing.T, s *subject, f *faulty) {
			s.setCursor(t, func(c *cursor) { c.Blind = true })
			f.page, f.search = withoutTombstones, hide
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, f, reader := synced(t, dc)
			before := len(s.image(t))
			setUp(t, s, f)
			dc.Replace(t, dc.OU("Elsewhere"), "description", name)
			_, err := s.try(t.Context())
			var shrunk *ShrinkError
			if !errors.As(err, &shrunk) || shrunk.Had != before || shrunk.Got != 20 {
				t.Fatalf("error %v, want a ShrinkError from %d to 20", err, before)
			}
			if now := len(s.image(t)); now != before {
				t.Fatalf("%d objects of %d are left", now, before)
			}
			f.dirSync, f.page, f.search = nil, nil, nil
			s.sync(t)
			s.wantSame(t, dc, reader)
		})
	}
}

// TestAcceptShrink: the operator may say that it is right.
func TestAcceptShrink(t *testing.T) { dirtest.InRules(t, testAcceptShrink) }

func testAcceptShrink(t *testing.T, dc *dirtest.Domain) {
	s, f, _ := synced(t, dc)
	s.setCursor(t, func(c *cursor) { c.Whole = time.Time{} })
	s.spec.AcceptShrink = true
	f.page = func(p conn.SyncPage) conn.SyncPage { p.Entries = p.Entries[:20]; return p }
	// What cannot be read cannot be looked up either.
	f.search = func(conn.Query, int, ident.Entry) error { return errHide }
	s.spec.Attributes = nil // no look at the schema
	if r := s.sync(t); r.Entries != len(s.image(t)) || r.Entries > 20 || r.Removed < 100 {
		t.Fatalf("%+v", r)
	}
}

// TestMissedBySearch: an object that a search leaves out is asked for before it
// is taken for deleted.
func TestMissedBySearch(t *testing.T) { dirtest.InRules(t, testMissedBySearch) }

func testMissedBySearch(t *testing.T, dc *dirtest.Domain) {
	for name, mode := range map[string]func(*faulty){
		"paged": func(f *faulty) { f.dirSync = refuse(ldap.LDAPResultUnavailableCriticalExtension) },
		"sweep": func(f *faulty) { f.page = withoutTombstones },
	} {
		t.Run(name, func(t *testing.T) {
			s, f, reader := synced(t, dc)
			mode(f)
			s.setCursor(t, func(c *cursor) { c.Blind = true })
			f.search = func(q conn.Query, n int, _ ident.Entry) error {
				if q.Filter == filter && n == 7 {
					return errHide
				}
				return nil
			}
			dc.Replace(t, dc.OU("Elsewhere"), "description", name)
			if r := s.sync(t); r.Removed != 0 {
				t.Errorf("%+v, want nothing removed", r)
			}
			s.wantSame(t, dc, reader)
		})
	}
}

// TestSweepEvery: deletions that nobody tells of are looked for when it is
// time, and the wait is not forgotten when nothing else happens.
func TestSweepEvery(t *testing.T) { dirtest.InRules(t, testSweepEvery) }

func testSweepEvery(t *testing.T, dc *dirtest.Domain) {
	c := dc.Connect(t, dirtest.AsAgent)
	f := &faulty{Directory: c, page: withoutTombstones}
	s := newSubject(t, dc, f)
	s.spec.SweepEvery = time.Hour
	doomed := dc.OU("Staff").Child("Doomed")
	dc.AddUser(t, dc.OU("Staff"), "Doomed", "doomed", nil)
	s.sync(t)
	dc.Delete(t, doomed)
	for range 2 {
		if r := s.sync(t); r.Removed != 0 {
			t.Fatalf("%+v, want no sweep yet", r)
		}
	}
	s.setCursor(t, func(c *cursor) { c.Swept = c.Swept.Add(-2 * time.Hour) })
	if r := s.sync(t); r.Removed != 1 || r.Full {
		t.Fatalf("%+v, want the deletion found by a sweep", r)
	}
	s.wantSame(t, dc, c)
}

// TestSightRegained: an account that is given the right to see deletions.
func TestSightRegained(t *testing.T) { dirtest.InRules(t, testSightRegained) }

func testSightRegained(t *testing.T, dc *dirtest.Domain) {
	c := dc.Connect(t, dirtest.AsAgent)
	f := &faulty{Directory: c, page: withoutTombstones}
	s := newSubject(t, dc, f)
	s.spec.SweepEvery = time.Hour
	dc.AddUser(t, dc.OU("Staff"), "Unseen", "unseen", nil)
	dc.AddUser(t, dc.OU("Staff"), "Seen", "seen", nil)
	s.sync(t)
	dc.Delete(t, dc.OU("Staff").Child("Unseen"))
	s.sync(t)
	f.page = nil
	dc.Delete(t, dc.OU("Staff").Child("Seen"))
	if r := s.sync(t); r.Removed != 2 {
		t.Fatalf("%+v, want both deletions", r)
	}
	if _, c := s.state(t); c.Blind {
		t.Fatal("still taken for blind")
	}
	s.wantSame(t, dc, c)
}

// TestInterrupted cuts a synchronisation off at each of its transactions.
func TestInterrupted(t *testing.T) { dirtest.InRules(t, testInterrupted) }

func testInterrupted(t *testing.T, dc *dirtest.Domain) {
	for name, prepare := range map[string]func(*testing.T, *subject, *faulty){
		"first read": func(t *testing.T, s *subject, _ *faulty) { s.store = newStore(t) },
		"paged":      func(_ *testing.T, _ *subject, f *faulty) { f.dirSync = refuse(ldap.LDAPResultUnwillingToPerform) },
		"changes":    func(*testing.T, *subject, *faulty) {},
		"blind sweep": func(t *testing.T, s *subject, f *faulty) {
			s.setCursor(t, func(c *cursor) { c.Blind = true })
			f.page = withoutTombstones
		},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				s, f, reader := synced(t, dc)
				prepare(t, s, f)
				ou := dc.OU("Interrupted")
				dc.Add(t, ou, map[string][]string{"objectClass": {"organizationalUnit"}})
				dc.AddUser(t, ou, "One", "one", nil)
				ctx, cancel := context.WithCancel(t.Context())
				whole := s.store
				s.store = &cutOff{Store: whole, at: at, cancel: cancel}
				_, err := s.try(ctx)
				cancel()
				s.store = whole
				if state, _ := whole.MirrorState(t.Context()); err != nil && state.Full && len(s.image(t)) < 100 {
					t.Errorf("cut off at transaction %d: half a mirror is marked as full", at)
				}
				dc.DeleteTree(t, ou)
				s.sync(t)
				s.wantSame(t, dc, reader)
				if err == nil {
					t.Logf("%d transactions", at-1)
					return
				}
			}
		})
	}
}

// cutOff is a store whose caller gives up when the n-th transaction begins.
type cutOff struct {
	Store
	at     int
	cancel context.CancelFunc
}

func (c *cutOff) UpdateMirror(ctx context.Context, update func(store.MirrorTx) error) error {
	if c.at--; c.at == 0 {
		c.cancel()
	}
	return c.Store.UpdateMirror(ctx, update)
}

// TestAttributes: what cannot be mirrored is refused with its name.
func TestAttributes(t *testing.T) { dirtest.InRules(t, testAttributes) }

func testAttributes(t *testing.T, dc *dirtest.Domain) {
	c := dc.Connect(t, dirtest.AsAgent)
	for name, ok := range map[string]bool{
		"employeeID": true, "Title": true, "objectGUID": true, "NAME": true, "pwdLastSet": true,
		"emplyeeID": false, "memberOf": false, "canonicalName": false, "lastLogon": false, "bad)(name": false,
	} {
		s := &synchroniser{dir: c, spec: Spec{Attributes: []string{"mail", name}}}
		err := s.checkAttributes(t.Context())
		var bad *AttributeError
		if refused := errors.As(err, &bad) && bad.Name == name; refused == ok || !refused && err != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
	s := newSubject(t, dc, c)
	s.spec.Attributes = []string{"Title", "NAME", "memberOf"}
	if _, err := s.try(t.Context()); err == nil || len(s.image(t)) != 0 {
		t.Errorf("error %v and %d objects", err, len(s.image(t)))
	}
	s.spec.Attributes = s.spec.Attributes[:2]
	s.sync(t)
	s.wantSame(t, dc, c)
}

// TestAnotherBase: nothing of one naming context stays in the mirror of another.
func TestAnotherBase(t *testing.T) { dirtest.InRules(t, testAnotherBase) }

func testAnotherBase(t *testing.T, dc *dirtest.Domain) {
	s, f, _ := synced(t, dc)
	s.spec.Base = "DC=other,DC=test"
	if _, err := s.try(t.Context()); err == nil {
		t.Fatal("a base that the server does not hold was accepted")
	}
	s.spec.Base = "CN=Configuration," + dc.BaseDN
	f.server = func(c conn.Server) conn.Server { c.NamingContext = s.spec.Base; return c }
	if r := s.sync(t); !r.Full || r.Entries == 0 || r.Entries != r.Changed {
		t.Errorf("%+v, want all of it read", r)
	}
	for _, e := range s.image(t) {
		if dn, _, _ := strings.Cut(e, "\n"); !ident.DN(dn).Under(s.spec.Base) {
			t.Errorf("%s is still there", dn)
		}
	}
}

// TestNothing: an account that is shown nothing must not make an empty mirror.
func TestNothing(t *testing.T) { dirtest.InRules(t, testNothing) }

func testNothing(t *testing.T, dc *dirtest.Domain) {
	s, f, _ := synced(t, dc)
	s.store = newStore(t)
	f.page = func(p conn.SyncPage) conn.SyncPage { p.Entries = nil; return p }
	if _, err := s.try(t.Context()); !errors.Is(err, errNothing) {
		t.Fatalf("error %v, want %v", err, errNothing)
	}
	if state, _ := s.state(t); state.Full {
		t.Fatal("the empty mirror is marked as full")
	}
}
