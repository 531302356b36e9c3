package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// catalogAt opens the global catalog of a domain controller, as a run does.
func catalogAt(dc *dctest.DC, url string) func(context.Context) (Catalog, error) {
	return func(ctx context.Context) (Catalog, error) {
		c, err := conn.Open(ctx, conn.Settings{
			URLs: []string{url}, BaseDN: "DC=other", BindDN: dc.BindDN, CAFile: dc.CAFile, Timeout: time.Minute, Catalog: true,
			Password: func(context.Context) (string, error) { return dc.BindPassword, nil },
		}, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}

// All that a real global catalog has is found, unless it is mirrored: then the mirror
// decides.
func TestNamesInAGlobalCatalog(t *testing.T) {
	dc := dctest.Start(t)
	s := onDC(t, nil)
	s.dc.AddUser(t, s.ou, "Abroad", "abroad", map[string][]string{"mail": {"abroad@ad.test"}, "proxyAddresses": {"SMTP:alias@ad.test"}})
	dn := string(s.ou.Child("Abroad"))
	names := []plan.Name{
		{Attribute: "mail", Value: "ABROAD@ad.test", Forest: true},
		{Attribute: "proxyAddresses", Value: "smtp:alias@ad.test", Forest: true},
		{Attribute: "mail", Value: "free@ad.test", Forest: true},
		{Attribute: "mail", Value: "abroad@ad.test"},
		{Attribute: "employeeID", Value: "7", Forest: true},
	}
	client, err := s.Connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	schema, err := mirror.ReadSchema(t.Context(), client, []string{"mail", "proxyAddresses", "userPrincipalName", "sAMAccountName", "employeeID"})
	if err != nil {
		t.Fatal(err)
	}
	var local []string
	for name, rule := range schema {
		if rule.Local {
			local = append(local, name)
		}
	}
	if slices.Sort(local); strings.Join(local, " ") != "employeeid proxyaddresses" {
		t.Errorf("catalogs do not hold %q", local)
	}
	ask := func(url string) []plan.Elsewhere {
		image, err := s.Store.Image(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v := &view{ctx: t.Context(), client: client, image: image, catalog: newCatalog(catalogAt(dc, url)), schema: schema}
		defer v.close()
		found, err := v.HoldersElsewhere(names)
		if err != nil || len(found) != len(names) {
			t.Fatal(found, err)
		}
		return found
	}
	found := ask(dc.URL + ":3269")
	if found[0].Holder != dn || found[1] != (plan.Elsewhere{}) || found[2] != (plan.Elsewhere{}) || found[3] != (plan.Elsewhere{}) {
		t.Errorf("%+v", found)
	}
	if u := found[4].Unknown; u == nil || u.Cause != "global catalogs do not hold employeeID" || !strings.Contains(u.Next, `unique = "domain"`) {
		t.Errorf("an attribute that it does not hold: %+v", u)
	}
	schema["proxyaddresses"] = ident.AttributeRule{} // as with Exchange
	if found := ask(dc.URL + ":3269"); found[1].Holder != dn {
		t.Errorf("an alias: %+v", found)
	}
	found = ask("ldaps://127.0.0.1:1")
	if u := found[2].Unknown; u == nil || !strings.Contains(u.Cause, "the global catalog could not be asked: connect") || found[3] != (plan.Elsewhere{}) {
		t.Errorf("when it does not answer: %+v", found)
	}
}

// forest is a global catalog with one account of another domain.
type forest struct {
	Catalog
	down     *bool
	searches *int
}

func (f forest) Search(ctx context.Context, q conn.Query, each func(ident.Entry) error) error {
	if *f.searches++; *f.down {
		return errors.New("no answer")
	}
	if strings.Contains(q.Filter, "mail=") {
		if err := each(ident.Entry{GUID: "us", DN: "CN=Ada,DC=us,DC=test", Attributes: ident.Attributes{"mail": {"ada@ad.test"}}}); err != nil {
			return err
		}
	}
	return f.Catalog.Search(ctx, q, each)
}

// Nobody gets an address of another domain, and no account is made while the catalog
// does not answer. The accounts that there are go on.
func TestUniqueInTheForest(t *testing.T) {
	dc := dctest.Start(t)
	mailed := func(key ident.Key, mail string) ident.Record { return person(key, "Person "+string(key), "mail", mail) }
	f := &feed{records: []ident.Record{mailed("1", "ada@ad.test"), mailed("2", "bob.forest@ad.test")}}
	s := onDC(t, map[string]*feed{"forest": f})
	src := func(text string) *expr.Source { return &expr.Source{Text: text} }
	m, errs := mapping.Compile(mapping.Definition{Primary: "id", OU: src(string(s.ou)), Attributes: []mapping.AttributeDef{
		{Name: "displayName", Value: src("{{ user.name }}")},
		{Name: "sAMAccountName", Value: src("forest{{ user.id }}"), Apply: ident.ApplyCreate, Unique: mapping.UniqueDomain},
		{Name: "mail", Value: src("{{ user.mail }}"), Unique: mapping.UniqueForest},
	}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	a := s.Automations["forest"]
	a.Mapper = m
	s.Automations["forest"] = a
	var down bool
	var searches int
	s.Catalog = func(ctx context.Context) (Catalog, error) {
		c, err := catalogAt(dc, dc.URL)(ctx)
		return forest{c, &down, &searches}, err
	}
	causes := func() string {
		var all []string
		for _, q := range s.run("forest").Summary.Quarantined {
			all = append(all, fmt.Sprintf("%s %s", q.Key, q.Cause))
		}
		return strings.Join(all, "\n")
	}
	const taken = `1 mail: "ada@ad.test" is in use by CN=Ada,DC=us,DC=test`
	if got := causes(); got != taken || searches != 1 {
		t.Errorf("%d searches: %s", searches, got)
	}
	s.account("forest:2")

	down, searches = true, 0
	const unknown = `mail: it is not known whether anybody has "%s": the global catalog could not be asked: no answer`
	f.records[1].Fields["name"], f.records[1].Fields["mail"] = "Bob Forest", "new@ad.test"
	f.records = append(f.records, mailed("3", "eve@ad.test"))
	want := fmt.Sprintf("1 "+unknown+"\n2 "+unknown+"\n3 "+unknown, "ada@ad.test", "new@ad.test", "eve@ad.test")
	if got := causes(); got != want || searches != 1 {
		t.Errorf("%d searches: got\n%s\nwant\n%s", searches, got, want)
	}
	if bob := s.account("forest:2", "mail").Attributes; bob.First("displayName") != "Bob Forest" || bob.First("mail") != "bob.forest@ad.test" {
		t.Errorf("who has an account: %v", bob)
	}
	if found := s.dc.Find(t, "(employeeNumber=forest:3)"); len(found) != 0 {
		t.Errorf("made without asking: %v", found)
	}
	down = false
	if got := causes(); got != taken {
		t.Errorf("when it answers again: %s", got)
	}
	if got := s.account("forest:2", "mail").Attributes.First("mail"); got != "new@ad.test" {
		t.Errorf("the new address: %q", got)
	}
	s.account("forest:3")
}
