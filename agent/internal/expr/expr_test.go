package expr

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// eval compiles and evaluates text over env, in a scope that knows its names.
func eval(t *testing.T, text string, env Env) (Value, error) {
	t.Helper()
	e, err := testScope().Compile(Source{Text: text})
	if err != nil {
		t.Fatalf("compile %s: %v", text, err)
	}
	return e.Eval(env)
}

func testScope() Scope {
	return NewScope("user", "attributes", "link", "now", "settings", "last_success").WithLookups(testTables)
}

var testTables = map[string]map[string]string{
	"departments": {"1": "Sales", "2": "Support"},
	"rates":       {"0.50": "half", "1.50": "long", "1.5": "plain"},
	"flags":       {"true": "on", "false": "off"},
	"empty":       {},
}

func jsonNumber(s string) json.Number { return json.Number(s) }

func asJSON(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func TestEveryFunctionHasAnExampleThatHolds(t *testing.T) {
	fs := Functions()
	if len(fs) < 39 {
		t.Errorf("only %d functions", len(fs))
	}
	for _, f := range fs {
		t.Run(f.Name, func(t *testing.T) {
			text, want, ok := strings.Cut(f.Example, " -> ")
			if !ok || f.Description == "" || !strings.HasPrefix(f.Signature, f.Name+"(") {
				t.Fatalf("incomplete documentation: %+v", f)
			}
			if !strings.Contains(text, f.Name+"(") {
				t.Errorf("the example does not use the function: %s", text)
			}
			v, err := eval(t, text, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := asJSON(t, v.V); got != want {
				t.Errorf("%s gives %s, documented is %s", text, got, want)
			}
		})
	}
}

func TestFunctionsOfTheContract(t *testing.T) {
	names := strings.Fields(`upper lower title trim left right mid word first_word last_word split join replace
		regex_replace strip_spaces ascii translit sam_safe only_digits random_digits guid default coalesce is_null
		is_empty lookup count item unique_list date date_add date_diff format_date filetime from_filetime bit_and
		e164 json url_escape base64`)
	have := functionsByName()
	for _, n := range names {
		if have[n] == nil {
			t.Errorf("%s is missing", n)
		}
	}
}
