package macro_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

var now = time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)

func manifest() abi.Manifest {
	return abi.Manifest{
		Name: "acme", MacroRoots: []string{"link", "settings"},
		Settings: []abi.Setting{{Name: "tag", Default: "staff"}, {Name: "greeting"}},
		Webhooks: []abi.Webhook{{Name: "w", Path: "/p", Body: `{{ ad.mail }}`, LinkMatch: map[string]string{"/cn": `{{ ad.cn }}`}}},
		Macros: []abi.Macro{
			{Name: "given", Expression: `default(ad.givenName, first_word(ad.cn))`},
			{Name: "years", Expression: `string_of(`}, // does not compile, and so does not exist
			{Name: "day", Expression: `format_date(now, "yyyy-MM-dd")`},
			{Name: "first", Expression: `let x = map(ad.list, # + "!"); x[0]`},
			{Name: "age", Expression: `date(ad.cn)`},
			{Name: "local", Expression: `ad["ms-mcs-admpwd"] + "!"`},
		},
	}
}

// known is an object whose values are known.
type known map[string]any

func (k known) Env(context.Context, map[string][]string) (map[string]any, error) { return k, nil }

// asked is an object that notes what is asked of it.
type asked struct {
	uses []map[string][]string
	err  error
}

func (a *asked) Env(_ context.Context, uses map[string][]string) (map[string]any, error) {
	a.uses = append(a.uses, uses)
	return map[string]any{"ad": map[string]any{"givenName": "Ada", "cn": "x", "mail": "a@b"}, "link": nil, "password": "s3cret"}, a.err
}

// TestValuesAreAskedFor: those that a template and its macros use, each time it is
// rendered; what cannot be read at the moment is told apart from what is missing.
func TestValuesAreAskedFor(t *testing.T) {
	a := &asked{}
	r := macro.ForInvokes(manifest(), nil).Renderer(a)
	for template, want := range map[string]map[string][]string{
		"{{ macros.given }}":               {"ad": {"givenName", "cn"}},
		"{{ ad.mail }}":                    {"ad": {"mail"}},
		"{{ ad.cn }}":                      {"ad": {"cn"}},
		"{{ settings.tag }}":               {},
		"{{ default(ad.mail, old.mail) }}": nil, // refused: only the first one stands in the manifest
	} {
		a.uses = nil
		_, err := r.Macro(t.Context(), template, abi.PlaceNone)
		if want == nil {
			if !errors.Is(err, abi.CodeRefused) || len(a.uses) > 0 {
				t.Errorf("%s: %v, asked for %v", template, err, a.uses)
			}
			continue
		}
		if err != nil || len(a.uses) != 1 || !maps.EqualFunc(a.uses[0], want, slices.Equal) {
			t.Errorf("%s: asked for %v, want %v (%v)", template, a.uses, want, err)
		}
	}
	a.err = fmt.Errorf("the directory is away: %w", abi.CodeNetwork)
	if _, err := r.Macro(t.Context(), "{{ macros.given }}", abi.PlaceNone); !errors.Is(err, abi.CodeNetwork) {
		t.Errorf("%v", err)
	}
}

// TestCallsShareWhatIsCompiled: calls of one application at the same time, each with
// its own object.
func TestCallsShareWhatIsCompiled(t *testing.T) {
	rules := macro.ForInvokes(manifest(), nil)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			key := fmt.Sprint("key", i)
			r := rules.Renderer(known{"link": map[string]any{"key": key}})
			for n := range 200 {
				if got, err := r.Macro(t.Context(), fmt.Sprintf("%d {{ link.key }}", n), abi.PlaceNone); err != nil || got != fmt.Sprint(n, " ", key) {
					t.Errorf("%q %v", got, err)
				}
			}
		})
	}
	all.Wait()
}

func invoking() *macro.Renderer {
	return macro.ForInvokes(manifest(), map[string]any{"greeting": "Hello {{ ad.cn }}"}).Renderer(known{
		"ad":   map[string]any{"cn": `Ada "A" <Lovelace>`, "mail": "ada@example.com", "list": []any{"a", "b"}, "number": 7},
		"link": map[string]any{"key": "a/b"}, "password": "s3cret", "now": now, "old": nil,
	})
}

