package convert

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
)

// ada is an object of the directory, what a mapping gives her, and her record.
var ada = expr.Env{
	"ad": map[string]any{
		"givenName": "Ada Maria", "sn": "Novák", "sAMAccountName": "ada", "mail": "ada@old.example.com", "dn": "CN=Ada,OU=Staff,DC=example,DC=com",
		"ou": "OU=Staff,DC=example,DC=com", "userPrincipalName": "ada@example.com", "department": "R & D", "costCenter": "7",
		"msDS-cloudExtensionAttribute1": "x",
	},
	"attributes": map[string]any{"givenName": "Ada Maria", "sn": "Novák", "middleName": "Jean Luc", "mail": "ada@example.com"},
	"user":       map[string]any{"nick": "Ady", "cost-center": "7"},
	"link":       map[string]any{"guid": "g-1"},
	"now":        time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC),
}

func evaluate(t *testing.T, a Answer, env expr.Env) expr.Value {
	t.Helper()
	scope := outbound.NewScope()
	if a.For == Inbound {
		scope = expr.NewScope("user", "endpoints", "attributes", "link", "now", "settings")
	}
	compiled, err := scope.Template(expr.Source{Text: a.Template}, expr.EscapeNone)
	if err != nil {
		t.Fatalf("%s does not compile: %v", a.Template, err)
	}
	v, err := compiled.Eval(env)
	if err != nil {
		t.Fatalf("%s: %v", a.Template, err)
	}
	return v
}

