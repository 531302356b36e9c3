package mirror

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestNewAccountsAreNotReadAgain: what DirSync shows of a new user or group is all
// there is, and another read would keep everything else waiting.
func TestNewAccountsAreNotReadAgain(t *testing.T) {
	t.Run("memory", func(t *testing.T) { testNewAccounts(t, dirtest.InMemory(t)) })
	t.Run("dc", func(t *testing.T) { testNewAccounts(t, dirtest.OnDC(dctest.Start(t))) })
}

func testNewAccounts(t *testing.T, dc *dirtest.Domain) {
	reader := dc.Connect(t, dirtest.AsAgent)
	f := &faulty{Directory: reader}
	s := newSubject(t, dc, f)
	s.sync(t)
	ou := dc.OU("Staff")
	nia, noa := ou.Child("Nia New"), ou.Child("Noa New")
	dc.Add(t, nia, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"nianew"}, "title": {"Boss"}, "mail": {"nia@example.org"}})
	dc.Replace(t, nia, "title")
	dc.Replace(t, nia, "userAccountControl", "514")
	dc.Add(t, noa, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"noanew"}, "manager": {string(nia)}})
	dc.Add(t, ou.Child("New Group"), map[string][]string{
		"objectClass": {"group"}, "sAMAccountName": {"newgroup"}, "member": {string(nia), string(noa)},
	})
	f.looked = nil
	if r := s.sync(t); r.Changed != 3 || len(f.looked) != 0 {
		t.Errorf("%+v, and %d searches for %+v; want three new objects and none", r, len(f.looked), f.looked)
	}
	s.wantSame(t, dc, reader)
}

// TestOneThatComesIntoSightIsReadWhole: only what has changed is shown of an account
// that is not new, so the rest must be asked for.
func TestOneThatComesIntoSightIsReadWhole(t *testing.T) {
	t.Run("memory", func(t *testing.T) { testIntoSight(t, dirtest.InMemory(t)) })
	t.Run("dc", func(t *testing.T) { testIntoSight(t, dirtest.OnDC(dctest.Start(t))) })
}

func testIntoSight(t *testing.T, dc *dirtest.Domain) {
	reader := dc.Connect(t, dirtest.AsAgent)
	f := &faulty{Directory: reader}
	s := newSubject(t, dc, f)
	shy := dc.OU("Staff").Child("Shy One")
	dc.Add(t, shy, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"shyone"}, "mail": {"shy@example.org"}})
	f.search = func(_ conn.Query, _ int, e ident.Entry) error {
		if e.DN.EqualFold(shy) {
			return errHide
		}
		return nil
	}
	f.page = func(p conn.SyncPage) conn.SyncPage {
		shown := p.Entries[:0]
		for _, e := range p.Entries {
			if !e.DN.EqualFold(shy) {
				shown = append(shown, e)
			}
		}
		p.Entries = shown
		return p
	}
	s.sync(t)
	f.search, f.page = nil, nil
	dc.Replace(t, shy, "title", "Seen")
	if r := s.sync(t); r.Changed != 1 {
		t.Errorf("%+v, want the one that came into sight", r)
	}
	s.wantSame(t, dc, reader)
}