// TestATemplateIsRendered: every kind of call, place and mistake.
func TestATemplateIsRendered(t *testing.T) {
	for _, c := range []struct {
		template string
		place    abi.Place
		want     string // of the text, or of the error
		code     abi.Code
	}{
		{"/x/{{ link.key }}", abi.PlacePath, "/x/a%2Fb", 0},
		{"q={{ settings.tag }}", abi.PlaceQuery, "q=staff", 0},
		{"{{ ad.mail }}", abi.PlaceNone, "ada@example.com", 0},
		{"Hello {{ ad.cn }}", abi.PlaceJSON, `Hello Ada \"A\" \u003cLovelace\u003e`, 0},
		{"Hello {{ ad.cn }}", abi.PlaceXML, `Hello Ada &#34;A&#34; &lt;Lovelace&gt;`, 0},
		{"Hello {{ ad.cn }}", abi.PlaceForm, `Hello Ada+%22A%22+%3CLovelace%3E`, 0},
		{"Hello {{ ad.cn }}", abi.PlaceHeader, `Hello Ada "A" <Lovelace>`, 0},
		{"{{ macros.given }}", abi.PlaceNone, "Ada", 0},
		{"{{ macros.first }}/{{ macros.day }}", abi.PlaceNone, "a!/2031-02-03", 0},
		{"[{{ link.key }}, {{ [1, 2] }}]", abi.PlaceJSONValue, `["a/b", [1,2]]`, 0},
		{"plain", abi.PlacePath, "plain", 0},

		{"x{{ ad.mail }}", abi.PlaceNone, "1:5: the manifest does not declare ad under macro_roots", abi.CodeRefused},
		{"{{ link.key + ad.mail + now }}", abi.PlaceNone, "does not declare ad and now under", abi.CodeRefused},
		{"{{ password }}", abi.PlaceNone, "1:4: unknown name password", abi.CodeInput},
		{"{{ user.x }}", abi.PlaceNone, "unknown name user", abi.CodeInput},
		{"{{ macros.years }}", abi.PlaceNone, "macros.years does not exist here: unexpected end", abi.CodeInput},
		{"{{ macros }}", abi.PlaceNone, "macros is no value by itself", abi.CodeInput},
		{"{{ macros[link.key] }}", abi.PlaceNone, "macros is no value by itself", abi.CodeInput},
		{"a\n{{ link.none }}", abi.PlaceNone, "2:3: link.none is absent", abi.CodeNoValue},
		{"{{ macros.age }}", abi.PlaceNone, "1:4: macros.age: ", abi.CodeInput},
		{"{{ link", abi.PlaceNone, "1:1: {{ without }}", abi.CodeInput},
		{`{{ link.key + "\n" }}`, abi.PlaceHeader, "line break", abi.CodeInput},
		{`{{ ".." }}`, abi.PlacePath, "cannot be a segment", abi.CodeInput},
		{"{{ [1] }}", abi.PlaceNone, "cannot be part of a text", abi.CodeInput},
	} {
		got, err := invoking().Macro(t.Context(), c.template, c.place)
		var code abi.Code
		errors.As(err, &code)
		if c.code == 0 && (got != c.want || err != nil) || c.code != 0 && (err == nil || got != "" || code != c.code || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s at %s: %q %v %v", c.template, c.place, got, code, err)
		}
	}
}

