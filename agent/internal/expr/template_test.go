package expr

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTemplates(t *testing.T) {
	env := record(t, ada)
	for _, c := range []struct {
		text string
		want Value
	}{
		{`plain`, Value{State: Present, V: "plain"}},
		{``, Value{State: Empty, V: ""}},
		{`{{ user.id }}`, Value{State: Present, V: 11}},
		{`{{ user.active }}`, Value{State: Present, V: true}},
		{`{{ user.tags }}`, Value{State: Present, V: []any{"a", "b"}}},
		{`x{{ user.id }}y{{ user.active }}`, Value{State: Present, V: "x11ytrue"}},
		{` {{ user.id }}`, Value{State: Present, V: " 11"}},
		{`{{ "{{" }} and {{ "}}" }} and }}`, Value{State: Present, V: "{{ and }} and }}"}},
		{`{{ '}}' + "\"}}" }}!`, Value{State: Present, V: `}}"}}!`}},
		{"{{ `}}` }}!", Value{State: Present, V: "}}!"}},
		{"{{ `a``}}` }}!", Value{State: Present, V: "a`}}!"}},
		{`{{ {"a": {"b": 1}}.a.b }}.`, Value{State: Present, V: "1."}},
		{`{{ /* }} " */ 1 }}.`, Value{State: Present, V: "1."}},
		{"{{ 1 // }} '\n }}.", Value{State: Present, V: "1."}},
		{`{"x":{"y":"{{ user.id }}"}}`, Value{State: Present, V: `{"x":{"y":"11"}}`}},
		{`{"x":{{ user.id }}}`, Value{State: Present, V: `{"x":11}`}},
		{`{{ user.nick }}{{ user.nick }}`, Value{State: Empty, V: ""}},
		{`a {{ user.email }}`, Value{State: Null, Cause: "user.email is null"}},
		{`a {{ user.email }} {{ user.mail }}`, Value{State: Absent, Cause: "user.mail is absent", Missing: "user.mail"}},
		{`a {{ default(user.email, "x") }}`, Value{State: Present, V: "a x"}},
	} {
		tpl, err := testScope().Template(Source{Text: c.text}, EscapeNone)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got, err := tpl.Eval(env)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.text, d)
		}
	}
}

func TestTemplateMistakesHaveTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		`abc {{ lowr(1) }}`:                "f:9:16: unknown name lowr",
		`{{ 1 }}{{ lowr(1) }}`:             "f:9:19: unknown name lowr",
		"first\n  second {{ lowr(1) }}":    "f:10:13: unknown name lowr",
		"é{{\n lowr(1) }}":                 "f:10:2: unknown name lowr",
		`abc {{ user.name`:                 "f:9:13: {{ without }}",
		`abc {{ }}`:                        "f:9:15: the expression is empty",
		`{{ "abc }}`:                       "literal not terminated",
		`{{ user.name }} }} {{ user. }} x`: "f:9:36: ",
		`{{ {"a": 1 }} x`:                  "{{ without }}",
	} {
		_, err := testScope().Template(Source{text, Pos{"f", 9, 9}}, EscapeNone)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
	tpl, err := testScope().Template(Source{`x {{ user.tags }}`, Pos{"f", 9, 9}}, EscapeNone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = tpl.Eval(record(t, ada)); err == nil || err.Error() != "f:9:13: a list cannot be part of a text (use join, item or json)" {
		t.Errorf("a list within a text: %v", err)
	}
}

func TestEscapesByPlace(t *testing.T) {
	hostile := "a,b+\"c\" #/\\<>;=?&é\r\n%"
	for _, c := range []struct {
		escape Escape
		value  string
		want   string // "" is an error
	}{
		{EscapeNone, hostile, "x" + hostile},
		{EscapeDN, "a,b+\"c\"\\<>;=", `xa\,b\+\"c\"\\\<\>\;\=`},
		{EscapeDN, "a\x00", ""},
		{EscapeDN, "a\nb", ""},
		{EscapeDN, "a\u0085b", ""},
		{EscapeDN, " #a ", `x\#a`},
		{EscapeDN, "\u00a0Sales\u200b\n", `xSales`},
		{EscapePath, "a/../b?c#d%", "xa%2F..%2Fb%3Fc%23d%25"},
		{EscapePath, "..", ""},
		{EscapePath, "", ""},
		{EscapeQuery, "a b&c=d+é#", "xa%20b%26c%3Dd%2B%C3%A9%23"},
		{EscapeHeader, "a b", "xa b"},
		{EscapeHeader, "a\r\nSet-Cookie: b", ""},
		{EscapeHeader, "a\x00", ""},
		{EscapeJSON, "a\"\\\n\x01é", `xa\"\\\n\u0001é`},
		{EscapeForm, "a b&c=d", "xa+b%26c%3Dd"},
		{EscapeXML, `<a b="c">&`, "x&lt;a b=&#34;c&#34;&gt;&amp;"},
		{EscapeXML, "a\x00", ""},
		{EscapeXML, "a\x1bb", ""},
		{EscapeXML, "a\nb", "xa&#xA;b"},
	} {
		tpl, err := testScope().Template(Source{Text: `x{{ user.v }}`}, c.escape)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tpl.Eval(Env{"user": map[string]any{"v": c.value}})
		if c.want == "" {
			if err == nil {
				t.Errorf("%d %q is accepted: %q", c.escape, c.value, got.Text())
			}
			continue
		}
		if err != nil || got.Text() != c.want {
			t.Errorf("%d %q: got %q %v, want %q", c.escape, c.value, got.Text(), err, c.want)
		}
	}
}

func TestADNWithAnEmptyPartIsEmpty(t *testing.T) {
	for _, c := range []struct {
		text, value string
		want        State
	}{
		{`CN={{ user.v }},DC=x`, "", Empty},
		{`DC=x,CN= {{ user.v }}`, "", Empty},
		{`CN={{ user.v }} ,DC=x`, "", Empty},
		{`CN=a{{ user.v }},DC=x`, "", Present},
		{`CN={{ user.v }},DC=x`, "a", Present},
		{`CN={{ user.v }},DC=x`, "=", Present},
		{`CN=a\={{ user.v }},DC=x`, "", Present},
		{`{{ user.v }}`, "", Empty},
	} {
		tpl, err := testScope().Template(Source{Text: c.text}, EscapeDN)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tpl.Eval(Env{"user": map[string]any{"v": c.value}}); err != nil || got.State != c.want {
			t.Errorf("%s of %q: %v %v, want %v", c.text, c.value, got.State, err, c.want)
		}
	}
}

func TestAWholeTemplateIsEscapedWhereATypeMeansNothing(t *testing.T) {
	for escape, want := range map[Escape]any{
		EscapeNone: "a/b", EscapeJSON: "a/b", EscapeDN: "a/b", EscapePath: "a%2Fb", EscapeQuery: "a%2Fb", EscapeForm: "a%2Fb",
	} {
		tpl, err := testScope().Template(Source{Text: `{{ user.v }}`}, escape)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tpl.Eval(Env{"user": map[string]any{"v": "a/b"}}); err != nil || got.V != want {
			t.Errorf("%d: got %v %v, want %v", escape, got.V, err, want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		`a {{ lower(user.a) }} b`, `{{ {"a": {"b": 1}}.a.b }}.`, "{{ `}}` }}", `{{ '}}' }}{{`, `{{ user.a[0:1] ?? 1..3 }}`,
		`{{ find(user.list, .a in [1]) }}`, `{{ let a = 1; a }}`, `{{ if true {1} else {2} }}`, `{{ -user.a ** 2 % 3 }}`, `{{ user?.a.b[#] }}`,
		`{{ date_add(now, 1, "days") }}`, `{{ regex_replace("a", "(", "") }}`, `{{ not user.a }}`, `{{ /* }}`, `{{ "\u00" }}`, `{{ #x }}`,
	} {
		f.Add(s)
	}
	scope := testScope()
	env := Env{"user": map[string]any{"a": "Łukasz", "list": []any{map[string]any{"a": 1}, nil, 3.5}}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, escape := range []Escape{EscapeNone, EscapeDN} {
			tpl, err := scope.Template(Source{text, Pos{"f", 1, 1}}, escape)
			if err != nil {
				continue
			}
			if v, err := tpl.Eval(env); err == nil && (v.V == nil) != (v.State < Empty) {
				t.Errorf("state %v of %v", v.State, v.V)
			}
		}
		if e, err := scope.Compile(Source{Text: text}); err == nil {
			_, _ = e.Eval(env)
		}
	})
}
