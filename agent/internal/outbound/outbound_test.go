package outbound_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func env() expr.Env {
	return expr.Env{
		"ad": map[string]any{
			"cn": `Ada "A" Novák`, "mail": "ada@example.org", "objectGUID": "6f96", "empty": "", "slash": "a/b?c#d",
			"lines": "a\r\nX-Admin: 1", "disabled": true, "groups": []any{"A", `B"`}, "xml": "<&>",
		},
		"link":     map[string]any{"key": "9007199254740993"},
		"links":    map[string]any{"infobip": nil},
		"settings": map[string]any{"role_id": json.Number("7")},
		"now":      time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
	}
}

// render compiles and renders one webhook over env.
func render(w abi.Webhook) (abi.Webhook, error) {
	if w.Name == "" {
		w.Name = "w"
	}
	if w.Path == "" && w.URL == "" {
		w.Path = "/x"
	}
	c, err := outbound.Compile(w, outbound.NewScope())
	if err != nil {
		return abi.Webhook{}, err
	}
	return c.Render(env())
}

func TestBody(t *testing.T) {
	for name, c := range map[string]struct {
		kind       abi.MessageType
		body, want string
	}{
		"text in quotes":        {"", `{"cn": "x {{ ad.cn }}"}`, `{"cn": "x Ada \"A\" Novák"}`},
		"text in quotes, alone": {"", `{"id": "{{ link.key }}"}`, `{"id": "9007199254740993"}`},
		"a value keeps type":    {"", `{"id": {{ int(link.key) }}, "a": {{ ad.disabled }}, "b": {{ ad.cn }}, "r": {{ settings.role_id }}}`, `{"id": 9007199254740993, "a": true, "b": "Ada \"A\" Novák", "r": 7}`},
		"a whole body":          {"", `{{ {"groups": ad.groups, "n": 1.5} }}`, `{"groups":["A","B\""],"n":1.5}`},
		"a time":                {"", `{"at": {{ now }}, "in": "{{ now }}"}`, `{"at": "2026-03-04T05:06:07Z", "in": "2026-03-04T05:06:07Z"}`},
		"default":               {"", `{"d": "{{ default(ad.description, "") }}"}`, `{"d": ""}`},
		"an empty value":        {"", `{"d": "{{ ad.empty }}"}`, `{"d": ""}`},
		"a name":                {"", `{"{{ ad.cn }}": 1}`, `{"Ada \"A\" Novák": 1}`},
		"behind quotes":         {"", `{"a": "\"{{ ad.mail }}\\"}`, `{"a": "\"ada@example.org\\"}`},
		"no HTML escapes":       {"", `[{{ ad.xml }}]`, `["<&>"]`},
		"form":                  {abi.MessageForm, `cn={{ ad.cn }}&x={{ ad.slash }}`, `cn=Ada+%22A%22+Nov%C3%A1k&x=a%2Fb%3Fc%23d`},
		"xml":                   {abi.MessageXML, `<cn>{{ ad.xml }}</cn>`, `<cn>&lt;&amp;&gt;</cn>`},
		"XML whole":             {abi.MessageXML, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a n=\"{{ ad.cn }}\"><!-- x --><b/>{{ ad.mail }}</a>\n", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a n=\"Ada &#34;A&#34; Novák\"><!-- x --><b/>ada@example.org</a>\n"},
		"text":                  {abi.MessageText, `{{ ad.cn }}`, `Ada "A" Novák`},
	} {
		got, err := render(abi.Webhook{MessageType: c.kind, Body: c.body})
		if err != nil || got.Body != c.want {
			t.Errorf("%s: %s, want %s, %v", name, got.Body, c.want, err)
		}
	}
}