// TestConvert: the template says the same as the macro, and gives what it gives.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		macro, template, value string
		in                     Place // that it is taken for by itself
		given                  Place // that it is asked for
	}{
		{macro: "%sAMAccountName%", template: "{{ ad.sAMAccountName }}", value: "ada", in: Outbound},
		{macro: "%ad.givenName% %ad.sn%", template: "{{ ad.givenName }} {{ ad.sn }}", value: "Ada Maria Novák", in: Outbound},
		{macro: "%samaccountname%", template: "{{ ad.sAMAccountName }}", value: "ada", in: Outbound},
		{macro: "%ad.OU_DN_NAME%", template: "{{ ad.ou }}", value: "OU=Staff,DC=example,DC=com", in: Outbound},
		{macro: "%ad.distinguishedName%", template: "{{ ad.dn }}", value: "CN=Ada,OU=Staff,DC=example,DC=com", in: Outbound},
		{macro: "%ad.msDS-cloudExtensionAttribute1%", template: "{{ ad['msDS-cloudExtensionAttribute1'] }}", value: "x", in: Outbound},
		{macro: "%ad.costCenter%", template: "{{ ad.costCenter }}", value: "7", in: Outbound},
		{
			macro: "%fx.findAndReplace(input:#%ad.mail%#,find:old.,replace:)%", template: "{{ replace(ad.mail, 'old.', '') }}",
			value: "ada@example.com", in: Outbound,
		},
		{
			macro: "%fx.findAndReplace(input:#%ad.OU_DN_NAME%#,find:,,replace:/)%", template: "{{ replace(ad.ou, ',', '/') }}",
			value: "OU=Staff/DC=example/DC=com", in: Outbound,
		},
		{
			macro: "%fx.findAndReplace(find:a,replace:b,input:x#%ad.sn%#a)%", template: "{{ replace('x' + ad.sn + 'a', 'a', 'b') }}",
			value: "xNovákb", in: Outbound,
		},
		{
			macro:    "%fx.findAndReplace(input:#%fx.findAndReplace(input:#%ad.mail%#,find:a,replace:b)%#,find:b,replace:it's)%",
			template: `{{ replace(replace(ad.mail, 'a', 'b'), 'b', 'it\'s') }}`, value: "it'sdit's@old.exit'smple.com", in: Outbound,
		},
		{
			macro: "%fx.findAndReplace(input:#%ad.sn%#,find:k,replace:,find:x)%", template: "{{ replace(ad.sn, 'k', ',find:x') }}",
			value: "Nová,find:x", in: Outbound,
		},
		{
			macro: "/users?q=%fx.encodeURIComponent(#%ad.department%#)%", template: "/users?q={{ url_escape(ad.department) }}",
			value: "/users?q=R%20%26%20D", in: Outbound,
		},
		{macro: "{%ad.sn%}", template: "{{ '{' }}{{ ad.sn }}}", value: "{Novák}", in: Outbound},
		{macro: "{{{%ad.sn%", template: "{{ '{{' }}{{ '{' }}{{ ad.sn }}", value: "{{{Novák", in: Outbound},
		{macro: "%fx.encodeURIComponent(input:#%ad.department%#)%", template: "{{ url_escape(ad.department) }}", value: "R%20%26%20D", in: Outbound},
		{
			macro: "%act.timestamp_dd-MM-yyyy_afterNDays_2%", template: "{{ format_date(date_add(now, 2, 'days'), 'dd-MM-yyyy') }}",
			value: "02-12-2026", in: Outbound,
		},
		{
			macro: "%act.timestamp_yyyy/MM/dd HH:mm_beforeNHours_1%", template: "{{ format_date(date_add(now, -1, 'hours'), 'yyyy/MM/dd HH:mm') }}",
			value: "2026/11/30 22:00", in: Outbound,
		},
		{
			macro: "%act.timestamp_dd_MM_yyyy_afterNWeeks_1%", template: "{{ format_date(date_add(now, 7, 'days'), 'dd_MM_yyyy') }}",
			value: "07_12_2026", in: Outbound,
		},
		{macro: "%act.timestamp_yyyy%", template: "{{ format_date(now, 'yyyy') }}", value: "2026", in: Outbound},
		{
			macro: "%FirstName:first:1:lower case%%Dot%%LastName:lower%", template: "{{ lower(left(attributes.givenName, 1)) }}.{{ lower(attributes.sn) }}",
			value: "a.novák", in: Inbound,
		},
		{macro: "%givenName:first 3%", template: "{{ left(attributes.givenName, 3) }}", value: "Ada", in: Inbound},
		{macro: "%LastName:last2:Upper Case%", template: "{{ upper(right(attributes.sn, 2)) }}", value: "ÁK", in: Inbound},
		{macro: "%FirstName:nth:2%", template: "{{ mid(attributes.givenName, 2, 1) }}", value: "d", in: Inbound},
		{macro: "%FirstName:first word%", template: "{{ first_word(attributes.givenName) }}", value: "Ada", in: Inbound},
		{macro: "%FirstName:last word:init caps%", template: "{{ title(last_word(attributes.givenName)) }}", value: "Maria", in: Inbound},
		{macro: "%FirstName:word 2:first 2%", template: "{{ left(word(attributes.givenName, 2), 2) }}", value: "Ma", in: Inbound},
		{
			macro: "%MiddleName:every word:first:1%", template: "{{ join(map(split(trim(attributes.middleName), ' '), left(#, 1)), '') }}",
			value: "JL", in: Inbound,
		},
		{
			macro: "%LastName:remove accents:remove spaces:limit:4%", template: "{{ left(strip_spaces(ascii(attributes.sn)), 4) }}",
			value: "Nova", in: Inbound,
		},
		{macro: "%FirstName:All:Given Case%%Underscore%%nick%", template: "{{ attributes.givenName }}_{{ user.nick }}", value: "Ada Maria_Ady", in: Inbound},
		{macro: "%nick%", template: "{{ user.nick }}", value: "Ady", in: Inbound},
		{macro: "%cost-center%", template: "{{ user['cost-center'] }}", value: "7", in: Inbound},
		{macro: "%mail%", template: "{{ attributes.mail }}", value: "ada@example.com", given: Inbound, in: Inbound},
		{macro: "%ad.objectGUID%", template: "{{ link.guid }}", value: "g-1", given: Inbound, in: Inbound},
		{macro: "%FirstName%", template: "{{ ad.givenName }}", value: "Ada Maria", given: Outbound, in: Outbound},
		{
			macro: "100% of %ad.sn%, %20 %C3%A9 {{x}}", template: "100% of {{ ad.sn }}, %20 %C3%A9 {{ '{{' }}x}}", value: "100% of Novák, %20 %C3%A9 {{x}}",
			in: Outbound,
		},
		{macro: "no macro", template: "no macro", value: "no macro", in: Outbound},
		{macro: "", template: "", value: "", in: Outbound},
	} {
		t.Run(c.macro, func(t *testing.T) {
			got := Convert(Request{Text: c.macro, For: c.given})
			if got.Template != c.template || got.For != c.in || len(got.Without) > 0 {
				t.Fatalf("%s for %s, without %+v; want %s for %s", got.Template, got.For, got.Without, c.template, c.in)
			}
			if v := evaluate(t, got, ada); v.Text() != c.value {
				t.Errorf("%s gives %q, want %q", got.Template, v.Text(), c.value)
			}
		})
	}
}

