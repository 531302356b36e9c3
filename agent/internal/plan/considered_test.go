package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// watchScene has people of each kind: 1 whose OU is not there, 2 who is called the
// same, 3 who matches an account, 4 who has a link, and 5 who is out of scope. The
// manager of everybody is 4.
func watchScene(t *testing.T) (*scene, *mapping.Mapper, []ident.Record) {
	t.Helper()
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", Where: src("user.here"), OU: src("{{ user.ou }}"),
		Attributes: []mapping.AttributeDef{
			{Name: "displayName", Value: src("{{ user.name }}")},
			{Name: "mail", Value: src("{{ user.mail }}")},
			{Name: "sAMAccountName", Value: src("{{ user.name }}"), Unique: mapping.UniqueDomain, Suffix: mapping.SuffixNumber, Apply: ident.ApplyCreate},
			{Name: "manager", Value: src("{{ user.boss }}"), Reference: true},
		},
	})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	s := newScene()
	s.account("g3", staff.Child("Old"), "mail", "c@x")
	s.linked("4")
	rec := func(key ident.Key, here bool, name, mail string, ou ident.DN) ident.Record {
		return ident.Record{Endpoint: "users", Key: key, Fields: map[string]any{
			"id": string(key), "here": here, "name": name, "mail": mail, "ou": string(ou), "boss": "4",
		}}
	}
	return s, m, []ident.Record{
		rec("1", true, "Ada", "a@x", "OU=None,"+staff), rec("2", true, "Ada", "b@x", staff), rec("3", true, "Cy", "c@x", staff),
		rec("4", true, "Di", "ada4@x", staff), rec("5", false, "Eve", "e@x", staff),
		{Endpoint: "users", Key: "6", Problem: "no JSON"},
	}
}

// TestWatch: who watches learns what found the account, and the plan stays the same.
func TestWatch(t *testing.T) {
	s, m, records := watchScene(t)
	var seen []string
	plan := func(watch bool) ident.Plan {
		b := NewBuilder(s.set, s.world, m, s.hist)
		if watch {
			b.Watch(func(c Considered) {
				text := fmt.Sprintf("%s in=%v", c.Record.Key, c.Scope.In)
				if c.Account != nil {
					text += " " + c.Account.DN.Name()
				}
				if c.Link != nil {
					text += " linked"
				}
				for _, a := range c.Shown.Attributes {
					if a.Name == "sAMAccountName" {
						text += " " + strings.Join(a.Values, "")
					}
				}
				for _, n := range c.Names["manager"] {
					text += fmt.Sprintf(" manager %s %s%s", n.Key, n.DN.Name(), n.Why)
				}
				seen = append(seen, text+" "+c.By)
			})
		}
		for _, r := range records {
			if err := b.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		p, err := b.Finish(s.delivery)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if diff := cmp.Diff(plan(false), plan(true)); diff != "" {
		t.Errorf("watching changes the plan: %s", diff)
	}
	want := []string{
		"1 in=true Ada manager 4 Ada 4 ",
		"2 in=true Ada manager 4 Ada 4 ",
		"3 in=true Old  manager 4 Ada 4 mail = c@x matches the account CN=Old,OU=Staff,DC=x",
		"4 in=true Ada 4 linked  manager 4 Ada 4 ",
		"5 in=false ",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen:\n%s\nwant:\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
}

// TestWatchFails: an error of the view ends the plan, as it does without.
func TestWatchFails(t *testing.T) {
	s, m, records := watchScene(t)
	for _, method := range []string{"LinkByKey", "EntryByGUID", "EntriesByName sAMAccountName"} {
		s.broken = method
		b := NewBuilder(s.set, s.world, m, s.hist)
		b.Watch(func(Considered) {})
		var err error
		for _, r := range records {
			err = errors.Join(err, b.Add(r))
		}
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", method, err)
		}
	}
}
