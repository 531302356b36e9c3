package conn_test

import (
	"errors"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// changes reads all pages since cookie and indexes them by GUID.
func changes(t *testing.T, c *conn.Client, q conn.SyncQuery) (map[ident.GUID]conn.SyncEntry, []byte) {
	t.Helper()
	found := map[ident.GUID]conn.SyncEntry{}
	for {
		page, err := c.DirSync(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			found[e.GUID] = e
		}
		q.Cookie = page.Cookie
		if !page.More {
			return found, q.Cookie
		}
	}
}

func TestDirSyncTellsEveryKindOfChange(t *testing.T) {
	dc := dctest.Start(t)
	// With the right to replicate, and as a plain user who may read everything here.
	for _, plain := range []bool{false, true} {
		name := map[bool]string{false: "Replicating", true: "Plain"}[plain]
		t.Run(name, func(t *testing.T) {
			s := settings(dc)
			if plain {
				s.BindDN, s.Password = string(dc.OU("Staff").Child("Hana Made")), password(dc.UserPassword)
			}
			c := open(t, s)
			q := conn.SyncQuery{
				Base: dc.BaseDN, Filter: "(objectClass=user)", ObjectSecurity: plain,
				Attributes: []string{"displayName", "title", "userAccountControl", "sAMAccountName"},
			}
			staff, leavers := dc.OU("Staff"), dc.OU("Leavers")
			add := func(cn string) ident.GUID {
				return dc.AddUser(t, staff, name+" "+cn, name+cn, map[string][]string{"displayName": {cn}, "title": {"Clerk"}})
			}
			edited, cleared, renamed, moved, deleted := add("Edited"), add("Cleared"), add("Renamed"), add("Moved"), add("Deleted")
			all, cookie := changes(t, c, q)
			for _, guid := range []ident.GUID{edited, cleared, renamed, moved, deleted} {
				if e, ok := all[guid]; !ok || e.Deleted || e.Changed.First("title") != "Clerk" {
					t.Fatalf("first read: %+v, %v", e, ok)
				}
			}
			q.Cookie = cookie
			if none, _ := changes(t, c, q); len(none) != 0 {
				t.Errorf("%d changes without a change", len(none))
			}
			dc.Replace(t, staff.Child(name+" Edited"), "title", "Manager")
			dc.Replace(t, staff.Child(name+" Cleared"), "title")
			dc.Move(t, staff.Child(name+" Renamed"), "CN="+name+" Called Otherwise", "")
			dc.Move(t, staff.Child(name+" Moved"), "CN="+name+" Moved", leavers)
			dc.Delete(t, staff.Child(name+" Deleted"))
			created := add("Created")
			got, cookie := changes(t, c, q)
			if e := got[edited]; e.Changed.First("title") != "Manager" || e.Changed.Values("displayName") != nil {
				t.Errorf("edited: %+v, want the changed attribute alone", e)
			}
			if values, ok := got[cleared].Changed["title"]; !ok || len(values) != 0 {
				t.Errorf("cleared: %+v, want title without values", got[cleared])
			}
			if e := got[renamed]; e.DN != staff.Child(name+" Called Otherwise") {
				t.Errorf("renamed: %+v", e)
			}
			if e := got[moved]; e.DN != leavers.Child(name+" Moved") {
				t.Errorf("moved: %+v", e)
			}
			if e := got[created]; e.DN != staff.Child(name+" Created") || e.Changed.First("samaccountname") != name+"Created" {
				t.Errorf("created: %+v", e)
			}
			// Deletions are told, and tombstones readable, to those who may list
			// CN=Deleted Objects.
			if e, seen := got[deleted]; seen == plain || e.Deleted == plain {
				t.Errorf("deleted: %+v, %v", e, seen)
			}
			q.Cookie = cookie
			if none, _ := changes(t, c, q); len(none) != 0 {
				t.Errorf("%d changes are told twice", len(none))
			}
			tombstone, err := c.Get(t.Context(), conn.Target{GUID: deleted, Deleted: true}, []string{"isDeleted"})
			if plain != errors.Is(err, conn.ErrNotFound) || !plain && tombstone.Attributes.First("isDeleted") != "TRUE" {
				t.Errorf("tombstone by GUID: %+v, %v", tombstone, err)
			}
			if _, err := c.Get(t.Context(), conn.ByGUID(deleted), nil); err == nil {
				t.Error("a deleted object is found without asking for deleted ones")
			}
		})
	}
}

func TestDirSyncWithoutTheRight(t *testing.T) {
	dc := dctest.Start(t)
	s := settings(dc)
	s.BindDN, s.Password = string(dc.OU("Staff").Child("Hana Made")), password(dc.UserPassword)
	_, err := open(t, s).DirSync(t.Context(), conn.SyncQuery{Base: dc.BaseDN, Filter: "(objectClass=user)"})
	if err == nil {
		t.Fatal("a plain user may replicate")
	}
	if e := asError(t, err); e.Code != 50 || e.Hint != "grant the agent's account Replicating Directory Changes on the domain" {
		t.Errorf("%+v", e)
	}
}

func TestDirSyncRefusesAForeignCookie(t *testing.T) {
	dc := dctest.Start(t)
	c := open(t, settings(dc))
	_, err := c.DirSync(t.Context(), conn.SyncQuery{Base: dc.BaseDN, Filter: "(objectClass=user)", Cookie: []byte("rubbish")})
	if err == nil {
		t.Fatal("a cookie of rubbish was accepted")
	}
	if errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("%v: it was answered", err)
	}
	if _, err := c.HighestUSN(t.Context()); err != nil {
		t.Errorf("the connection is unusable afterwards: %v", err)
	}
}