// TestWithout: what has no equivalent is named, with its column and the way out.
func TestWithout(t *testing.T) {
	for _, c := range []struct {
		macro, part string
		column      int
		why         string
		in          Place
	}{
		{"x %env.domain%", "%env.domain%", 3, "no environment variables; write its value, or settings.domain", ""},
		{"é%fx.myFunction(#%ad.sn%#)%", "%fx.myFunction(#%ad.sn%#)%", 2, "fx.myFunction is a function that somebody wrote", ""},
		{"%fx.decodeURIComponent(#%ad.sn%#)%", "%fx.decodeURIComponent(#%ad.sn%#)%", 1, "no function that undoes", ""},
		{"%fx.findAndReplace(input:#%env.x%#,find:a,replace:b)%", "%env.x%", 1, "no environment variables", ""},
		{"%fx.findAndReplace(input:#%ad.x%#,find:a)%", "%fx.findAndReplace(input:#%ad.x%#,find:a)%", 1, "it has no replace", ""},
		{"%fx.findAndReplace(input:#%ad.x%#,find:,replace:b)%", "%fx.findAndReplace(input:#%ad.x%#,find:,replace:b)%", 1, "it looks for nothing", ""},
		{"%fx.findAndReplace(input:#%ad.x%#", "%fx.findAndReplace(input:#%ad.x%#", 1, "it has no end", ""},
		{"%fx.encodeURI(#%ad.wWWHomePage%#)%", "%fx.encodeURI(#%ad.wWWHomePage%#)%", 1, "encodeURI leaves : / ? & and # as they are", ""},
		{"%fx.encodeURIComponent%", "%fx.encodeURIComponent%", 1, "a function needs its arguments", ""},
		{"%m365.mail%", "%m365.mail%", 1, "reads nothing from Microsoft 365", ""},
		{"%act.technician%", "%act.technician%", 1, "ADManager knows of its own action", ""},
		{"%act.timestamp_dd-MM-yyyy HH:mm:ss z%", "%act.timestamp_dd-MM-yyyy HH:mm:ss z%", 1, "unknown part z", ""},
		{"%act.timestamp%", "%act.timestamp%", 1, "does not say how the time", ""},
		{"%vm.name%", "%vm.name%", 1, "no macro of ADManager begins with vm.", ""},
		{"%ad.mail(1)%", "%ad.mail(1)%", 1, "a function is called as", ""},
		{"%first:3%", "%first:3%", 1, "names none; %givenName:first:3%", ""},
		{"%sn:first%", "%sn:first%", 1, "first needs a number from 1 to 64", ""},
		{"%sn:first:0%", "%sn:first:0%", 1, "first needs a number from 1 to 64", ""},
		{"%sn:lower:3%", "%sn:lower:3%", 1, "lower takes no number", ""},
		{"%sn:every word%", "%sn:every word%", 1, "every word needs to be followed", ""},
		{"%sn:reverse%", "%sn:reverse%", 1, `"reverse" is nothing that can be taken`, ""},
		{"%RandomNumber%", "%RandomNumber%", 1, "the number of its digits", ""},
		{"%ad.password%", "%ad.password%", 1, "AD shows a password to nobody", ""},
		{"%ad.memberOf%", "%ad.memberOf%", 1, "a mapping makes memberOf", Inbound},
	} {
		t.Run(c.macro, func(t *testing.T) {
			got := Convert(Request{Text: c.macro, For: c.in})
			if len(got.Without) != 1 || got.Template != "" {
				t.Fatalf("got %+v, want one part without an equivalent", got)
			}
			w := got.Without[0]
			if w.Part != c.part || w.Column != c.column || !strings.Contains(w.Reason(), c.why) {
				t.Errorf("got %+v", w)
			}
		})
	}
}

