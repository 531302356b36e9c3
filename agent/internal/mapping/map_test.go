package mapping

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const adaRecord = `{"id": 7, "name": "Ada Novák", "email": "Ada@Example.com", "active_flag": true, "is_deleted": false, "timezone_name": null}`

func TestACreate(t *testing.T) {
	d, err := compile(t, staff()).Map(rec(t, adaRecord), nil, nil, &fakeNames{})
	if err != nil {
		t.Fatal(err)
	}
	want := `in OU=Staff,DC=example,DC=com
group CN=CRM,OU=Groups,DC=example,DC=com
cn: Ada Novák
displayName: Ada Novák
givenName: Ada
mail: ada@example.com
sAMAccountName: anovak (create)
sn: Novák
userPrincipalName: anovak@example.com (create)
`
	if diff := cmp.Diff(want, show(d)); diff != "" {
		t.Error(diff)
	}
	if a, _ := d.Attribute("MAIL"); a.Source != "{{ lower(user.email) }}" {
		t.Errorf("source %q", a.Source)
	}
}

func TestAnUpdateKeepsWhatIsAppliedOnCreate(t *testing.T) {
	m := compile(t, staff())
	current := entry("CN=Ada Novák,OU=Staff,DC=example,DC=com", "sAMAccountName", "byhand", "userPrincipalName", "byhand@example.com", "mail", "ada@example.com")
	names := &fakeNames{}
	names.take("cn", "Ada Nováková", UniqueContainer, "OU=Staff,DC=example,DC=com", "somebody")
	d, err := m.Map(rec(t, strings.Replace(adaRecord, "Novák", "Nováková", 1)), current, nil, names)
	if err != nil {
		t.Fatal(err)
	}
	want := `in OU=Staff,DC=example,DC=com
group CN=CRM,OU=Groups,DC=example,DC=com
cn: Ada Nováková (byhand)
displayName: Ada Nováková
givenName: Ada
mail: ada@example.com
physicalDeliveryOfficeName: clear
sn: Nováková
`
	if diff := cmp.Diff(want, show(d)); diff != "" {
		t.Error(diff)
	}
	for _, a := range names.asked {
		if strings.HasPrefix(a, "mail=") || strings.HasPrefix(a, "sAMAccountName=") {
			t.Errorf("asked for a name that is kept: %s", a)
		}
	}
}

