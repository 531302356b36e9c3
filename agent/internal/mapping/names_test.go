package mapping

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// account maps cn and sAMAccountName from user.cn and user.sam.
func account(unique Unique, suffix Suffix, formats ...string) Definition {
	return Definition{OU: src("OU=Staff,DC=x"), Attributes: []AttributeDef{
		{Name: "cn", Formats: sources("{{ user.cn }}", "{{ user.cn }} ({{ attributes.sAMAccountName }})"), Unique: UniqueContainer},
		{Name: "sAMAccountName", Formats: sources(formats...), Unique: unique, Suffix: suffix},
	}}
}

func TestNamesThatAreTaken(t *testing.T) {
	const formats = "{{ user.a }}|{{ user.b }}"
	long := strings.Repeat("x", 20)
	for _, c := range []struct {
		name, fields string
		suffix       Suffix
		taken        []string
		own          string
		want         string
	}{
		{"free", `{"a": "ada", "b": "bob"}`, "", nil, "", "ada"},
		{"the first taken", `{"a": "ada", "b": "bob"}`, "", []string{"ADA"}, "", "bob"},
		{"both taken", `{"a": "ada", "b": "bob"}`, "", []string{"ada", "bob"}, "", `error: none of its 2 forms can be used: {{ user.a }}: "ada" is in use by somebody; {{ user.b }}: "bob" is in use by somebody`},
		{"both taken, numbered", `{"a": "ada", "b": "bob"}`, "number", []string{"ada", "bob"}, "", "ada2"},
		{"numbers taken", `{"a": "ada", "b": "bob"}`, "number", []string{"ada", "bob", "ada2", "ada3"}, "", "ada4"},
		{"a number shortens", `{"a": "` + long + `"}`, "number", []string{long}, "", long[:19] + "2"},
		{"a number of two digits shortens", `{"a": "` + long + `"}`, "number", []string{long, long[:19] + "2", long[:19] + "3", long[:19] + "4", long[:19] + "5", long[:19] + "6", long[:19] + "7", long[:19] + "8", long[:19] + "9"}, "", long[:18] + "10"},
		{"no dot before a number", `{"a": "aaaaaaaaaaaaaaaaaa.x"}`, "number", []string{"aaaaaaaaaaaaaaaaaa.x"}, "", "aaaaaaaaaaaaaaaaaa2"},
		{"one incomplete", `{"a": null, "b": "bob"}`, "", nil, "", "bob"},
		{"one invalid", `{"a": "a/b", "b": "bob"}`, "", nil, "", "bob"},
		{"all invalid", `{"a": "a/b", "b": "b."}`, "", nil, "", `error: none of its 2 forms can be used: {{ user.a }}: "a/b" contains '/', which sAMAccountName may not have; {{ user.b }}: "b." ends in a dot, which sAMAccountName may not`},
		{"kept", `{"a": "ada", "b": "bob"}`, "", nil, "bob", "bob"},
		{"kept although the first is free, spelled anew", `{"a": "ada", "b": "bob"}`, "", nil, "BOB", "bob"},
		{"kept with its number", `{"a": "ada", "b": "bob"}`, "number", nil, "ada17", "ada17"},
		{"kept shortened with its number", `{"a": "` + long + `"}`, "number", nil, long[:18] + "10", long[:18] + "10"},
		{"kept in a new spelling with its number", `{"a": "müller", "b": "bob"}`, "number", nil, "muller17", "müller17"},
		{"kept without its accents: the same name", `{"a": "meißner", "b": "bob"}`, "", nil, "Meissner", "meißner"},
		{"a new spelling that somebody else has", `{"a": "müller", "b": "bob"}`, "", []string{"müller"}, "muller", "bob"},
		{"number without suffix is another name", `{"a": "ada", "b": "bob"}`, "", nil, "ada17", "ada"},
		{"number 1 and 02 are never ours", `{"a": "ada", "b": null}`, "number", nil, "ada02", "ada"},
		{"another name now", `{"a": "ada", "b": "bob"}`, "", []string{"ada"}, "eve", "bob"},
		{"kept while a field is absent", `{"b": "bob"}`, "", nil, "ada", "keep"},
		{"changed when the field is null", `{"a": null, "b": "bob"}`, "", nil, "ada", "bob"},
		{"kept when nothing is known", `{}`, "", nil, "ada", "keep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := compile(t, account(UniqueDomain, c.suffix, strings.Split(formats, "|")...))
			names := &fakeNames{}
			for _, v := range c.taken {
				names.take("sAMAccountName", v, UniqueDomain, "", "somebody")
			}
			var current *ident.Entry
			if c.own != "" {
				current = entry("CN=Ada,OU=Staff,DC=x", "sAMAccountName", c.own)
			}
			d, err := m.Map(rec(t, withCN(c.fields)), current, nil, names)
			got := "keep"
			if a, ok := d.Attribute("sAMAccountName"); ok {
				got = a.Values[0]
			}
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Next == "" {
					t.Fatalf("%#v", err)
				}
				got = "error: " + e.Cause
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAUniqueValueThatIsTakenIsAnError(t *testing.T) {
	m := compile(t, staff())
	names := &fakeNames{}
	names.take("mail", "ada@example.com", UniqueForest, "", "CN=Other,DC=x")
	_, err := m.Map(rec(t, adaRecord), nil, nil, names)
	if want := `agent.toml:5:10: mail: "ada@example.com" is in use by CN=Other,DC=x`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err = m.Map(rec(t, adaRecord), entry("CN=Ada,DC=x", "mail", "ada@example.com"), nil, names); err != nil {
		t.Errorf("what the account has is not asked about: %v", err)
	}
	failing := &fakeNames{failWith: errors.New("broken")}
	var e *Error
	if _, err = m.Map(rec(t, adaRecord), nil, nil, failing); err == nil || errors.As(err, &e) {
		t.Errorf("a look-up that fails is no fault of the record: %v", err)
	}
}

func TestCNIsUniqueInItsContainer(t *testing.T) {
	m := compile(t, account(UniqueDomain, "", "{{ user.sam }}"))
	const fields = `{"cn": "Ada", "sam": "s7"}`
	for _, c := range []struct {
		name    string
		current ident.DN
		placed  ident.DN
		taken   string // container in which "Ada" is taken
		want    string
	}{
		{"created", "", "", "OU=Other,DC=x", "Ada"},
		{"created, taken", "", "", "ou=staff, dc=x", "Ada (s7)"},
		{"stays", "CN=Ada,OU=Staff,DC=x", "", "OU=Staff,DC=x", "Ada"},
		{"moves", "CN=Ada,OU=Old,DC=x", "", "", "Ada"},
		{"moves, taken there", "CN=Ada,OU=Old,DC=x", "", "OU=Staff,DC=x", "Ada (s7)"},
		{"moves with its second format", "CN=Ada (s7),OU=Old,DC=x", "", "", "Ada (s7)"},
		{"moved by hand", "CN=Ada,OU=Elsewhere,DC=x", "OU=Staff,DC=x", "OU=Staff,DC=x", "Ada"},
		{"moved by hand, renamed", "CN=Eve,OU=Elsewhere,DC=x", "OU=Staff,DC=x", "OU=Elsewhere,DC=x", "Ada (s7)"},
		{"our own move", "CN=Ada,OU=Old,DC=x", "OU=Old,DC=x", "OU=Staff,DC=x", "Ada (s7)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := &fakeNames{}
			if c.taken != "" {
				names.take("cn", "ada", UniqueContainer, ident.DN(c.taken), "somebody")
			}
			var current *ident.Entry
			if c.current != "" {
				current = entry(c.current, "sAMAccountName", "s7")
			}
			var link *ident.Link
			if c.placed != "" {
				link = &ident.Link{Placed: c.placed}
			}
			d, err := m.Map(rec(t, fields), current, link, names)
			if err != nil {
				t.Fatal(err)
			}
			if a, _ := d.Attribute("cn"); a.Values[0] != c.want {
				t.Errorf("got %s, want %s", a.Values[0], c.want)
			}
		})
	}
}

func TestHostileNamesSurviveInCN(t *testing.T) {
	m := compile(t, account(UniqueDomain, "", "{{ user.sam }}"))
	for in, want := range map[string]string{
		`Novak, Ada`:                     `Novak, Ada`,
		`a+b="c"<d>;e\\f/g`:              `a+b="c"<d>;e\f/g`,
		`#hash `:                         `#hash`,
		`  Ada  `:                        `Ada`,
		`Ada\nCNF:f07d229d`:              `Ada CNF:f07d229d`,
		`Ada\u0000\r\n\tNovak\u0085`:     `Ada Novak`,
		`Robert'); DROP TABLE links;--`:  `Robert'); DROP TABLE links;--`,
		`*)(uid=*))(|(uid=*`:             `*)(uid=*))(|(uid=*`,
		`=1+1`:                           `=1+1`,
		strings.Repeat("é", 64):          strings.Repeat("é", 64),
		strings.Repeat("é", 65):          bothTooLong(strings.Repeat("é", 65)),
		strings.Repeat("\U0001F600", 33): bothTooLong(strings.Repeat("\U0001F600", 33)),
		`\u0000`:                         `(s1)`,
	} {
		d, err := m.Map(rec(t, `{"sam": "s1", "cn": "`+strings.ReplaceAll(in, `"`, `\"`)+`"}`), nil, nil, &fakeNames{})
		got := ""
		if a, ok := d.Attribute("cn"); ok {
			got = a.Values[0]
			if name := d.Parent.Child(got).Name(); name != got {
				t.Errorf("%q comes back from its DN as %q", got, name)
			}
		}
		var e *Error
		if errors.As(err, &e) {
			got = "error: " + e.Cause
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSAMAccountNameFollowsTheRules(t *testing.T) {
	for value, want := range map[string]string{
		"ada": "", "ada.novak": "", "ada novak": "", "Łukasz": "", "a'b": "", "a$": "",
		strings.Repeat("x", 20):          "",
		strings.Repeat("x", 21):          "is longer than 20 characters",
		strings.Repeat("\U0001F600", 11): "is longer than 20 characters",
		"ada.":                           "ends in a dot",
		" ada":                           "begins or ends with a space",
		"a\tb":                           `contains '\t'`,
		"a\x00":                          `contains '\x00'`,
		"a\u200bb":                       `contains '\u200b'`,
		"a\u00a0b":                       `contains '\u00a0'`,
		"...":                            "nothing but dots and blanks",
		strings.Repeat("\U0001F600", 10): "",
	} {
		cause, next := invalid("samaccountname", value, "{{ user.x }}")
		if !strings.Contains(cause, want) || (want == "") != (cause == "") || (cause == "") != (next == "") {
			t.Errorf("%q: got %q %q, want %q", value, cause, next, want)
		}
	}
	for _, r := range `"/\[]:;|=,+*?<>@` {
		if cause, _ := invalid("sAMAccountName", "a"+string(r)+"b", ""); cause == "" {
			t.Errorf("%q is accepted", r)
		}
	}
}

// bothTooLong is the error of the two formats of account.
func bothTooLong(cn string) string {
	return fmt.Sprintf("error: none of its 2 forms can be used: {{ user.cn }}: %q is longer than 64 characters; "+
		"{{ user.cn }} ({{ attributes.sAMAccountName }}): %q is longer than 64 characters", cn, cn+" (s1)")
}

// The advice never tells an author to do what the expression already does.
func TestAdviceIsNotWhatWasDone(t *testing.T) {
	for _, c := range []struct{ name, source, fields, cause, next string }{
		{"sAMAccountName", "{{ user.x }}", `{"x": "a/b"}`, `"a/b" contains '/', which sAMAccountName may not have`, "use sam_safe(...)"},
		{
			"sAMAccountName", "{{ sam_safe(user.x) }}.{{ user.y }}", `{"x": "a", "y": "b/"}`, `"a.b/" contains '/', which sAMAccountName may not have`,
			"put sam_safe(...) around the whole value: here it stands around a part, or with another length: {{ sam_safe(user.x) }}.{{ user.y }}",
		},
		{
			"sAMAccountName", "{{ sam_safe(user.x) }}{{ sam_safe(user.y) }}", `{"x": "aaaaaaaaaaaaaaaa", "y": "bbbbbbbbbbbbbbbb"}`, `"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb" is longer than 20 characters`,
			"put sam_safe(...) around the whole value: here it stands around a part, or with another length: {{ sam_safe(user.x) }}{{ sam_safe(user.y) }}",
		},
		{"cn", "{{ left(user.x, 64) }}", `{"x": "` + strings.Repeat("😀", 33) + `"}`, fmt.Sprintf("%q is longer than 64 characters", strings.Repeat("😀", 33)), "shorten it: use cut(..., 64)"},
		{
			"cn", "{{ cut(user.x, 65) }}", `{"x": "` + strings.Repeat("x", 70) + `"}`, fmt.Sprintf("%q is longer than 64 characters", strings.Repeat("x", 65)),
			"shorten it: put cut(..., 64) around the whole value: here it stands around a part, or with another length: {{ cut(user.x, 65) }}",
		},
	} {
		m := compile(t, Definition{Attributes: []AttributeDef{{Name: c.name, Value: src(c.source)}}})
		_, err := m.Map(rec(t, c.fields), nil, nil, &fakeNames{})
		var e *Error
		if !errors.As(err, &e) || e.Cause != c.cause || e.Next != c.next {
			t.Errorf("%s = %s: %#v", c.name, c.source, err)
		}
	}
	for suffix, want := range map[Suffix]string{
		"": `correct the source or the other account, add a format, or set suffix = "number"`, SuffixNumber: "correct the source or the other account, or add a format",
	} {
		if got := adviceWhenTaken(&attribute{AttributeDef: AttributeDef{Suffix: suffix}}); got != want {
			t.Errorf("%q: %s", suffix, got)
		}
	}
	for def, want := range map[*AttributeDef]string{
		{OnMissing: OnMissingFail}:                                  "supply it at the source, or correct the expression; or let on_missing of title keep, clear or default",
		{OnMissing: OnMissingDefault, Default: src("{{ user.y }}")}: "supply a value at the source, or another default for title",
	} {
		def.Name, def.Value = "title", src("{{ user.x }}")
		_, err := one(t, *def, `{"x": null, "y": null}`)
		var e *Error
		if !errors.As(err, &e) || e.Next != want {
			t.Errorf("%s: %#v", def.OnMissing, err)
		}
	}
}

// The default names are cut, so that cn holds them.
func TestTheDefaultNameFits(t *testing.T) {
	m := compile(t, Definition{Attributes: []AttributeDef{{Name: "displayName", Value: src("user.x")}, {Name: "sAMAccountName", Value: src("user.y")}}})
	for display, want := range map[string][2]string{
		"Ada":                     {"Ada", "Ada (ada)"},
		strings.Repeat("x", 70):   {strings.Repeat("x", 64), strings.Repeat("x", 58) + " (ada)"},
		strings.Repeat("😀", 40):   {strings.Repeat("😀", 32), strings.Repeat("😀", 29) + " (ada)"},
		strings.Repeat("ab ", 30): {strings.TrimSpace(strings.Repeat("ab ", 22)[:64]), strings.TrimSpace(strings.Repeat("ab ", 20)[:58]) + " (ada)"},
	} {
		names := &fakeNames{}
		for i := range want {
			d, err := m.Map(rec(t, fmt.Sprintf(`{"x": %q, "y": "ada"}`, display)), nil, nil, names)
			cn, _ := d.Attribute("cn")
			if err != nil || len(cn.Values) != 1 || cn.Values[0] != want[i] || text.Units(cn.Values[0]) > ident.MaxCommonName {
				t.Errorf("%q: %q %v, want %q", display, cn.Values, err, want[i])
			}
			names.take("cn", want[0], UniqueContainer, "", "somebody")
		}
	}
}

func TestProxyAddresses(t *testing.T) {
	for _, c := range []struct {
		name, present, wanted string
		replace               bool
		want                  string
	}{
		{"none before", "", "SMTP:a@x", false, "SMTP:a@x"},
		{"a new primary demotes the old one", "SMTP:old@x|smtp:b@x|X500:/o=Org|SIP:a@x", "SMTP:a@x", false, "smtp:old@x|smtp:b@x|X500:/o=Org|SIP:a@x|SMTP:a@x"},
		{"an alias becomes the primary", "SMTP:old@x|smtp:a@x", "SMTP:a@x", false, "smtp:old@x|SMTP:a@x"},
		{"nothing changes", "X500:/o=Org|SMTP:a@x|smtp:b@x", "SMTP:a@x", false, "X500:/o=Org|SMTP:a@x|smtp:b@x"},
		{"only aliases keep the primary", "SMTP:old@x", "smtp:a@x", false, "SMTP:old@x|smtp:a@x"},
		{"an alias does not demote", "SMTP:a@x", "smtp:a@x", false, "SMTP:a@x"},
		{"two wanted primaries", "", "SMTP:a@x|SMTP:b@x", false, "SMTP:a@x|smtp:b@x"},
		{"two present primaries", "SMTP:a@x|SMTP:b@x", "smtp:c@x", false, "SMTP:a@x|smtp:b@x|smtp:c@x"},
		{"no primary at all", "SIP:a@x", "smtp:a@x|smtp:b@x", false, "SIP:a@x|SMTP:a@x|smtp:b@x"},
		{"case differs", "SMTP:Ada@X", "SMTP:ada@x", false, "SMTP:ada@x"},
		{"replace", "SMTP:old@x|X500:/o=Org", "smtp:a@x|SMTP:b@x", true, "smtp:a@x|SMTP:b@x"},
		{"without a prefix", "plain", "SMTP:a@x", false, "plain|SMTP:a@x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var own []string
			for _, v := range strings.Split(c.present, "|") {
				if v != "" {
					own = append(own, "proxyAddresses", v)
				}
			}
			got, err := one(t, AttributeDef{Name: "proxyAddresses", Values: sources(strings.Split(c.wanted, "|")...), Add: !c.replace}, `{}`, own...)
			if err != nil || got != c.want {
				t.Errorf("got %s %v, want %s", got, err, c.want)
			}
		})
	}
	if got, _ := one(t, AttributeDef{Name: "proxyAddresses", Values: sources("SMTP:{{ user.email }}"), Add: true}, `{"email": ""}`); got != "keep" {
		t.Errorf("a prefix without an address: %s", got)
	}
	m := compile(t, Definition{Attributes: []AttributeDef{{Name: "proxyAddresses", Values: sources("SMTP:a@x"), Add: true}}})
	d, err := m.Map(rec(t, `{}`), entry("CN=A,DC=x"), nil, nil)
	if err != nil || d.Attributes[0].Add {
		t.Errorf("the result carries the whole list: %+v %v", d, err)
	}
}

func TestFormatsThatNeedNotBeUnique(t *testing.T) {
	a := AttributeDef{Name: "mailNickname", Formats: sources("{{ user.a }}", "{{ user.b }}")}
	for own, want := range map[string]string{"": "ada", "ada": "ada", "bob": "bob", "eve": "ada"} {
		var attributes []string
		if own != "" {
			attributes = []string{"mailNickname", own}
		}
		if got, err := one(t, a, `{"a": "ada", "b": "bob"}`, attributes...); err != nil || got != want {
			t.Errorf("%q: got %s %v, want %s", own, got, err, want)
		}
	}
}

func withCN(fields string) string {
	return strings.Replace(`{"cn": "Ada",`+strings.TrimPrefix(fields, "{"), ",}", "}", 1)
}

// While nobody knows who has a value, no account is made, and one that there is goes
// on without it. No other format is tried: the first may be free.
func TestAHolderThatIsNotKnown(t *testing.T) {
	const cause = `it is not known whether anybody has "ada@example.com": the catalog sleeps`
	asleep := &fakeNames{failWith: &UnknownHolder{Cause: "the catalog sleeps", Next: "wake it"}}
	mail := AttributeDef{Name: "mail", Formats: sources("{{ user.mail }}", "b@example.com"), Unique: UniqueForest}
	several := AttributeDef{Name: "proxyAddresses", Values: sources("smtp:{{ user.mail }}"), Unique: UniqueForest}
	for prefix, a := range map[string]AttributeDef{"": mail, "smtp:": several} {
		m := compile(t, Definition{Primary: "id", Attributes: []AttributeDef{a}})
		r := rec(t, `{"mail": "ada@example.com", "name": "Ada"}`)
		want := strings.Replace(cause, `"ada@`, `"`+prefix+`ada@`, 1)
		_, err := m.Map(r, nil, nil, asleep)
		var e *Error
		if !errors.As(err, &e) || e.Cause != want || e.Next != "wake it" || e.alone {
			t.Errorf("a joiner: %#v, want %s", err, want)
		}
		d, err := m.Map(r, entry("CN=Ada,DC=x", a.Name, "smtp:old@example.com"), nil, asleep)
		if err != nil || len(d.Aside) != 1 || !strings.Contains(d.Aside[0].Cause, want) || d.Aside[0].Next != "wake it" {
			t.Errorf("an account: %+v, %v", d.Aside, err)
		}
	}
}
