package expr

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode"

	exprlang "github.com/expr-lang/expr"
	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"

	plaintext "github.com/rollcall-agent/rollcall/agent/internal/text"
)

func TestFoldedTextsAreASCII(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		for name, folded := range map[string]string{
			"ascii": foldASCII(s), "de": translit("de", s), "ru": translit("ru", s), "uk": translit("uk", s),
			"el": translit("el", s), "sv": translit("sv", s),
		} {
			if i := strings.IndexFunc(folded, func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
				t.Errorf("%s of %q has %q", name, s, folded[i:])
			}
			if foldASCII(folded) != folded {
				t.Errorf("%s of %q folds twice", name, s)
			}
		}
	})
}

func TestFoldedNames(t *testing.T) {
	for in, want := range map[string]string{
		"Łukasz Żółć": "Lukasz Zolc", "Søren Ærø": "Soren AEro", "Đorđe": "Dorde", "Groß": "Gross", "İstanbul ılık": "Istanbul ilik",
		"Þór Œuvre": "Thor OEuvre", "Nguyễn Thị Hồng": "Nguyen Thi Hong", "Ştefan Țepeș": "Stefan Tepes", "O’Neil–Smith": "O'Neil-Smith",
		"ﬁ Ａda": "fi Ada", "e\u0301": "e", "李雷": "", "Иван": "", "a\u00a0b": "a b", "plain": "plain", "STRAẞE": "STRASSE",
	} {
		if got := foldASCII(in); got != want {
			t.Errorf("ascii(%q) = %q, want %q", in, got, want)
		}
	}
	for _, c := range []struct{ language, in, want string }{
		{"de", "Jürgen Ärger ÄRGER Ä Öl", "Juergen Aerger AERGER Ae Oel"},
		{"de", "u\u0308ber", "ueber"},
		{"da", "Århus Æbelø", "Aarhus Aebeloe"},
		{"sv", "Åsa Öberg", "Aasa Oeberg"},
		{"ru", "Юрий Щукин", "Iurii Shchukin"},
		{"uk", "Ґалаґан Ющенко", "Galagan Iushchenko"},
		{"el", "Γιώργος Ψαράς", "Giorgos Psaras"},
		{"de", "Łukasz", "Lukasz"},
	} {
		if got := translit(c.language, c.in); got != c.want {
			t.Errorf("translit(%q, %q) = %q, want %q", c.in, c.language, got, c.want)
		}
	}
}

// The part that is cut off a text and the rest consist of whole characters, and
// together they are the text.
func TestCutsPartNoCharacter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("aé\u0301😀\u200d🏽🇳 ")))).Draw(t, "s")
		n := rapid.IntRange(-2, 9).Draw(t, "n")
		env := Env{"user": map[string]any{"s": s, "n": n}}
		for _, text := range []string{
			`left(user.s, user.n) + right(user.s, len(user.s) - (user.n < 0 ? 0 : user.n)) == user.s`,
			`user.n < 0 || left(user.s, user.n) == user.s[0:user.n]`, `user.n < 1 || mid(user.s, user.n, 2) == user.s[user.n-1:user.n+1]`,
			`right(user.s, user.n) == right(right(user.s, user.n), user.n)`, `len(left(user.s, user.n)) <= (user.n < 0 ? 0 : user.n)`,
		} {
			e, err := NewScope("user").Compile(Source{Text: text})
			if err != nil {
				t.Fatal(err)
			}
			if v, err := e.Eval(env); err != nil || v.V != true {
				t.Fatalf("%s for %q and %d: %v %v", text, s, n, v.V, err)
			}
		}
	})
}

func TestEscapedTextsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringN(1, -1, 64).Draw(t, "s")
		esc := func(e Escape) string {
			out, err := e.text(s)
			if err != nil {
				t.Skip(err)
			}
			return out
		}
		dn, err := ldap.ParseDN("CN=" + esc(EscapeDN) + ",DC=x")
		if err != nil || len(dn.RDNs) != 2 || dn.RDNs[0].Attributes[0].Value != plaintext.Trim(s) {
			t.Errorf("DN: %q became %v %v", s, dn, err)
		}
		if back, err := url.QueryUnescape(esc(EscapeQuery)); err != nil || back != s {
			t.Errorf("query: %q became %q", s, back)
		}
		if back, err := url.QueryUnescape(esc(EscapeForm)); err != nil || back != s {
			t.Errorf("form: %q became %q", s, back)
		}
		if back, err := url.PathUnescape(esc(EscapePath)); err != nil || back != s || strings.Contains(esc(EscapePath), "/") {
			t.Errorf("path: %q became %q", s, back)
		}
		var back string
		if err := json.Unmarshal([]byte(`"`+esc(EscapeJSON)+`"`), &back); err != nil || back != s {
			t.Errorf("JSON: %q became %q", s, back)
		}
		if err := xml.Unmarshal([]byte("<a>"+esc(EscapeXML)+"</a>"), &back); err != nil {
			t.Errorf("XML: %q: %v", s, err)
		}
	})
}

// The operators must mean what they mean to expr-lang/expr, as long as nothing
// is missing.
func TestOperatorsAgreeWithTheReference(t *testing.T) {
	env := map[string]any{"user": map[string]any{"n": 7, "f": 2.5, "s": "Ada", "b": true, "l": []any{1, 2, 2.5}}}
	rapid.Check(t, func(t *rapid.T) {
		text := generate(t, rapid.SampledFrom([]string{"num", "bool", "text"}).Draw(t, "kind"), 4)
		want, wantErr := exprlang.Eval(text, env)
		e, err := NewScope("user").Compile(Source{Text: text})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := e.Eval(env)
		if (err != nil) != (wantErr != nil) && !strings.Contains(fmt.Sprint(err), "finite") {
			t.Fatalf("%s: error %v, reference has %v", text, err, wantErr)
		}
		if err == nil && wantErr == nil && !reflect.DeepEqual(got.V, want) {
			t.Fatalf("%s = %v (%T), reference has %v (%T)", text, got.V, got.V, want, want)
		}
	})
}

// generate makes an expression of one kind without division by zero.
func generate(t *rapid.T, kind string, depth int) string {
	pick := func(choices ...string) string { return rapid.SampledFrom(choices).Draw(t, "choice") }
	if depth == 0 {
		switch kind {
		case "num":
			return pick("1", "0", "3", "2.5", "user.n", "user.f", "-4")
		case "bool":
			return pick("true", "false", "user.b")
		}
		return pick(`"a"`, `"b"`, `""`, "user.s")
	}
	sub := func(kind string) string { return generate(t, kind, depth-1) }
	form := pick("binary", "leaf", "conditional", "other")
	switch {
	case form == "leaf":
		return generate(t, kind, 0)
	case form == "conditional":
		return "(" + sub("bool") + " ? " + sub(kind) + " : " + sub(kind) + ")"
	case kind == "num":
		return "(" + sub("num") + pick(" + ", " - ", " * ") + sub("num") + ")"
	case kind == "text":
		return "(" + sub("text") + " + " + sub("text") + ")"
	}
	switch pick("compare", "logic", "texts", "not", "in", "list") {
	case "compare":
		return "(" + sub("num") + pick(" < ", " > ", " <= ", " >= ", " == ", " != ") + sub("num") + ")"
	case "texts":
		return "(" + sub("text") + pick(" < ", " >= ", " == ", " != ", " contains ", " startsWith ", " endsWith ") + sub("text") + ")"
	case "not":
		return "!" + sub("bool")
	case "in":
		return "(" + sub("num") + " in [1, 2.5, " + sub("num") + "])"
	case "list":
		return pick("any", "all", "none", "one") + "(user.l, # == " + sub("num") + ")"
	}
	return "(" + sub("bool") + pick(" && ", " || ") + sub("bool") + ")"
}