func TestMissingValues(t *testing.T) {
	const null, empty, absent, value = `{"x": null}`, `{"x": ""}`, `{}`, `{"x": "v"}`
	def := func(onMissing OnMissing, absent Absent, d *expr.Source) AttributeDef {
		return AttributeDef{Name: "title", Value: src("{{ user.x }}"), OnMissing: onMissing, Absent: absent, Default: d, Pos: at(3)}
	}
	for _, c := range []struct {
		name, fields string
		def          AttributeDef
		want         string // "error: ..." for an error
	}{
		{"keep, value", value, def("", "", nil), "v"},
		{"keep, null", null, def("", "", nil), "keep"},
		{"keep, empty", empty, def("", "", nil), "keep"},
		{"keep, absent", absent, def("keep", "", nil), "keep"},
		{"clear, value", value, def("clear", "", nil), "v"},
		{"clear, null", null, def("clear", "", nil), "clear"},
		{"clear, empty", empty, def("clear", "", nil), "clear"},
		{"clear, absent", absent, def("clear", "", nil), "keep"},
		{"clear, absent = clear, absent", absent, def("clear", "clear", nil), "clear"},
		{"keep, absent = clear, absent", absent, def("keep", "clear", nil), "keep"},
		{"default, value", value, def("default", "", src("d{{ user.y ?? 1 }}")), "v"},
		{"default, null", null, def("default", "", src("d{{ user.y ?? 1 }}")), "d1"},
		{"default, empty", empty, def("default", "", src("none")), "none"},
		{"default, absent", absent, def("default", "", src("none")), "none"},
		{"default without a value", absent, def("default", "", src("{{ user.y }}")), "error: agent.toml:5:10: title: the default has no value either: user.y is absent"},
		{"fail, value", value, def("fail", "", nil), "v"},
		{"fail, null", null, def("fail", "", nil), "error: agent.toml:5:10: title: no value: user.x is null"},
		{"fail, empty", empty, def("fail", "", nil), "error: agent.toml:5:10: title: no value: user.x is empty"},
		{"fail, absent", absent, def("fail", "", nil), "error: agent.toml:5:10: title: no value: user.x is absent"},
		{"an error is an error", `{"x": {}}`, def("keep", "", nil), "error: agent.toml:5:10: title: an object or a list of lists cannot be the value of an attribute"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := one(t, c.def, c.fields, "title", "old")
			if err != nil {
				got = "error: " + err.Error()
				var e *Error
				if !errors.As(err, &e) || e.Next == "" {
					t.Errorf("%#v has no next step", err)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestACreateClearsNothing(t *testing.T) {
	d, err := compile(t, staff()).Map(rec(t, adaRecord), nil, nil, &fakeNames{})
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := d.Attribute("physicalDeliveryOfficeName"); ok {
		t.Errorf("%+v", a)
	}
}

func TestApply(t *testing.T) {
	value := AttributeDef{Name: "title", Value: src("{{ user.x }}")}
	for _, c := range []struct {
		apply ident.Apply
		own   []string
		want  string
	}{
		{"", []string{"title", "old"}, "v"},
		{ident.ApplyAlways, nil, "v"},
		{ident.ApplyCreate, nil, "keep"},
		{ident.ApplyCreate, []string{"title", "old"}, "keep"},
		{ident.ApplyIfEmpty, nil, "v"},
		{ident.ApplyIfEmpty, []string{"title", "old"}, "keep"},
	} {
		value.Apply = c.apply
		if got, err := one(t, value, `{"x": "v"}`, c.own...); err != nil || got != c.want {
			t.Errorf("%s with %v: got %s %v, want %s", c.apply, c.own, got, err, c.want)
		}
	}
	value.Name = "accountExpires"
	for own, want := range map[string]string{"9223372036854775807": "v", "0": "v", "134000000000000000": "keep"} {
		if got, err := one(t, value, `{"x": "v"}`, "accountExpires", own); err != nil || got != want {
			t.Errorf("if_empty with %s: got %s %v, want %s", own, got, err, want)
		}
	}
}

func TestAttributesReferToFinalValues(t *testing.T) {
	for _, c := range []struct {
		name, fields string
		title        AttributeDef
		own          []string
		want         string
	}{
		{"written", `{"x": "v"}`, AttributeDef{Value: src("user.x")}, []string{"title", "old"}, "<v>"},
		{"kept", `{"x": null}`, AttributeDef{Value: src("user.x")}, []string{"title", "old"}, "<old>"},
		{"kept, nothing there", `{"x": null}`, AttributeDef{Value: src("user.x")}, nil, "clear"},
		{"absent, nothing there", `{}`, AttributeDef{Value: src("user.x")}, nil, "keep"},
		{"cleared", `{"x": ""}`, AttributeDef{Value: src("user.x"), OnMissing: "clear"}, []string{"title", "old"}, "clear"},
		{"create only", `{"x": "v"}`, AttributeDef{Value: src("user.x"), Apply: ident.ApplyCreate}, []string{"title", "old"}, "<old>"},
		{"create only, nothing there", `{"x": "v"}`, AttributeDef{Value: src("user.x"), Apply: ident.ApplyCreate}, nil, "clear"},
		{"several", `{"x": ["a", "b"]}`, AttributeDef{Value: src("join(user.x, '+')")}, nil, "<a+b>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.title.Name = "title"
			m := compile(t, Definition{Attributes: []AttributeDef{
				{Name: "description", Value: src("<{{ attributes.title }}>"), OnMissing: "clear"}, c.title,
			}})
			d, err := m.Map(rec(t, c.fields), entry("CN=Ada,DC=x", c.own...), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := "keep"
			if a, ok := d.Attribute("description"); ok {
				if got = strings.Join(a.Values, "|"); a.Clear {
					got = "clear"
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestValuesAsADWantsThem(t *testing.T) {
	for fields, want := range map[string]string{
		`{"x": true}`:                      "TRUE",
		`{"x": false}`:                     "FALSE",
		`{"x": 42}`:                        "42",
		`{"x": 1.50}`:                      "1.5",
		`{"x": 12.0}`:                      "12",
		`{"x": 1e300}`:                     "1e300",
		`{"x": 12345678901234567890}`:      "12345678901234567890",
		`{"x": ["a", "", null, "b", "A"]}`: "a|b",
		`{"x": ["On leave:", "Parking:"]}`: "On leave:|Parking:",
		`{"x": []}`:                        "keep",
		`{"x": "=HYPERLINK(\"x\"),\"+"}`:   "=HYPERLINK(\"x\"),\"+",
		`{"x": "a\u0000b"}`:                `aside agent.toml:5:10: info: "a\x00b" contains a NUL character`,
		`{"x": " a "}`:                     "a",

		`{"x": ["a ", " ", "\u200b", "A\u00a0"]}`: "a",
	} {
		if got, err := one(t, AttributeDef{Name: "info", Value: src("user.x")}, fields); err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", fields, got, err, want)
		}
	}
	got, err := one(t, AttributeDef{Name: "msExchWhen", Value: src(`date("2024-05-31T10:00:00+02:00")`)}, `{}`)
	if err != nil || got != "20240531080000.0Z" {
		t.Errorf("time: %s %v", got, err)
	}
}

func TestValuesWithGaps(t *testing.T) {
	for _, c := range []struct {
		fields string
		def    AttributeDef
		want   string
	}{
		{`{"a": "1", "b": "2"}`, AttributeDef{}, "1|x2"},
		{`{"a": "1", "b": null}`, AttributeDef{}, "1"},
		{`{"a": "1"}`, AttributeDef{}, "keep"},
		{`{"a": "1"}`, AttributeDef{Absent: "clear"}, "1"},
		{`{"a": "1"}`, AttributeDef{Add: true}, "1"},
		{`{"a": null, "b": null}`, AttributeDef{OnMissing: "clear"}, "clear"},
		{`{"a": "1", "b": null}`, AttributeDef{OnMissing: "fail"}, "error"},
		{`{"a": ["1", "2"], "b": "3"}`, AttributeDef{}, "1|2|x3"},
	} {
		c.def.Name, c.def.Values = "otherTelephone", sources("{{ user.a }}", "x{{ user.b }}")
		got, err := one(t, c.def, c.fields)
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s %+v: got %s, want %s", c.fields, c.def, got, c.want)
		}
	}
}

func TestAddAndDirectoryArePassedOn(t *testing.T) {
	m := compile(t, Definition{Attributes: []AttributeDef{
		{Name: "otherMailbox", Values: sources("{{ user.x }}"), Add: true}, {Name: "title", Value: src("user.x"), Directory: true},
	}})
	d, err := m.Map(rec(t, `{"x": "v"}`), entry("CN=Ada,DC=x"), nil, nil)
	if want := "in DC=x\notherMailbox: v (add)\ntitle: v (directory)\n"; err != nil || show(d) != want {
		t.Errorf("got %s %v", show(d), err)
	}
}

func TestTheOU(t *testing.T) {
	for _, c := range []struct{ ou, fields, create, update string }{
		{"OU={{ user.d }},DC=x", `{"d": "Sales"}`, "OU=Sales,DC=x", "OU=Sales,DC=x"},
		{"OU={{ user.d }},DC=x", `{"d": "R+D, \"x\" #1\\"}`, `OU=R\+D\, \"x\" #1\\,DC=x`, `OU=R\+D\, \"x\" #1\\,DC=x`},
		{"OU={{ user.d }},DC=x", `{"d": "A,OU=Admins"}`, `OU=A\,OU\=Admins,DC=x`, `OU=A\,OU\=Admins,DC=x`},
		{"OU={{ user.d }},DC=x", `{"d": "a=b"}`, `OU=a\=b,DC=x`, `OU=a\=b,DC=x`},
		{"OU={{ user.d }},DC=x", `{"d": "a\u0000"}`, "error: agent.toml:5:15: ou: \"a\\x00\" has a line break or control character, which no name in AD may have", "error: agent.toml:5:15: ou: \"a\\x00\" has a line break or control character, which no name in AD may have"},
		{"OU={{ user.d }},DC=x", `{"d": ""}`, "error: ou: user.d is empty", "OU=Old,DC=x"},
		{"OU={{ user.d }},DC=x", `{"d": null}`, "error: ou: user.d is null", "OU=Old,DC=x"},
		{"OU={{ user.d }},DC=x", `{}`, "error: ou: user.d is absent", "OU=Old,DC=x"},
		{"{{ user.d }}", `{"d": "OU=Whole,DC=x"}`, "OU=Whole,DC=x", "OU=Whole,DC=x"},
		{"{{ user.d }}", `{"d": "nonsense"}`, `error: ou: "nonsense" is not a DN`, `error: ou: "nonsense" is not a DN`},
		{"{{ user.d }}", `{"d": ""}`, "error: ou: user.d is empty", "OU=Old,DC=x"},
		{"OU={{ attributes.sAMAccountName }},DC=x", `{}`, "OU=s1,DC=x", "OU=s1,DC=x"},
	} {
		m := compile(t, Definition{OU: src(c.ou), Attributes: []AttributeDef{
			{Name: "cn", Value: src("'Ada'")}, {Name: "sAMAccountName", Value: src("'s1'")},
		}})
		for current, want := range map[*ident.Entry]string{nil: c.create, entry("CN=Ada,OU=Old,DC=x", "sAMAccountName", "s1"): c.update} {
			d, err := m.Map(rec(t, c.fields), current, nil, nil)
			got := string(d.Parent)
			if err != nil {
				got = "error: " + strings.TrimPrefix(err.Error(), "agent.toml:5:10: ")
			}
			if got != want {
				t.Errorf("%s %s current %v: got %s, want %s", c.ou, c.fields, current, got, want)
			}
		}
	}
}

func TestGroups(t *testing.T) {
	m := compile(t, Definition{Groups: sources("CN={{ user.team }},OU=Groups,DC=x", "CN=All,DC=x", "{{ user.more }}")})
	for fields, want := range map[string]string{
		`{"team": "A, B", "more": ["cn=all, dc=x", "CN=C,DC=x"]}`: `CN=A\, B,OU=Groups,DC=x;CN=All,DC=x;CN=C,DC=x`,
		`{"team": null}`:                "CN=All,DC=x",
		`{"team": ""}`:                  "CN=All,DC=x",
		`{"team": "a=b"}`:               `CN=a\=b,OU=Groups,DC=x;CN=All,DC=x`,
		`{"team": "A", "more": "junk"}`: `error: agent.toml:5:10: groups: "junk" is not a DN`,
	} {
		d, err := m.Map(rec(t, fields), entry("CN=Ada,DC=x"), nil, nil)
		var parts []string
		for _, g := range d.Groups {
			parts = append(parts, string(g))
		}
		got := strings.Join(parts, ";")
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", fields, got, want)
		}
	}
}

func TestACreateNeedsItsNames(t *testing.T) {
	for fields, want := range map[string]string{
		`{"sam": "ada"}`:               "agent.toml:5:10: cn: no value: user.cn is absent",
		`{"cn": "Ada"}`:                "agent.toml:5:10: sAMAccountName: no value: user.sam is absent",
		`{"cn": " \n ", "sam": "ada"}`: "agent.toml:5:10: cn: no value: user.cn is empty",
	} {
		m := compile(t, Definition{Attributes: []AttributeDef{{Name: "cn", Value: src("user.cn")}, {Name: "sAMAccountName", Value: src("user.sam")}}})
		if _, err := m.Map(rec(t, fields), nil, nil, &fakeNames{}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", fields, err, want)
		}
		if _, err := m.Map(rec(t, fields), entry("CN=Old,DC=x"), nil, &fakeNames{}); err != nil {
			t.Errorf("%s: an account that exists: %v", fields, err)
		}
	}
}

func TestInScope(t *testing.T) {
	m := compile(t, staff())
	for fields, want := range map[string]string{
		`{"active_flag": true, "is_deleted": false}`: "in",
		`{"active_flag": true, "is_deleted": true}`:  "out",
		`{"active_flag": false}`:                     "out", // decided without the field
		`{"is_deleted": false}`:                      "agent.toml:5:10: where: user.active_flag is absent",
		`{"active_flag": true}`:                      "agent.toml:5:10: where: user.is_deleted is absent",
		`{"active_flag": null}`:                      "agent.toml:5:10: where: user.active_flag is null",
		`{"active_flag": "yes"}`:                     "agent.toml:5:27: where: a text (\"yes\") stands where true or false is needed",
		`{"active_flag": true, "is_deleted": 0}`:     "agent.toml:5:30: where: a number (0) stands where true or false is needed",
	} {
		checkScope(t, m, fields, want)
	}
	m = compile(t, Definition{Where: src(`user.team == "a" || user.team in ["b"]`)})
	checkScope(t, m, `{"team": "b"}`, "in")
	checkScope(t, m, `{"team": null}`, "out")
	checkScope(t, m, `{}`, "agent.toml:5:10: where: user.team is absent")
	m = compile(t, Definition{Where: src(`default(user.team, "a") == "a" && user.x != null && user.x > 1`)})
	checkScope(t, m, `{}`, "out")
	checkScope(t, m, `{"x": 2}`, "in")
	checkScope(t, compile(t, Definition{Where: src(`user.name`)}), `{"name": "n"}`, `agent.toml:5:10: where: the filter gives "n", not true or false`)
	checkScope(t, compile(t, Definition{}), `{}`, "in")
}

func checkScope(t *testing.T, m *Mapper, fields, want string) {
	t.Helper()
	in, err := m.InScope(rec(t, fields))
	got := map[bool]string{true: "in", false: "out"}[in]
	if err != nil {
		var e *Error
		if got = err.Error(); in || !errors.As(err, &e) || e.Next == "" {
			t.Errorf("%s: %v %#v", fields, in, err)
		}
	}
	if got != want {
		t.Errorf("%s: got %s, want %s", fields, got, want)
	}
}

func TestMatchValues(t *testing.T) {
	m := compile(t, staff())
	got, err := m.MatchValues(rec(t, adaRecord), []string{"MAIL", "userPrincipalName", "sAMAccountName"})
	want := map[string][]string{"MAIL": {"ada@example.com"}, "userPrincipalName": {"anovak@example.com"}, "sAMAccountName": {"anovak"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = m.MatchValues(rec(t, `{"id": 1, "name": {}, "email": null}`), []string{"mail"})
	if len(got) != 0 || err == nil || err.Error() != "agent.toml:5:10: mail: no value: user.email is null; without a value for mail an existing account could not be recognised" {
		t.Error(got, err) // the name's error is of no concern
	}
	if _, err = m.MatchValues(rec(t, adaRecord), []string{"employeeID"}); err == nil || !strings.Contains(err.Error(), "employeeID: accounts are matched by it") {
		t.Error(err)
	}
}

func TestTheLinkAndTheTimeAreInScope(t *testing.T) {
	def := Definition{Settings: map[string]any{"suffix": "!"}, Attributes: []AttributeDef{
		{Name: "info", Value: src(`link == null ? "new" : link.key + link.application + settings.suffix`)},
		{Name: "description", Value: src(`{{ format_date(now, "yyyy") }} {{ endpoints.users.x }}`)},
	}}
	m := compile(t, def).At(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC))
	if !m.UsesNow() {
		t.Error("now is used")
	}
	link := &ident.Link{Application: "app", Key: "7"}
	for l, want := range map[*ident.Link]string{nil: "description: 2031 v\ninfo: new\n", link: "description: 2031 v\ninfo: 7app!\n"} {
		d, err := m.Map(rec(t, `{"x": "v"}`), entry("CN=Ada,DC=x"), l, nil)
		if err != nil || show(d) != "in DC=x\n"+want {
			t.Errorf("%v: %s %v", l, show(d), err)
		}
	}
}