// TestEveryPartIsNamed: one bad part does not hide another one.
func TestEveryPartIsNamed(t *testing.T) {
	got := Convert(Request{Text: "%env.a% %ad.sn% %m365.b%"})
	var parts []string
	for _, w := range got.Without {
		parts = append(parts, w.Part)
	}
	if diff := cmp.Diff([]string{"%env.a%", "%m365.b%"}, parts); diff != "" {
		t.Error(diff)
	}
}

// TestRandomNumber has digits, each time others.
func TestRandomNumber(t *testing.T) {
	got := Convert(Request{Text: "%LastName%%RandomNumber:3%"})
	if v := evaluate(t, got, ada).Text(); len(v) != len("Novák")+3 || !strings.HasPrefix(v, "Novák") {
		t.Errorf("%s gives %q", got.Template, v)
	}
}

// TestMissingValues: a missing value stays missing, unless it is asked for as text.
func TestMissingValues(t *testing.T) {
	const macro = "%ad.givenName% %fx.findAndReplace(input:#%ad.title%#,find:a,replace:b)%"
	if v := evaluate(t, Convert(Request{Text: macro}), ada); v.V != nil {
		t.Errorf("got %q, want no value", v.Text())
	}
	if v := evaluate(t, Convert(Request{Text: macro, Empty: true}), ada); v.Text() != "Ada Maria " {
		t.Errorf("got %q, want an empty text for the title", v.Text())
	}
}

// TestAnyText: whatever stands in the text, the answer is a template that compiles
// or a reason, and text without macros stays as it is.
func TestAnyText(t *testing.T) {
	word := rapid.SampledFrom([]string{
		"%", "#%", "%#", "fx.findAndReplace(", "input:", "find:", "replace:", ")%", "ad.sn", "sn", ":", "first", "3",
		",", "act.timestamp_", "dd", "_afterNDays_2", "{{", "}}", "'", `"`, `\`, "\n", "ü", " ", "every word", "%C3%A9", "/*", "//", "encodeURIComponent(",
	})
	rapid.Check(t, func(r *rapid.T) {
		in := Request{Text: strings.Join(rapid.SliceOfN(word, 0, 14).Draw(r, "text"), ""), For: rapid.SampledFrom([]Place{"", Inbound, Outbound}).Draw(r, "for")}
		got := Convert(in)
		if len(got.Without) == 0 {
			if err := compiles(got.Template, got.For); err != nil {
				r.Fatalf("%q became %q: %v", in.Text, got.Template, err)
			}
		}
		for _, w := range got.Without {
			if w.Why == "" || w.Column < 1 || !strings.Contains(in.Text, w.Part) {
				r.Fatalf("%q: %+v", in.Text, w)
			}
			if strings.Contains(w.Why, "does not take") {
				r.Fatalf("%q was written wrongly: %+v", in.Text, w)
			}
		}
		if !strings.Contains(in.Text, "%") && !strings.Contains(in.Text, "{{") && got.Template != in.Text {
			r.Fatalf("%q became %q", in.Text, got.Template)
		}
	})
}

// TestPage holds the tables of the page against the code.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/from-admanager.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(%[^`]+)` \\| (inbound|outbound) \\| `([^`]+)` \\|$")
	rows := row.FindAllStringSubmatch(string(page), -1)
	if len(rows) < 20 {
		t.Fatalf("the page has %d rows", len(rows))
	}
	for _, r := range rows {
		if got := Convert(Request{Text: r[1]}); got.Template != r[3] || string(got.For) != r[2] {
			t.Errorf("%s: the page says %s for %s, the code %s for %s %v", r[1], r[3], r[2], got.Template, got.For, got.Without)
		}
	}
	for _, macro := range []string{"%env.NAME%", "%fx.NAME(#%ad.sn%#)%", "%fx.decodeURIComponent(#%ad.sn%#)%", "%m365.NAME%", "%act.NAME%"} {
		if got := Convert(Request{Text: macro}); len(got.Without) == 0 {
			t.Errorf("%s has a template: %s", macro, got.Template)
		}
	}
}
