package mapping

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// One value that somebody else has is left out and reported; the others, and
// everything else about the person, are written.
func TestValuesThatOthersHave(t *testing.T) {
	add := func(a *AttributeDef) { a.Add = true }
	for _, c := range []struct {
		name, attribute string
		change          func(*AttributeDef)
		values          []string
		taken, own      []string
		want, aside     string
	}{
		{"all free", "proxyAddresses", add, []string{"SMTP:a@x", "smtp:c@x"}, nil, []string{"sip:o"}, "sip:o|SMTP:a@x|smtp:c@x", ""},
		{"an alias is taken", "proxyAddresses", add, []string{"SMTP:a@x", "smtp:b@x", "smtp:c@x"}, []string{"smtp:b@x"}, nil, "SMTP:a@x|smtp:c@x", `"smtp:b@x" is in use by somebody: left out`},
		{"two are taken", "proxyAddresses", nil, []string{"smtp:a@x", "smtp:b@x", "smtp:c@x"}, []string{"smtp:b@x", "smtp:c@x"}, nil, "SMTP:a@x", `"smtp:b@x" is in use by somebody; "smtp:c@x" is in use by somebody: left out`},
		{"the primary is taken: no other becomes it", "proxyAddresses", add, []string{"SMTP:a@x", "smtp:b@x"}, []string{"SMTP:a@x"}, []string{"smtp:o@x"}, "keep", `"SMTP:a@x" is in use by somebody`},
		{"all are taken: left as it is", "proxyAddresses", nil, []string{"smtp:a@x"}, []string{"smtp:a@x"}, []string{"SMTP:o@x"}, "keep", `"smtp:a@x" is in use by somebody: left out`},
		{"what the account has is not asked about", "proxyAddresses", add, []string{"smtp:a@x"}, []string{"smtp:a@x"}, []string{"SMTP:A@x"}, "SMTP:A@x", ""},
		{"turned off", "proxyAddresses", func(a *AttributeDef) { a.Add, a.Unique = true, "none" }, []string{"smtp:a@x"}, []string{"smtp:a@x"}, nil, "SMTP:a@x", ""},
		{"another attribute with unique", "otherMailbox", func(a *AttributeDef) { a.Unique = UniqueForest }, []string{"a@x", "b@x"}, []string{"a@x"}, nil, "b@x", `"a@x" is in use by somebody: left out`},
		{"another attribute without", "otherMailbox", nil, []string{"a@x", "b@x"}, []string{"a@x"}, nil, "a@x|b@x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := AttributeDef{Name: c.attribute, Values: sources(c.values...), Pos: at(3)}
			if c.change != nil {
				c.change(&a)
			}
			m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{{Name: "title", Value: src("{{ user.id }}")}, a}})
			names := &fakeNames{}
			for _, v := range c.taken {
				names.take(c.attribute, v, UniqueForest, "", "somebody")
			}
			var have []string
			for _, v := range c.own {
				have = append(have, c.attribute, v)
			}
			d, err := m.Map(rec(t, `{"id": 7}`), entry("CN=Ada,OU=Staff,DC=x", append([]string{"sn", "Novak"}, have...)...), nil, names)
			if err != nil {
				t.Fatal(err)
			}
			got := "keep"
			if v, ok := d.Attribute(c.attribute); ok {
				got = strings.Join(v.Values, "|")
			}
			aside := ""
			for _, f := range d.Aside {
				aside += f.Cause
			}
			if _, other := d.Attribute("title"); got != c.want || !other || !strings.HasSuffix(aside, c.aside) || (aside == "") != (c.aside == "") {
				t.Errorf("got %s, aside %q; want %s, %q", got, aside, c.want, c.aside)
			}
		})
	}
}

// Two records of one run do not get one alias, and mail is unique by default.
func TestAddressesAreUniqueByDefault(t *testing.T) {
	m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{
		{Name: "mail", Value: src("{{ user.mail }}")},
		{Name: "proxyAddresses", Values: sources("SMTP:{{ user.mail }}", "smtp:{{ user.alias }}"), Add: true},
		{Name: "userPrincipalName", Value: src("{{ user.mail }}")},
	}})
	for name, want := range map[string]Unique{"mail": UniqueForest, "proxyaddresses": UniqueForest, "userprincipalname": UniqueForest} {
		if got := m.Uniques()[name]; got != want {
			t.Errorf("%s is unique in %q", name, got)
		}
	}
	names := &fakeNames{}
	alias(t, m, names, "1", "SMTP:1@x|smtp:info@x")
	alias(t, m, names, "2", "SMTP:2@x")
}

func alias(t *testing.T, m *Mapper, names Names, key ident.Key, want string) {
	t.Helper()
	r := ident.Record{Key: key, Fields: map[string]any{"mail": string(key) + "@x", "alias": "info@x"}}
	d, err := m.Map(r, entry(ident.DN("CN="+key+",DC=x")), nil, names)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := d.Attribute("proxyAddresses"); strings.Join(a.Values, "|") != want {
		t.Errorf("%s gets %q, aside %v; want %s", key, a.Values, d.Aside, want)
	}
}
