package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestMistakesInADefinition(t *testing.T) {
	value := func(name, text string) AttributeDef {
		return AttributeDef{Name: name, Value: src(text), Pos: at(3)}
	}
	with := func(change func(*AttributeDef)) Definition {
		a := value("title", "user.x")
		change(&a)
		return Definition{Attributes: []AttributeDef{a}}
	}
	for _, c := range []struct {
		name string
		def  Definition
		want []string
	}{
		{"unknown function", with(func(a *AttributeDef) { a.Value = src("{{ lowr(user.x) }}") }), []string{`agent.toml:5:13: unknown name lowr (did you mean "lower"?)`}},
		{"unknown attribute", with(func(a *AttributeDef) { a.Value = src("attributes.titel") }), []string{`agent.toml:5:21: unknown field titel (did you mean "title"?)`}},
		{"unknown member of link", with(func(a *AttributeDef) { a.Value = src("link.kee") }), []string{`agent.toml:5:15: unknown field kee (did you mean "key"?)`}},
		{"where", Definition{Where: src("user.x &&")}, []string{"agent.toml:5:18: unexpected end of the expression"}},
		{"where comes before attributes", Definition{Where: src("attributes.cn == null")}, []string{"agent.toml:5:10: unknown name attributes"}},
		{
			"all mistakes",
			Definition{Where: src("x"), OU: src("nonsense"), Groups: sources("{{ y }}"), Attributes: []AttributeDef{value("a", "z"), value("b", "user.")}},
			[]string{"unknown name x", "unknown name z", "agent.toml:5:14: ", `"nonsense" is not a DN`, "unknown name y"},
		},
		{"nothing", with(func(a *AttributeDef) { a.Value = nil }), []string{"agent.toml:3:1: title: exactly one of value, formats and values is needed"}},
		{"two", with(func(a *AttributeDef) { a.Formats = sources("x") }), []string{"title: exactly one of value, formats and values is needed"}},
		{"apply", with(func(a *AttributeDef) { a.Apply = "sometimes" }), []string{`title: unknown apply "sometimes" (one of create, always, if_empty)`}},
		{"on_missing", with(func(a *AttributeDef) { a.OnMissing = "x" }), []string{`title: unknown on_missing "x"`}},
		{"unique", with(func(a *AttributeDef) { a.Unique = "x" }), []string{`title: unknown unique "x"`}},
		{"absent", with(func(a *AttributeDef) { a.Absent = "x" }), []string{`title: unknown absent "x"`}},
		{"suffix", with(func(a *AttributeDef) { a.Suffix = "x" }), []string{`title: unknown suffix "x"`, "suffix needs unique"}},
		{"default without on_missing", with(func(a *AttributeDef) { a.Default = src("x") }), []string{`title: on_missing = "default" and default need each other`}},
		{"on_missing without default", with(func(a *AttributeDef) { a.OnMissing = "default" }), []string{`title: on_missing = "default" and default need each other`}},
		{"a number behind values", with(func(a *AttributeDef) { a.Value, a.Values, a.Unique, a.Suffix = nil, sources("x"), "domain", "number" }), []string{"a number behind a name needs a single value"}},
		{"formats are not added", with(func(a *AttributeDef) { a.Value, a.Formats, a.Add = nil, sources("x"), true }), []string{`merge = "add" needs value or values`}},
		{"a number behind what is added", with(func(a *AttributeDef) { a.Unique, a.Suffix, a.Add = "domain", "number", true }), []string{"a number behind a name needs a single value"}},
		{"cn is not cleared", with(func(a *AttributeDef) { a.Name, a.OnMissing = "CN", "clear" }), []string{"CN: every account needs one: it cannot be cleared"}},
		{"sAMAccountName is single", with(func(a *AttributeDef) { a.Name, a.Add = "sAMAccountName", true }), []string{"it has a single value"}},
		{"password", with(func(a *AttributeDef) { a.Name = "unicodePwd" }), []string{"unicodePwd cannot be mapped (the automation's password says how passwords are made)"}},
		{"twice", Definition{Attributes: []AttributeDef{value("mail", "user.x"), value("Mail", "user.x")}}, []string{"agent.toml:3:1: Mail is mapped twice"}},
		{"whole user", with(func(a *AttributeDef) { a.Value = src("json(user)") }), []string{"agent.toml:5:10: user is used as a whole; name a field: user.NAME"}},
		{"whole endpoint", with(func(a *AttributeDef) { a.Value = src("json(endpoints.users)") }), []string{"endpoints is used as a whole"}},
		{"whole attributes", with(func(a *AttributeDef) { a.Value = src("json(attributes)") }), []string{"attributes is used as a whole"}},
		{
			"cycle",
			Definition{Attributes: []AttributeDef{value("a", "attributes.b"), value("b", "x{{ attributes.c }}"), value("c", "attributes.a"), value("d", "attributes.a")}},
			[]string{"agent.toml:3:1: attributes refer to each other in a circle: a -> b -> c -> a"},
		},
		{"itself", Definition{Attributes: []AttributeDef{value("a", "attributes.a")}}, []string{"in a circle: a -> a"}},
		{"cycle in a default", with(func(a *AttributeDef) { a.OnMissing, a.Default = "default", src("{{ attributes.title }}") }), []string{"in a circle: title -> title"}},
		{
			"cycle through the OU",
			Definition{OU: src("OU={{ attributes.cn }},DC=x"), Attributes: []AttributeDef{{Name: "cn", Value: src("user.x"), Unique: "container", Pos: at(4)}}},
			[]string{"agent.toml:4:1: attributes refer to each other in a circle: cn -> ou -> cn"},
		},
		{"group", Definition{Groups: sources("nonsense")}, []string{`agent.toml:5:10: "nonsense" is not a DN`}},
		{"empty OU", Definition{OU: src("")}, []string{`"" is not a DN`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, errs := Compile(c.def)
			if m != nil || len(errs) != len(c.want) {
				t.Fatalf("got %d errors, want %d: %v", len(errs), len(c.want), errs)
			}
			for i, err := range errs {
				if !strings.Contains(err.Error(), c.want[i]) {
					t.Errorf("got %s, want %s", err, c.want[i])
				}
			}
		})
	}
}

