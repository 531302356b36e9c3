package plan

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// The mapping of the documentation's example, with the names of three joiners
// alike, through create, a rename at the source, and rest.
func TestWithTheMapping(t *testing.T) {
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", Where: src("user.active_flag"), OU: src(string(staff)), Groups: []expr.Source{*src(string(crm))},
		Attributes: []mapping.AttributeDef{
			{Name: "givenName", Value: src("{{ first_word(user.name) }}")},
			{Name: "sn", Value: src("{{ last_word(user.name) }}")},
			{Name: "displayName", Value: src("{{ trim(user.name) }}")},
			{Name: "mail", Value: src("{{ lower(user.email) }}"), Unique: mapping.UniqueForest},
			{
				Name: "sAMAccountName", Unique: mapping.UniqueDomain, Suffix: mapping.SuffixNumber, Apply: ident.ApplyCreate,
				Formats: []expr.Source{*src("{{ sam_safe(lower(ascii(left(first_word(user.name),1) + last_word(user.name)))) }}")},
			},
			{Name: "userPrincipalName", Value: src("{{ attributes.sAMAccountName }}@x"), Apply: ident.ApplyCreate},
			{Name: "proxyAddresses", Values: []expr.Source{*src("SMTP:{{ lower(user.email) }}")}, Add: true},
		},
	})
	for _, err := range errs {
		t.Fatal(err)
	}
	s := newScene()
	s.put("g-sales", groups.Child("Sales"), "objectClass", "group", "sAMAccountName", "anovak", "proxyAddresses", "smtp:sales@x")
	person := func(name, mail string) map[string]any {
		return map[string]any{"name": name, "email": mail, "active_flag": true}
	}
	records := map[ident.Key]map[string]any{
		"1": person("Ada Novák", "Ada@x"), "2": person("Ada Novak", "ada2@x"),
		"3": person("ada novak", "sales@x"),
	}
	plan := func() ident.Plan {
		b := NewBuilder(s.set, s.world, m, s.hist)
		for _, key := range []ident.Key{"1", "2", "3"} {
			if err := b.Add(ident.Record{Endpoint: "users", Key: key, Fields: records[key]}); err != nil {
				t.Fatal(err)
			}
		}
		p, err := b.Finish(s.delivery)
		if err != nil {
			t.Fatal(err)
		}
		s.updates = b.LinkUpdates()
		return p
	}
	const (
		created = "pipedrive delivers the key "
		grouped = " apply groups CN=CRM,OU=Groups,DC=x | groups: not yet a member of CRM"
	)
	p := plan()
	if len(p.Quarantined) != 1 || !strings.Contains(p.Quarantined[0].Cause, "CN=Sales,OU=Groups,DC=x") {
		t.Fatalf("quarantined: %+v", p.Quarantined)
	}
	third := "3 quarantine | " + p.Quarantined[0].Cause + " | " + p.Quarantined[0].Next
	wantTrace(t, p,
		"1 apply create CN=Ada Novák,OU=Staff,DC=x displayName:->Ada Novák givenName:->Ada mail:->ada@x proxyAddresses:->SMTP:ada@x "+
			"sAMAccountName:->anovak2 sn:->Novák userPrincipalName:->anovak2@x employeeNumber:->pipedrive:1 | "+
			created+"1 and no account belongs to it",
		"1"+grouped,
		"2 apply create CN=Ada Novak (anovak3),OU=Staff,DC=x displayName:->Ada Novak givenName:->Ada mail:->ada2@x "+
			"proxyAddresses:->SMTP:ada2@x sAMAccountName:->anovak3 sn:->Novak userPrincipalName:->anovak3@x employeeNumber:->pipedrive:2 | "+
			created+"2 and no account belongs to it",
		"2"+grouped,
		third)
	s.apply(t, p, s.updates)
	wantTrace(t, plan(), third)

	records["1"]["name"], records["1"]["email"] = "Ada Lovelace", "lovelace@x"
	p = plan()
	wantTrace(t, p,
		"1 apply update displayName:Ada Novák->Ada Lovelace mail:ada@x->lovelace@x proxyAddresses:SMTP:ada@x->smtp:ada@x,SMTP:lovelace@x "+
			"sn:Novák->Lovelace | user.name changed displayName and sn; user.email changed mail and proxyAddresses",
		"1 apply rename CN=Ada Novák,OU=Staff,DC=x -> CN=Ada Lovelace,OU=Staff,DC=x cn:Ada Novák->Ada Lovelace | attributes.displayName "+
			"changed cn",
		third)
	s.apply(t, p, s.updates)
	wantTrace(t, plan(), third)
}

// An alias that a list, a contact, a colleague or another joiner has is left
// out and reported; the person gets everything else.
func TestAliasesOfOthers(t *testing.T) {
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	m, errs := mapping.Compile(mapping.Definition{
		Primary: "id", OU: src(string(staff)),
		Attributes: []mapping.AttributeDef{
			{Name: "displayName", Value: src("{{ user.name }}")},
			{Name: "sAMAccountName", Value: src("{{ user.name }}"), Unique: mapping.UniqueDomain},
			{Name: "mail", Value: src("{{ user.email }}")},
			{Name: "proxyAddresses", Values: []expr.Source{
				*src("SMTP:{{ user.email }}"), *src("smtp:{{ user.alias }}"),
				*src("smtp:{{ user.name }}@old"),
			}, Add: true},
		},
	})
	for _, err := range errs {
		t.Fatal(err)
	}
	s := newScene()
	s.put("g-list", groups.Child("Sales"), "objectClass", "group", "mail", "sales@x")
	s.put("g-card", groups.Child("Card"), "objectClass", "contact", "proxyAddresses", "SMTP:card@x")
	s.account("g-old", staff.Child("Colleague"), "userPrincipalName", "login@x", "mail", "colleague@x")
	b := NewBuilder(s.set, s.world, m, s.hist)
	for i, alias := range []string{"sales@x", "CARD@x", "lögin@x", "colleague@x ", "info@x", "info\u200b@x"} {
		key := ident.Key([]string{"1", "2", "3", "4", "5", "6"}[i])
		fields := map[string]any{"name": "n" + string(key), "email": "n" + string(key) + "@x", "alias": alias}
		if err := b.Add(ident.Record{Endpoint: "users", Key: key, Fields: fields}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Finish(s.delivery)
	if err != nil {
		t.Fatal(err)
	}
	aliases := map[ident.Key]string{}
	for _, c := range p.Changes {
		for _, a := range c.Operations[0].Attributes {
			if a.Name == "proxyAddresses" {
				aliases[c.Key] = strings.Join(a.New, "|")
			}
		}
	}
	holders := map[ident.Key]string{
		"1": "CN=Sales,", "2": "CN=Card,", "3": "CN=Colleague,", "4": "CN=Colleague,",
		"6": "the key 5 of this run",
	}
	for _, key := range []ident.Key{"1", "2", "3", "4", "5", "6"} {
		want := "SMTP:n" + string(key) + "@x|smtp:n" + string(key) + "@old"
		if key == "5" {
			want = "SMTP:n5@x|smtp:info@x|smtp:n5@old"
		}
		if aliases[key] != want {
			t.Errorf("%s gets %s, want %s", key, aliases[key], want)
		}
	}
	if len(p.Quarantined) != len(holders) {
		t.Errorf("reported: %+v", p.Quarantined)
	}
	for _, q := range p.Quarantined {
		if q.Part != "proxyAddresses" || holders[q.Key] == "" || !strings.Contains(q.Cause, holders[q.Key]) || q.Next == "" {
			t.Errorf("reported: %+v", q)
		}
	}
}
