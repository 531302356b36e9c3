package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// swapMapping takes every name, address and place from the source.
func swapMapping(t *testing.T) *mapping.Mapper {
	t.Helper()
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", OU: src("{{ user.ou }}"),
		Attributes: []mapping.AttributeDef{
			{Name: "cn", Value: src("{{ user.name }}"), Unique: mapping.UniqueContainer},
			{Name: "sAMAccountName", Value: src("{{ user.login }}"), Unique: mapping.UniqueDomain},
			{Name: "userPrincipalName", Value: src("{{ attributes.sAMAccountName }}@x"), Unique: mapping.UniqueForest},
			{Name: "mail", Value: src("{{ user.mail }}"), Unique: mapping.UniqueForest},
			{Name: "proxyAddresses", Values: []expr.Source{*src("SMTP:{{ user.mail }}")}},
		},
	})
	for _, err := range errs {
		t.Fatal(err)
	}
	return m
}

// swapped adds an account with the name of one person whose record has that of
// others, and returns the record.
func (s *scene) swapped(i, name, login, mail int, at, to ident.DN) ident.Record {
	key := ident.Key(fmt.Sprint(i))
	e := s.account(ident.GUID("g"+key), at.Child(fmt.Sprintf("Name%d", i)), "mail", fmt.Sprintf("m%d@x", i),
		"proxyAddresses", fmt.Sprintf("SMTP:m%d@x", i), "sAMAccountName", fmt.Sprintf("l%d", i),
		"userPrincipalName", fmt.Sprintf("l%d@x", i), "employeeNumber", "pipedrive:"+string(key))
	s.links[key] = &ident.Link{
		Application: "pipedrive", Key: key, GUID: e.GUID, Automation: "staff", Origin: ident.OriginCreated,
		Created: noon, Placed: at,
	}
	return ident.Record{Endpoint: "users", Key: key, Fields: map[string]any{
		"ou": string(to), "name": fmt.Sprintf("Name%d", name), "login": fmt.Sprintf("l%d", login), "mail": fmt.Sprintf("m%d@x", mail),
	}}
}

// Names, logins, addresses and places go round in any way, also when the first
// run is cut off: after four runs everybody has what they are to have, and the
// next run is quiet.
func TestSwapsOfEverything(t *testing.T) {
	m := swapMapping(t)
	rapid.Check(t, func(t *rapid.T) {
		s := newScene()
		s.set.Limits = map[ident.Class]Limit{ident.ClassUpdate: {Unlimited: true}}
		n := rapid.IntRange(2, 5).Draw(t, "people")
		var all []int
		for i := range n {
			all = append(all, i)
		}
		round := func(what string) []int { return rapid.Permutation(all).Draw(t, what) }
		names, logins, mails := round("names"), round("logins"), round("mails")
		place := func(what string) ident.DN { return rapid.SampledFrom([]ident.DN{staff, support}).Draw(t, what) }
		var records []ident.Record
		for i := range n {
			records = append(records, s.swapped(i, names[i], logins[i], mails[i], place("from"), place("to")))
		}
		s.watch = []string{"mail", "sAMAccountName", "userPrincipalName", "proxyAddresses"}
		s.cutAfter = rapid.IntRange(0, 12).Draw(t, "operations before the cut")
		var last ident.Plan
		for range 5 {
			b := NewBuilder(s.set, s.world, m, s.hist)
			for _, r := range records {
				if err := b.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			if last, err = b.Finish(s.delivery); err != nil {
				t.Fatal(err)
			}
			s.world.apply(t, last, b.LinkUpdates())
			s.cutAfter = 0
		}
		if len(last.Changes) > 0 || len(last.Quarantined) > 0 {
			t.Errorf("the fifth run is not quiet:\n%s", strings.Join(trace(last), "\n"))
		}
		for i := range n {
			e := s.entries[s.links[ident.Key(fmt.Sprint(i))].GUID]
			a, f := e.Attributes, records[i].Fields
			got := []any{
				e.DN.Name(), string(e.DN.Parent()), a.First("samaccountname"), a.First("userprincipalname"), a.First("mail"),
				a.First("proxyaddresses"),
			}
			want := []any{f["name"], f["ou"], f["login"], f["login"].(string) + "@x", f["mail"], "SMTP:" + f["mail"].(string)}
			if !slices.Equal(got, want) {
				t.Errorf("%d has %v, want %v", i, got, want)
			}
		}
	})
}
