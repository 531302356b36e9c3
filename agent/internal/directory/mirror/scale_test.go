package mirror

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
)

// TestTwoThousand tells how fast it is, and cuts reads off that take several
// pages.
func TestTwoThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("adds 2,000 objects")
	}
	dc := dctest.Fresh(t)
	admin := adminConn(t, dc)
	var all []string
	for i := range 2000 {
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

	c := open(t, dc, agent(dc))
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
	tell("2,000 children move")
	f.page = nil

	for at := 1; ; at++ {
		s.store = newStore(t)
		ctx, cancel := context.WithCancel(t.Context())
		whole := s.store
		s.store = &cutOff{Store: whole, at: at, cancel: cancel}
		_, err := s.try(ctx)
		cancel()
		s.store = whole
		state, _ := whole.MirrorState(t.Context())
		if err == nil {
			t.Logf("a first read is %d transactions", at-1)
			break
		}
		if state.Full {
			t.Fatalf("cut off at transaction %d and marked as full", at)
		}
		s.sync(t)
		s.wantSame(t, dc, c)
	}
}

var _ Store = (*cutOff)(nil)
