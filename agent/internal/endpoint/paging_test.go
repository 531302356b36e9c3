package endpoint

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func scope(more ...string) expr.Scope {
	return expr.NewScope(append(more, "settings", "now", "last_success")...)
}

// posted returns an endpoint with a body and until; "" for none.
func posted(t *testing.T, format abi.MessageType, text, until string, repeat abi.Repeat) Endpoint {
	t.Helper()
	e := Endpoint{Endpoint: abi.Endpoint{Name: "users", Method: "POST", Path: "/u", Repeat: repeat}, Format: format}
	var err error
	if text != "" {
		e.Body, err = outbound.CompileBody(expr.Source{Text: text, Pos: expr.Pos{Line: 1, Column: 1}}, BodyScope(scope), format)
	}
	if until != "" && err == nil {
		e.Until, err = UntilScope(scope).Compile(expr.Source{Text: until, Pos: expr.Pos{Line: 1, Column: 1}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestABodyIsEscapedByItsPlace: whatever an application answers as the position.
func TestABodyIsEscapedByItsPlace(t *testing.T) {
	hostile := `a"b&c=d ü<`
	cursor, offset := abi.Repeat{Style: abi.RepeatCursor, Limit: 50}, abi.Repeat{Style: abi.RepeatOffset}
	for _, c := range []struct {
		format         abi.MessageType
		text           string
		repeat         abi.Repeat
		position, want string
	}{
		{abi.MessageJSON, `{"after": "{{ page.position }}", "n": {{ page.number }}, "size": {{ page.limit }}}`, cursor, hostile, `{"after": "a\"b\u0026c=d ü\u003c", "n": 3, "size": 50}`},
		{abi.MessageJSON, `{"after": {{ page.position }}}`, cursor, hostile, `{"after": "a\"b&c=d ü<"}`},
		{abi.MessageJSON, `{"after": {{ page.position }}}`, cursor, "17", `{"after": "17"}`}, // a cursor stays text
		{abi.MessageJSON, `{"skip": {{ page.position }}}`, offset, "20", `{"skip": 20}`},
		{abi.MessageForm, `after={{ page.position }}&x={{ settings.x }}`, cursor, hostile, `after=a%22b%26c%3Dd+%C3%BC%3C&x=y+z`},
		{abi.MessageXML, `<q after="{{ page.position }}"/>`, cursor, hostile, `<q after="a&#34;b&amp;c=d ü&lt;"/>`},
		{abi.MessageText, `q {{ default(page.position, "-") }}`, cursor, "", `q -`},
		{abi.MessageJSON, `{{ page.position == null ? {"a": 1} : {"b": page.position} }}`, cursor, "", `{"a":1}`},
	} {
		e := posted(t, c.format, c.text, "", c.repeat)
		got, err := e.Pages(time.Now(), ident.Position{}, map[string]any{"x": "y z"}).Body(c.position, 3)
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", c.text, got, err, c.want)
		}
	}
	e := posted(t, abi.MessageJSON, `{"after": {{ page.position }}}`, "", cursor)
	if _, err := e.Pages(time.Now(), ident.Position{}, nil).Body("", 1); !errors.Is(err, abi.CodeNoValue) || !strings.Contains(err.Error(), "page.position is null") {
		t.Errorf("a missing position: %v", err)
	}
}

// TestABodyThatIsTheSameForEachPage is rendered once, and sent with its type.
func TestABodyThatIsTheSameForEachPage(t *testing.T) {
	e := posted(t, abi.MessageForm, `since={{ format_date(last_success, "yyyy") }}&t={{ settings.team }}`, "", abi.Repeat{})
	e.Headers = map[string]*expr.Template{}
	at, err := e.At(time.Now(), ident.Position{Since: time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC)}, map[string]any{"team": "A&B"})
	if err != nil || at.Body != "since=2031&t=A%26B" || at.PagedBody || at.Headers["Content-Type"] != "application/x-www-form-urlencoded" {
		t.Errorf("%+v, %v", at, err)
	}
	if e.Pages(time.Now(), ident.Position{}, nil) != nil {
		t.Error("nothing is to be evaluated for each page")
	}
	e.Endpoint.Headers = map[string]string{"content-type": "application/vnd.x"}
	if at, err = e.At(time.Now(), ident.Position{Since: time.Now()}, map[string]any{"team": "A"}); err != nil || len(at.Headers) != 1 {
		t.Errorf("a Content-Type of its own: %v, %v", at.Headers, err)
	}
	paged := posted(t, abi.MessageJSON, `{"p": {{ page.number }}}`, "", abi.Repeat{})
	if at, err = paged.At(time.Now(), ident.Position{}, nil); err != nil || !at.PagedBody || at.Body != "" {
		t.Errorf("%+v, %v", at, err)
	}
	one, err := CompileOne(abi.One{Path: "/u/{{ key }}"}, TextsOf(abi.One{Path: "/u/{{ key }}"}), scope(expr.NameKey))
	if err != nil {
		t.Fatal(err)
	}
	paged.One = one
	if call, err := paged.For("7", time.Now(), nil); err != nil || call.PagedBody || call.Body != "" || call.Headers["Content-Type"] != "" {
		t.Errorf("a single record has no body: %+v, %v", call, err)
	}
}

// TestUntil: it sees what the answer has, and reads no more of it than it names.
func TestUntil(t *testing.T) {
	const answer = `{"meta":{"page":3,"pages":3,"next":null},"done":true,"word":"end","data":[1,2]}`
	at := func(read *[]string) func(...string) (json.RawMessage, error) {
		return func(members ...string) (json.RawMessage, error) {
			*read = append(*read, strings.Join(members, "/"))
			var v any
			if err := json.Unmarshal([]byte(answer), &v); err != nil {
				return nil, err
			}
			for _, m := range members {
				object, _ := v.(map[string]any)
				member, there := object[m]
				if !there {
					return nil, abi.CodeNoValue
				}
				v = member
			}
			return json.Marshal(v)
		}
	}
	for _, c := range []struct {
		until string
		want  bool
		read  string
		says  string // of the error
	}{
		{"answer.done", true, "done", ""},
		{"!answer.done", false, "done", ""},
		{"answer.meta.page >= answer.meta.pages", true, "meta/page meta/pages", ""},
		{`answer.word == "end" && page.total >= 25`, true, "word", ""},
		{"answer.meta.next == null", true, "meta/next", ""},
		{"answer.other == null", true, "other", ""},
		{"page.records < 10", true, "", ""},
		{"page.number == 2", false, "", ""},
		{"default(answer.ended, false)", false, "ended", ""},
		{"answer.ended", false, "ended", "until has no value: answer.ended is absent"},
		{"answer.word", false, "word", "until gives end, which is not true or false"},
		{`answer.meta.page > "x"`, false, "meta/page", "until: "},
	} {
		var read []string
		p := posted(t, abi.MessageJSON, "", c.until, abi.Repeat{}).Pages(time.Now(), ident.Position{}, nil)
		got, err := p.Until(Answered{Number: 3, Records: 5, Total: 25, At: at(&read)})
		if got != c.want || strings.Join(read, " ") != c.read || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, read %v, %v", c.until, got, read, err)
		}
	}
	broken := errors.New("truncated")
	p := posted(t, abi.MessageJSON, "", "answer.done", abi.Repeat{}).Pages(time.Now(), ident.Position{}, nil)
	if _, err := p.Until(Answered{At: func(...string) (json.RawMessage, error) { return nil, broken }}); !errors.Is(err, broken) {
		t.Errorf("an answer that cannot be read: %v", err)
	}
}
