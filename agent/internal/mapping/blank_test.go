package mapping

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// around puts what nobody sees around a text.
func around(s string) string { return " \u00a0\u200b\u202a" + s + "\u202c\u00ad\ufeff\u2060 " }

const nothingToSee = `{"x": "` + " \u00a0\u200b\u202a\u00ad\ufeff" + `"}`

func TestOuterBlanksAreNoPartOfAValue(t *testing.T) {
	none := ident.ApplyIfEmpty
	for _, c := range []struct {
		name, fields string
		def          AttributeDef
		present      []string // what AD has
		want         string
	}{
		{"value", `{"x": "` + "\u200b Ada Novak \u00a0" + `"}`, AttributeDef{Value: src("{{ user.x }}")}, nil, "Ada Novak"},
		{"inner ones stay", `{"x": "` + "می\u200cخواهم  a\u00a0b" + `"}`, AttributeDef{Value: src("{{ user.x }}")}, nil, "می\u200cخواهم  a\u00a0b"},
		{"values", `{"x": "` + around("a") + `"}`, AttributeDef{Values: sources("{{ user.x }}", "b ")}, nil, "a|b"},
		{"blank keeps", nothingToSee, AttributeDef{Value: src("{{ user.x }}")}, nil, "keep"},
		{"blank clears", nothingToSee, AttributeDef{Value: src("{{ user.x }}"), OnMissing: OnMissingClear}, nil, "clear"},
		{"blank takes the default", nothingToSee, AttributeDef{Value: src("{{ user.x }}"), OnMissing: OnMissingDefault, Default: src(" none ")}, nil, "none"},
		{"blank is empty to default()", nothingToSee, AttributeDef{Value: src("{{ default(user.x, 'other') }}")}, nil, "other"},
		{"blank is empty to is_empty()", nothingToSee, AttributeDef{Value: src("is_empty(user.x) ? 'y' : 'n'")}, nil, "y"},
		{"blank in AD is empty to if_empty", `{"x": "v"}`, AttributeDef{Value: src("{{ user.x }}"), Apply: none}, []string{"\u00a0"}, "v"},
		{"a value in AD is not", `{"x": "v"}`, AttributeDef{Value: src("{{ user.x }}"), Apply: none}, []string{"a "}, "keep"},
		{"raw", `{"x": "` + " a\u200b" + `"}`, AttributeDef{Value: src("{{ user.x }}"), Raw: true}, nil, " a\u200b"},
		{"raw and blank", `{"x": " "}`, AttributeDef{Value: src("{{ user.x }}"), Raw: true}, nil, " "},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.def.Name = "info"
			var have []string
			for _, v := range c.present {
				have = append(have, "info", v)
			}
			if got, err := one(t, c.def, c.fields, have...); err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestAddressesBehindTheirPrefix(t *testing.T) {
	def := AttributeDef{Name: "proxyAddresses", Values: sources("SMTP:{{ user.x }}", "smtp: {{ user.y }} "), Add: true}
	for fields, want := range map[string]string{
		`{"x": "` + around("ada@x") + `", "y": "` + around("a.n@x") + `"}`: "sip:z|SMTP:ada@x|smtp:a.n@x",
		`{"x": "` + "\u200b" + `", "y": " b@x"}`:                           "sip:z|SMTP:ada@x|smtp:b@x",
	} {
		got, err := one(t, def, fields, "proxyAddresses", "sip:z", "proxyAddresses", "SMTP:ada@x\u00a0")
		if got = strings.ReplaceAll(got, "\u00a0", ""); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", fields, got, err, want)
		}
	}
}

// A name without anything visible makes no account. An OU or a group is found
// whatever invisible characters surround its parts.
func TestBlankNamesAndPlaces(t *testing.T) {
	def := staff()
	def.OU = src("OU={{ user.team }},OU=Staff,DC=example,DC=com")
	def.Groups = append(sources("CN={{ user.team }},OU=Groups,DC=example,DC=com"), expr.Source{Text: "{{ user.group }}"})
	m := compile(t, def)
	fields := map[string]any{
		"name": around("Ada Novak"), "email": around("Ada@Example.com"), "team": around("Sales"),
		"group": around("CN=All,DC=example,DC=com"), "timezone_name": nil,
	}
	d, err := m.Map(ident.Record{Key: "7", Fields: fields}, nil, nil, &fakeNames{})
	if err != nil {
		t.Fatal(err)
	}
	want := `in OU=Sales,OU=Staff,DC=example,DC=com
group CN=Sales,OU=Groups,DC=example,DC=com
group CN=All,DC=example,DC=com
cn: Ada Novak
displayName: Ada Novak
givenName: Ada
mail: ada@example.com
sAMAccountName: anovak (create)
sn: Novak
userPrincipalName: anovak@example.com (create)
`
	if got := show(d); got != want {
		t.Errorf("got\n%s", got)
	}
	values, err := m.MatchValues(ident.Record{Key: "7", Fields: fields}, []string{"mail"})
	if err != nil || len(values["mail"]) != 1 || values["mail"][0] != "ada@example.com" {
		t.Errorf("match values: %q, %v", values, err)
	}
	fields["name"] = around("")
	if _, err := m.Map(ident.Record{Key: "7", Fields: fields}, nil, nil, &fakeNames{}); err == nil {
		t.Error("an account is made for a name that nobody sees")
	}
}

func TestRawNeedsAText(t *testing.T) {
	for _, a := range []AttributeDef{
		{Name: "cn", Value: src("user.x"), Raw: true},
		{Name: "jpegPhoto", Value: src("user.x"), Raw: true, Encoding: EncodingBase64},
	} {
		if _, errs := Compile(Definition{Primary: "id", Attributes: []AttributeDef{a}}); len(errs) == 0 {
			t.Errorf("%s may be raw", a.Name)
		}
	}
}
