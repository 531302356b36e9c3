package mirror

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestManyObjects tells how fast it is, and cuts a read off that takes several
// pages.
func TestManyObjects(t *testing.T) {
	server := dctest.Fresh(t)
	dc, admin := dirtest.OnDC(server), adminConn(t, server)
	var all []string
	for i := range soak.Size(600, 2000) {
		r := ldap.NewAddRequest(string(dc.OU("Staff").Child(fmt.Sprintf("User %04d", i))), nil)
		r.Attribute("objectClass", []string{"user"})
		r.Attribute("sAMAccountName", []string{fmt.Sprintf("user%04d", i)})
		r.Attribute("mail", []string{fmt.Sprintf("user%04d@example.com", i)})
		r.Attribute("employeeNumber", []string{fmt.Sprintf("pipedrive:%d", i)})
		if err := admin.Add(r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r.DN)
	}
	dc.Replace(t, dc.OU("Groups").Child("CRM"), "member", all[:20]...)

	c := dc.Connect(t, dirtest.AsAgent)
	f := &faulty{Directory: c}
	s := newSubject(t, dc, f)
	tell := func(what string) {
		r := s.sync(t)
		s.wantSame(t, dc, c)
		t.Logf("%-24s %4d objects, %4d read, %4d removed: %v (%.0f/s)", what, r.Entries, r.Changed, r.Removed, r.Took,
			float64(max(r.Changed, r.Removed))/r.Took.Seconds())
	}
	tell("first read")
	tell("nothing new")
	dc.Replace(t, dc.OU("Staff").Child("User 0007"), "title", "x")
	tell("one change")
	s.setCursor(t, func(c *cursor) { c.Whole = c.Whole.AddDate(0, 0, -2) })
	tell("full read, nothing new")
	f.dirSync = refuse(ldap.LDAPResultUnwillingToPerform)
	dc.Replace(t, dc.OU("Staff").Child("User 0007"), "title", "y")
	tell("paged")
	f.dirSync = nil
	f.page = withoutTombstones
	s.setCursor(t, func(c *cursor) { c.Whole = c.Whole.AddDate(0, 0, -2) })
	dc.Delete(t, dc.OU("Staff").Child("User 0008"))
	tell("full read of a blind one")
	dc.Delete(t, dc.OU("Staff").Child("User 0009"))
	tell("sweep")
	dc.Move(t, dc.OU("Staff"), "OU=Everybody", "")
	tell("all of them move")
	f.page = nil

	// Cut off in the middle of the pages.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	whole := newStore(t)
	s.store = &cutOff{Store: whole, at: 3, cancel: cancel}
	if _, err := s.try(ctx); err == nil {
		t.Fatal("the read was not cut off")
	}
	s.store = whole
	state, c2 := s.state(t)
	n, err := whole.CountEntries(t.Context())
	if err != nil || n == 0 || state.Full || c2.Cookie != nil {
		t.Fatalf("after the first of several pages: %d objects, %v, %+v", n, err, state)
	}
	tell("first read cut off, again")
}