func TestEveryMemberIsRendered(t *testing.T) {
	given := abi.Webhook{
		Name: "w", Method: "PUT", Path: "/v1/{{ ad.slash }}/x?q={{ ad.slash }}", Params: map[string]string{"q": "{{ ad.slash }}"},
		Headers: map[string]string{"X-Name": "{{ ad.mail }}"}, LinkKey: "/id", Cost: 3,
		Verify: &abi.Verify{URL: "https://example.org/{{ ad.cn }}", Params: map[string]string{"a": "{{ ad.mail }}"}, Records: "/data", Match: map[string]string{"/name": "{{ ad.cn }}"}},
	}
	want := abi.Webhook{
		Name: "w", Method: "PUT", Path: "/v1/a%2Fb%3Fc%23d/x?q=a%2Fb%3Fc%23d", Params: map[string]string{"q": "a/b?c#d"},
		Headers: map[string]string{"X-Name": "ada@example.org"}, LinkKey: "/id", Cost: 3, MessageType: abi.MessageNone,
		Verify: &abi.Verify{
			Method: "GET", URL: "https://example.org/Ada%20%22A%22%20Nov%C3%A1k", Params: map[string]string{"a": "ada@example.org"},
			Records: "/data", Match: map[string]string{"/name": `Ada "A" Novák`}, Repeat: abi.Repeat{Style: abi.RepeatNone}, Cost: 1,
		},
	}
	for range 2 { // the first must not have changed what the second starts from
		got, err := render(given)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}

func TestWhatCannotBeRendered(t *testing.T) {
	for name, c := range map[string]struct {
		webhook abi.Webhook
		want    string
	}{
		"absent in a text":     {abi.Webhook{Body: `{"a": "{{ ad.sn }}"}`}, "webhook w: body: 1:10: ad.sn is absent"},
		"absent as a value":    {abi.Webhook{Body: `{"a": {{ ad.sn }}}`}, "webhook w: body: 1:9: ad.sn is absent"},
		"absent in an object":  {abi.Webhook{Body: `{{ {"a": ad.sn} }}`}, "ad.sn is absent"},
		"null in an object":    {abi.Webhook{Body: `{{ {"a": [links.infobip]} }}`}, "no value for /a/0"},
		"no link":              {abi.Webhook{Path: "/x/{{ links.infobip.key }}"}, "webhook w: path: 1:6: links.infobip is null"},
		"absent in params":     {abi.Webhook{Params: map[string]string{"q": "{{ ad.sn }}"}}, "webhook w: params.q: 1:3: ad.sn is absent"},
		"absent in verify":     {abi.Webhook{Verify: &abi.Verify{Path: "/y", Params: map[string]string{"q": "{{ ad.sn }}"}}}, "webhook w: verify.params.q: "},
		"an empty segment":     {abi.Webhook{Path: "/x/{{ ad.empty }}"}, `"" cannot be a segment of a path`},
		"up in the path":       {abi.Webhook{Path: "/x/{{ \"..\" }}"}, `".." cannot be a segment of a path`},
		"a line in a header":   {abi.Webhook{Headers: map[string]string{"X-A": "{{ ad.lines }}"}}, "webhook w: headers.X-A: 1:3: "},
		"a list in a text":     {abi.Webhook{Body: `{"a": "{{ ad.groups }}"}`}, "cannot be part of a text"},
		"what cannot be added": {abi.Webhook{Body: `{"a": {{ ad.disabled + 1 }}}`}, "webhook w: body: 1:"},
		"unknown function":     {abi.Webhook{Body: `{"a": "{{ uper(ad.cn) }}"}`}, `did you mean "upper"`},
		"unknown name":         {abi.Webhook{Path: "/{{ user.id }}"}, "webhook w: path: 1:5: "},
		"the second line":      {abi.Webhook{Body: "{\n \"a\": {{ foo }}}"}, "webhook w: body: 2:"},
		"no JSON":              {abi.Webhook{Body: `{"a": x{{ ad.cn }}}`}, "webhook w: body: 1:7: the body is no JSON"},
		"two values":           {abi.Webhook{Body: `{"a": {{ ad.cn }}{{ ad.cn }}}`}, "the body is no JSON"},
		"a value as a name":    {abi.Webhook{Body: `{ {{ ad.cn }}: 1}`}, "the body is no JSON"},
		"an open string":       {abi.Webhook{Body: `{"a": "{{ ad.cn }}}`}, "the body is no JSON"},
		"behind a backslash":   {abi.Webhook{Body: `{"a": "\{{ ad.cn }}"}`}, "cannot follow a backslash"},
		"no XML":               {abi.Webhook{MessageType: abi.MessageXML, Body: "<a>{{ ad.cn }}</b>"}, "webhook w: body: 1:15: the body is no XML"},
		"no XML, second line":  {abi.Webhook{MessageType: abi.MessageXML, Body: "<a>\n{{ ad.cn }} & </a>"}, "webhook w: body: 2:13: the body is no XML"},
		"an open element":      {abi.Webhook{MessageType: abi.MessageXML, Body: "<a>{{ ad.cn }}"}, "the body is no XML"},
		"two elements":         {abi.Webhook{MessageType: abi.MessageXML, Body: "<a/><b>{{ ad.cn }}</b>"}, "the body is no XML"},
		"text alone":           {abi.Webhook{MessageType: abi.MessageXML, Body: "{{ ad.cn }}"}, "the body is no XML"},
		"a value as a tag":     {abi.Webhook{MessageType: abi.MessageXML, Body: "<{{ ad.cn }}/>"}, "the body is no XML"},
		"part of a tag":        {abi.Webhook{MessageType: abi.MessageXML, Body: "<a{{ ad.cn }}/>"}, "the body is no XML"},
		"a value in a comment": {abi.Webhook{MessageType: abi.MessageXML, Body: "<a><!-- {{ ad.cn }} --></a>"}, "webhook w: body: 1:9: a value cannot stand in a comment"},
		"a value in CDATA":     {abi.Webhook{MessageType: abi.MessageXML, Body: "<a><![CDATA[{{ ad.cn }}]]></a>"}, "webhook w: body: 1:13: a value cannot stand in CDATA"},
		"another encoding":     {abi.Webhook{MessageType: abi.MessageXML, Body: `<?xml version="1.0" encoding="latin1"?><a>{{ ad.cn }}</a>`}, "UTF-8"},
		"a control character":  {abi.Webhook{MessageType: abi.MessageXML, Body: `<a>{{ "\u0001" }}</a>`}, "control character"},
		"no form":              {abi.Webhook{MessageType: abi.MessageForm, Body: "a={{ ad.cn }}&b=%zz"}, "webhook w: body: 1:1: the body is no form"},
		"the host":             {abi.Webhook{URL: "https://{{ ad.cn }}.example.org/"}, "webhook w: url: a value cannot stand before the path"},
		"part of the host":     {abi.Webhook{URL: "https://a{{ ad.cn }}/"}, "before the path"},
	} {
		if _, err := render(c.webhook); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	_, err := outbound.Compile(abi.Webhook{Name: "w", Path: "/{{ a }}", Body: "{{ b }}", Verify: &abi.Verify{Path: "/{{ c }}"}}, outbound.NewScope())
	for _, member := range []string{"path:", "body:", "verify.path:"} {
		if err == nil || !strings.Contains(err.Error(), member) {
			t.Errorf("%v does not name %s", err, member)
		}
	}
}

// TestMistakesHaveTheirPlaceInTheFile checks what an administrator reads of a
// mistake in a webhook of the configuration.
func TestMistakesHaveTheirPlaceInTheFile(t *testing.T) {
	places := map[string]expr.Pos{"body": {File: "a.toml", Line: 7, Column: 9}, "params.q": {File: "a.toml", Line: 5, Column: 20}}
	for body, want := range map[string]string{
		`{"a": {{ foo }}}`:            "webhook w: body: a.toml:7:18: unknown name foo",
		"{\n  \"a\": {{ foo }}}":      "webhook w: body: a.toml:8:11: unknown name foo",
		"{\"ä\": 1,\n \"b\" 2}":       "webhook w: body: a.toml:8:6: the body is no JSON",
		`{"ä": "{{ ad.cn }}", "b" 2}`: "webhook w: body: a.toml:7:34: the body is no JSON",
	} {
		w := abi.Webhook{Name: "w", Path: "/{{ bar }}", Params: map[string]string{"q": "{{ baz }}"}, Body: body}
		_, err := outbound.CompileAt(w, outbound.NewScope(), places)
		var one *outbound.Error
		if !errors.As(err, &one) || one.Webhook != "w" || one.Member != "path" {
			t.Errorf("%q: %v holds no Error of path", body, err)
		}
		for _, want := range []string{want, "params.q: a.toml:5:23: unknown name baz", "webhook w: path: 1:5: unknown name bar"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got\n%v\nwant %s", body, err, want)
			}
		}
	}
}

// FuzzPlaces: whatever an attribute holds, it stays what it is where it stands.
func FuzzPlaces(f *testing.F) {
	for _, s := range []string{"", "..", ".", "/", `"`, `\`, `\"`, "\r\nX: 1", "%2e%2e", "a/../b", "{{ ad.x }}", "\u2028", "?#&=+ ", "\x00", `", "admin": true, "`, "<a>&amp;"} {
		f.Add(s)
	}
	compile := func(w abi.Webhook) *outbound.Webhook {
		c, err := outbound.Compile(w, outbound.NewScope())
		if err != nil {
			f.Fatal(err)
		}
		return c
	}
	path := compile(abi.Webhook{Path: "/v1/{{ ad.x }}/end", Headers: map[string]string{"X": "{{ default(ad.header, ad.x) }}"}})
	body := compile(abi.Webhook{Body: `{"a": "<{{ ad.x }}>", "b": {{ ad.x }}, "c": {{ {"d": ad.x} }}}`})
	form := compile(abi.Webhook{MessageType: abi.MessageForm, Body: "a={{ ad.x }}&b=1"})
	document := compile(abi.Webhook{MessageType: abi.MessageXML, Body: `<a b="{{ ad.x }}">{{ ad.x }}</a>`})
	f.Fuzz(func(t *testing.T, s string) {
		env := expr.Env{"ad": map[string]any{"x": s}}
		if w, err := path.Render(env); err == nil {
			segments := strings.Split(w.Path, "/")
			if back, err := url.PathUnescape(segments[2]); len(segments) != 4 || back != s || err != nil || strings.ContainsAny(w.Path, "?#") || back == ".." {
				t.Errorf("path %q of %q", w.Path, s)
			}
			if strings.ContainsAny(w.Headers["X"], "\r\n\x00") {
				t.Errorf("header %q", w.Headers["X"])
			}
		}
		if w, err := document.Render(env); err == nil {
			var got struct {
				B string `xml:"b,attr"`
				T string `xml:",chardata"`
			}
			if err := xml.Unmarshal([]byte(w.Body), &got); err != nil || got.B != s || got.T != s {
				t.Errorf("XML %s of %q: %v", w.Body, s, err)
			}
		}
		w, err := body.Render(env)
		if err != nil {
			return // what is no UTF-8 is refused
		}
		var got any
		want := map[string]any{"a": "<" + s + ">", "b": s, "c": map[string]any{"d": s}}
		if err := json.Unmarshal([]byte(w.Body), &got); err != nil || !cmp.Equal(got, any(want)) {
			t.Errorf("body %s of %q: %v", w.Body, s, err)
		}
		if w, err = form.Render(env); err != nil {
			t.Fatal(err)
		}
		if got, err := url.ParseQuery(w.Body); err != nil || len(got) != 2 || got.Get("a") != s {
			t.Errorf("form %s of %q: %v", w.Body, s, err)
		}
	})
}
