package runtime

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestBelow(t *testing.T) {
	const staff, berlin, leavers = "OU=Staff,DC=x", "OU=Berlin,OU=Staff,DC=x", "OU=Leavers,DC=x"
	for _, c := range []struct {
		name  string
		scope ident.Scope
		base  ident.DN
		want  []ident.DN
	}{
		{"the whole scope", ident.Scope{staff, leavers}, "", []ident.DN{staff, leavers}},
		{"a container in another counts once", ident.Scope{berlin, staff, berlin}, "", []ident.DN{staff}},
		{"above the scope", ident.Scope{staff, leavers}, "DC=x", []ident.DN{staff, leavers}},
		{"in the scope", ident.Scope{staff, leavers}, berlin, []ident.DN{berlin}},
		{"in two that are one in another", ident.Scope{"DC=x", staff}, berlin, []ident.DN{berlin}},
		{"spelled otherwise", ident.Scope{staff}, "ou=staff,dc=X", []ident.DN{staff}},
		{"outside of the scope", ident.Scope{staff}, leavers, nil},
	} {
		if got := Below(c.scope, c.base); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestPeopleAreCounted: users count, and nothing else does; a count is remembered
// for some minutes; a failure is no count.
func TestPeopleAreCounted(t *testing.T) {
	d := dirtest.InMemory(t)
	staff, elsewhere := d.OU("Staff"), d.OU("Elsewhere")
	d.Add(t, staff.Child("PC1"), map[string][]string{"objectClass": {"computer"}, "sAMAccountName": {"PC1$"}, "userAccountControl": {"4096"}})
	d.AddGroup(t, staff, "Chess")
	d.Add(t, "OU=Berlin,"+staff, map[string][]string{"objectClass": {"organizationalUnit"}})

	p := newPeople()
	now := time.Now()
	p.now = func() time.Time { return now }
	searches := 0
	connected := func(do func(searcher) error) error {
		searches++
		return do(d.Connect(t, dirtest.AsAgent))
	}
	count := func(want int, containers ...ident.DN) {
		t.Helper()
		if n, err := p.count(t.Context(), containers, connected); n != want || err != nil {
			t.Errorf("%d users, want %d (%v)", n, want, err)
		}
	}
	count(4, staff)
	count(5, staff, elsewhere)
	d.AddUser(t, "OU=Berlin,"+staff, "Nora New", "nnew", map[string][]string{"userAccountControl": {"512"}})
	count(4, staff)
	if searches != 2 {
		t.Errorf("the directory was asked %d times, want 2: once for each container", searches)
	}
	now = now.Add(countedFor + time.Second)
	count(6, staff, elsewhere)

	now = now.Add(countedFor + time.Second)
	away := errors.New("the directory is away")
	fail := func(func(searcher) error) error { return away }
	if _, err := p.count(t.Context(), []ident.DN{staff}, fail); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	p.turn <- struct{}{} // somebody else is counting
	if _, err := p.count(stopped, []ident.DN{staff}, fail); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