func TestAttributesAreOrderedByWhatTheyReferTo(t *testing.T) {
	for range 20 { // no map order shows
		got := compile(t, staff()).Attributes()
		want := []string{"displayName", "sAMAccountName", "cn", "givenName", "mail", "physicalDeliveryOfficeName", "sn", "userPrincipalName"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestTheDefaultOfCN(t *testing.T) {
	display := AttributeDef{Name: "DisplayName", Value: src("user.name"), Pos: at(3)}
	sam := AttributeDef{Name: "sAMAccountName", Value: src("user.sam")}
	for _, c := range []struct {
		defs  []AttributeDef
		taken bool
		want  string
	}{
		{[]AttributeDef{display, sam}, false, "Ada"},
		{[]AttributeDef{display, sam}, true, "Ada (ada)"},
		{[]AttributeDef{display}, false, "Ada"},
		{[]AttributeDef{sam}, false, "keep"},
		{[]AttributeDef{display, sam, {Name: "CN", Value: src("user.sam")}}, false, "ada"},
	} {
		names := &fakeNames{}
		if c.taken {
			names.take("cn", "ada", UniqueContainer, "OU=Staff,DC=x", "somebody")
		}
		m := compile(t, Definition{OU: src("OU=Staff,DC=x"), Attributes: c.defs})
		d, err := m.Map(rec(t, `{"name": "Ada", "sam": "ada"}`), entry("CN=Old,OU=Staff,DC=x"), nil, names)
		got := "keep"
		if a, ok := d.Attribute("cn"); ok {
			got = a.Values[0]
		}
		if err != nil || got != c.want {
			t.Errorf("%v: got %s %v, want %s", len(c.defs), got, err, c.want)
		}
	}
}

func TestFields(t *testing.T) {
	def := staff()
	def.Groups = sources("CN={{ user.team.name }},DC=x")
	def.Attributes = append(def.Attributes, AttributeDef{
		Name: "info", Value: src(`endpoints.users["note"].text ?? user.custom["f 1"]`),
		OnMissing: "default", Default: src("{{ user.fallback }}"),
	})
	want := []string{"active_flag", "custom", "email", "fallback", "id", "is_deleted", "name", "note", "team", "timezone_name"}
	if diff := cmp.Diff(want, compile(t, def).Fields()); diff != "" {
		t.Error(diff)
	}
	if compile(t, def).UsesNow() {
		t.Error("now is not used")
	}
}

func TestTheVersionChangesWithTheMeaning(t *testing.T) {
	base := compile(t, staff()).Version()
	same := map[string]func(*Definition){
		"nothing":   func(*Definition) {},
		"positions": func(d *Definition) { d.Attributes[0].Pos = at(99); d.OU = &expr.Source{Text: d.OU.Text} },
		"order":     func(d *Definition) { slices.Reverse(d.Attributes) },
	}
	for name, change := range same {
		def := staff()
		change(&def)
		if compile(t, def).Version() != base {
			t.Errorf("%s changes the version", name)
		}
	}
	seen := map[string]string{base: "the original"}
	for name, change := range map[string]func(*Definition){
		"where":      func(d *Definition) { d.Where = src("true") },
		"no where":   func(d *Definition) { d.Where = nil },
		"primary":    func(d *Definition) { d.Primary = "key" },
		"ou":         func(d *Definition) { d.OU = src("OU=A,DC=x") },
		"groups":     func(d *Definition) { d.Groups = nil },
		"lookups":    func(d *Definition) { d.Lookups = map[string]map[string]string{"a": {"b": "c"}} },
		"settings":   func(d *Definition) { d.Settings = map[string]any{"a": 1} },
		"value":      func(d *Definition) { d.Attributes[1].Value = src("user.other") },
		"apply":      func(d *Definition) { d.Attributes[1].Apply = ident.ApplyCreate },
		"on_missing": func(d *Definition) { d.Attributes[1].OnMissing = OnMissingFail },
		"absent":     func(d *Definition) { d.Attributes[1].Absent = "clear" },
		"unique":     func(d *Definition) { d.Attributes[1].Unique = UniqueDomain },
		"directory":  func(d *Definition) { d.Attributes[1].Directory = true },
		"formats":    func(d *Definition) { d.Attributes[5].Formats = d.Attributes[5].Formats[:1] },
		"suffix":     func(d *Definition) { d.Attributes[5].Suffix = "" },
		"default": func(d *Definition) {
			d.Attributes[1].OnMissing, d.Attributes[1].Default = OnMissingDefault, src("x")
		},
		"one less": func(d *Definition) { d.Attributes = d.Attributes[:6] },
	} {
		def := staff()
		change(&def)
		v := compile(t, def).Version()
		if other := seen[v]; other != "" {
			t.Errorf("%s has the version of %s", name, other)
		}
		seen[v] = name
	}
}