// TestNamesOfACall: each kind of call has its own.
func TestNamesOfACall(t *testing.T) {
	m := manifest()
	m.MacroRoots = abi.MacroRoots()
	fetch, again := macro.ForFetch(m, nil, now, time.Time{}), macro.ForFetch(m, nil, now, now)
	check := macro.ForCheck(m, nil, now)
	for _, c := range []struct {
		r              *macro.Renderer
		template, want string
	}{
		{fetch, "{{ settings.tag }} {{ macros.day }}", "staff 2031-02-03"},
		{fetch, "{{ last_success }}", "last_success is null"},
		{fetch, "{{ parent.id }}", "parent is null"},
		{fetch, "{{ macros.given }}", "macros.given does not exist here: unknown name ad"},
		{fetch, "{{ ad.cn }}", "unknown name ad"},
		{again, `{{ format_date(last_success, "yyyy") }}`, "2031"},
		{check, "{{ settings.tag }} {{ macros.day }}", "staff 2031-02-03"},
		{check, "{{ last_success }}", "unknown name last_success"},
	} {
		got, err := c.r.Macro(t.Context(), c.template, abi.PlaceNone)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.template, got, c.want)
		}
	}
}

// TestTheTextIsBounded: in its length and in the time of its call.
func TestTheTextIsBounded(t *testing.T) {
	long := strings.Repeat("{{ link.key }}", 4000)
	r := macro.ForInvokes(manifest(), nil).Renderer(known{"link": map[string]any{"key": strings.Repeat("x", 1000)}})
	if _, err := r.Macro(t.Context(), long, abi.PlaceNone); !errors.Is(err, abi.CodeTooLarge) {
		t.Errorf("too long: %v", err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := r.Macro(over, long, abi.PlaceNone); !errors.Is(err, context.Canceled) {
		t.Errorf("too late: %v", err)
	}
}

// TestCheck: an author learns of macros that no template could use.
func TestCheck(t *testing.T) {
	m := manifest()
	err := macro.Check(m)
	if err == nil || !strings.Contains(err.Error(), "macro years: 1:1") || strings.Contains(err.Error(), "given") {
		t.Errorf("%v", err)
	}
	m.Macros = []abi.Macro{{Name: "twice", Expression: "macros.given"}}
	if err := macro.Check(m); err == nil || !strings.Contains(err.Error(), "unknown name macros") {
		t.Errorf("a macro of a macro: %v", err)
	}
}

// TestWhatAMacroUsesIsUsed: whoever reads the directory for a webhook looks at
// the names in its templates.
func TestWhatAMacroUsesIsUsed(t *testing.T) {
	e, err := macro.Scope(outbound.NewScope(), manifest()).Compile(expr.Source{Text: "upper(macros.given) + macros.day"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.Fields("ad"), " "); got != "cn givenName" || !e.Volatile() {
		t.Errorf("uses %s, volatile %v", got, e.Volatile())
	}
}

// FuzzTemplates: whatever a connector passes, the answer is a text or an error
// with a code, and values of names that the manifest does not declare stay out.
func FuzzTemplates(f *testing.F) {
	for _, s := range []string{"{{ link.key }}", "{{ ad.mail }}", "{{ macros.given }}", "{{ json(ad) }}", `{{ let macros = link; macros.key }}`, "{{ [ad][0].mail }}", "{{ $env }}", "}}{{", "{{ any([1], ad.mail != \"\") }}"} {
		f.Add(s, int32(0))
		f.Add(s, int32(5))
	}
	f.Fuzz(func(t *testing.T, template string, place int32) {
		p := abi.Place(place)
		if !p.Known() {
			return
		}
		m := manifest()
		m.Webhooks, m.Macros = nil, nil
		r := macro.ForInvokes(m, nil).Renderer(known{"ad": map[string]any{"mail": "s3cret-value"}, "link": map[string]any{"key": "k"}})
		out, err := r.Macro(t.Context(), template, p)
		if strings.Contains(out, "s3cret-value") && !strings.Contains(template, "s3cret-value") {
			t.Errorf("%q gave %q", template, out)
		}
		var code abi.Code
		if err != nil && !errors.As(err, &code) {
			t.Errorf("%q: an error without a code: %v", template, err)
		}
		if err == nil && p == abi.PlaceJSONValue && strings.HasPrefix(template, "{{") && strings.Count(template, "{{") == 1 && strings.HasSuffix(template, "}}") && !json.Valid([]byte(out)) {
			t.Errorf("%q gave %q", template, out)
		}
	})
}
