package sdktest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

var envelope = sdk.Envelope{
	Texts:  []string{"/error/text", "/message"},
	Fields: []string{"/fields"},
	Lists:  []sdk.ListOfWrong{{At: "/wrong", Field: "property", Text: "message"}},
	Codes:  []string{"/error/id", "/code"},
}

// answering is an application that answers everything in one way.
func answering(t *testing.T, status int, contentType, body string) *sdktest.Host {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return &sdktest.Host{URL: server.URL}
}

// with calls look with the application's answer.
func with(t *testing.T, body string, look func(*sdk.Response)) {
	t.Helper()
	h := answering(t, 400, "application/json", body)
	_, err := h.Check(sdk.Connector{Check: func(c *sdk.Call) error {
		r, err := c.Send(sdk.Request{Path: "/users", Query: map[string]string{"secret": "x"}})
		if err != nil {
			return err
		}
		defer r.Close()
		look(r)
		return nil
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestSaid(t *testing.T) {
	long := strings.Repeat("ü", 201)
	for name, c := range map[string]struct{ body, want string }{
		"a text":               {`{"message":"no such user"}`, `"no such user"`},
		"a number as text":     {`{"message":7}`, `"7"`},
		"two texts":            {`{"message":"b","error":{"text":"a"}}`, `"a", "b"`},
		"an empty text":        {`{"message":""}`, ""},
		"a field's text":       {`{"fields":{"name":"too long"}}`, `"name: too long"`},
		"fields' texts":        {`{"fields":{"b":["x","y"],"a":"z"}}`, `"a: z", "b: x", "b: y"`},
		"fields of no text":    {`{"fields":{"a":[1,null,{}],"b":true,"c":null}}`, ""},
		"fields as a list":     {`{"fields":["a"]}`, ""},
		"a list":               {`{"wrong":[{"property":"a","message":"x"},{"property":"b","message":"y"}]}`, `"a: x", "b: y"`},
		"a list without field": {`{"wrong":[{"message":"x"},{"property":null,"message":"y"}]}`, `"x", "y"`},
		"a list without text":  {`{"wrong":[{"property":"a"},{"property":"b","message":null}]}`, `"a", "b"`},
		"a list of little":     {`{"wrong":[{},{"other":1},{"property":"","message":""}]}`, ""},
		"a list of many":       {`{"wrong":[1,null,"x",{"property":"a","message":"y"}]}`, `"a: y"`},
		"a list of numbers":    {`{"wrong":[{"property":12345678,"message":"x"}]}`, `"12345678: x"`},
		"a list as object":     {`{"wrong":{"property":"a","message":"x"}}`, ""},
		"an empty list":        {`{"wrong":[]}`, ""},
		"a code":               {`{"code":"E400"}`, `code "E400"`},
		"a number as code":     {`{"code":40001}`, `code "40001"`},
		"all of it":            {`{"code":1,"wrong":[{"property":"a","message":"x"}],"fields":{"b":"y"},"message":"m","error":{"id":"I"}}`, `"m", "b: y", "a: x", code "I", code "1"`},
		"other types":          {`{"message":{"a":1},"code":[1],"fields":7,"wrong":"x","error":null}`, ""},
		"nothing":              {`{}`, ""},
		"no object":            {`["message"]`, ""},
		"no JSON":              {`<html>`, ""},
		"no body":              {``, ""},
		"control characters":   {`{"message":"a\nb\u0000\u001b[31m\u2028c\td"}`, `"a\nb\x00\x1b[31m\u2028c\td"`},
		"in a field's name":    {`{"fields":{"a\nb":"c\rd"}}`, `"a\nb: c\rd"`},
		"quotes":               {`{"message":"say \"no\""}`, `"say \"no\""`},
		"a long text":          {`{"message":"` + long + `"}`, `"` + strings.Repeat("ü", 200) + `..."`},
		"no longer than that":  {`{"message":"` + long[2:] + `"}`, `"` + long[2:] + `"`},
		"a long field":         {`{"fields":{"a":"` + long + `"}}`, `"a: ` + strings.Repeat("ü", 197) + `..."`},
	} {
		want := c.want
		if want != "" {
			want = ", it says " + want
		}
		with(t, c.body, func(r *sdk.Response) {
			if got := envelope.Said(r); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
			if got := (sdk.Envelope{}).Said(r); got != "" {
				t.Errorf("%s: an envelope of nothing said %s", name, got)
			}
		})
	}
}

func TestDecodeAndBad(t *testing.T) {
	with(t, `{"id":7,"name":"Ann","null":null,"list":["a"]}`, func(r *sdk.Response) {
		var id int
		var name string
		var list []string
		if !r.Decode("/id", &id) || !r.Decode("/name", &name) || !r.Decode("/list", &list) || id != 7 || name != "Ann" || len(list) != 1 {
			t.Errorf("read %d, %q, %q", id, name, list)
		}
		for _, at := range []string{"/none", "/name", "/list", "", "id"} {
			if r.Decode(at, &id) {
				t.Errorf("%q was read as a number: %d", at, id)
			}
		}
		err := r.Bad("%s is not there: 100%%", "id")
		if err.Kind != abi.KindBadResponse || err.Status != 400 || err.Message != "GET /users: id is not there: 100%" {
			t.Errorf("got %+v", err)
		}
	})
	with(t, `<html>`, func(r *sdk.Response) {
		if r.Decode("", new(any)) {
			t.Error("a page was read")
		}
	})
}

func TestTry(t *testing.T) {
	for name, c := range map[string]struct {
		status      int
		contentType string
		body        string
		state       abi.RightState
		kind        abi.Kind // when it fails
		text        string   // of the finding's reason, or the failure
		asked       int
	}{
		"success":            {200, "application/json", `{}`, abi.RightGranted, 0, "GET /admin answered 200, not 403", 1},
		"nothing to say":     {204, "", ``, abi.RightGranted, 0, "GET /admin answered 204, not 403", 1},
		"a bad request":      {400, "application/json", `{}`, abi.RightGranted, 0, "GET /admin answered 400, not 403", 1},
		"nobody there":       {404, "application/json", `{}`, abi.RightGranted, 0, "GET /admin answered 404, not 403", 1},
		"a conflict":         {409, "application/json", `{}`, abi.RightGranted, 0, "GET /admin answered 409, not 403", 1},
		"forbidden":          {403, "application/json", `{"message":"not you"}`, abi.RightLacking, 0, `GET /admin answered 403, it says "not you". Ask for it`, 1},
		"forbidden silently": {403, "", ``, abi.RightLacking, 0, "GET /admin answered 403. Ask for it", 1},
		"a page":             {403, "text/html", `<html>`, "", abi.KindBlocked, "GET /admin answered 403 with an HTML page", 1},
		"a page, untold":     {403, "application/json", ` <!doctype html>`, "", abi.KindBlocked, "HTML page", 1},
		"a page not found":   {404, "text/html", `<html>`, "", abi.KindConfig, "GET /admin answered 404 with an HTML page", 1},
		"credentials":        {401, "application/json", `{}`, "", abi.KindAuth, "GET /admin answered 401", 1},
		"too many":           {429, "application/json", `{}`, "", abi.KindRateLimited, "GET /admin answered 429", 2},
		"too slow":           {408, "application/json", `{}`, "", abi.KindUnavailable, "GET /admin answered 408", 2},
		"a fault":            {500, "application/json", `{}`, "", abi.KindUnavailable, "GET /admin answered 500", 2},
		"away":               {503, "text/html", `<html>`, "", abi.KindUnavailable, "GET /admin answered 503", 2},
	} {
		t.Run(name, func(t *testing.T) {
			h := answering(t, c.status, c.contentType, c.body)
			h.Retry.Attempts = 2
			var found abi.Finding
			_, err := h.Check(sdk.Connector{Check: func(call *sdk.Call) (err error) {
				found, err = sdk.Try(call, sdk.Request{Path: "/admin"}, "admin", "Ask for it", sdk.Classify, envelope.Said)
				return err
			}})
			if asked := 1 + len(h.Waits); found.Right != "admin" || found.State != c.state || asked != c.asked {
				t.Errorf("found %+v, asked %d times", found, asked)
			}
			if c.state == "" {
				fails(t, err, c.kind, c.text)
			} else if err != nil || found.Reason != c.text {
				t.Errorf("found %q, want %q, %v", found.Reason, c.text, err)
			}
		})
	}
}

// A connector's own classifier decides what a status alone does not show.
func TestTryAsksTheClassifier(t *testing.T) {
	h := answering(t, 200, "application/json", `{"success":false}`)
	_, err := h.Check(sdk.Connector{Check: func(c *sdk.Call) error {
		_, err := sdk.Try(c, sdk.Request{Path: "/admin"}, "admin", "", func(r *sdk.Response) error { return r.Bad("it failed") }, envelope.Said)
		return err
	}})
	fails(t, err, abi.KindBadResponse, "GET /admin: it failed")
}

func TestRepeated(t *testing.T) {
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(code) }
	}
	for name, c := range map[string]struct {
		answers []func(http.ResponseWriter)
		again   bool
		want    string // before each attempt
	}{
		"at once":                   {[]func(http.ResponseWriter){status(200)}, false, "no"},
		"after a lost answer":       {[]func(http.ResponseWriter){lose, status(200)}, false, "no yes"},
		"after a fault":             {[]func(http.ResponseWriter){status(503), status(200)}, false, "no yes"},
		"after it was refused":      {[]func(http.ResponseWriter){status(429), status(200)}, false, "no no"},
		"lost, then refused":        {[]func(http.ResponseWriter){lose, status(429), status(200)}, false, "no yes yes"},
		"refused, then lost":        {[]func(http.ResponseWriter){status(429), lose, status(200)}, false, "no no yes"},
		"again":                     {[]func(http.ResponseWriter){status(200)}, true, "yes"},
		"again, after it was asked": {[]func(http.ResponseWriter){status(429), status(200)}, true, "yes yes"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				c.answers[asked-1](w)
			}))
			defer server.Close()
			var got []string
			h := &sdktest.Host{URL: server.URL}
			_, err := h.Invoke(sdk.Connector{Invoke: func(c *sdk.Call) error {
				return sdk.Delivery{Repeatable: true, Prepare: func(c *sdk.Call, _ *sdk.Request) (*sdk.Response, error) {
					got = append(got, map[bool]string{true: "yes", false: "no"}[c.Repeated()])
					return nil, nil
				}}.Run(c)
			}}, abi.InvokeCall{Again: c.again, Webhook: abi.Webhook{Path: "/users", Body: `{}`}})
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %s, %v", got, c.want, err)
			}
		})
	}
}
