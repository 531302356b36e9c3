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

func TestObjectKeepsWhatItDoesNotKnow(t *testing.T) {
	o, err := sdk.ParseObject(` {"b": 12345678901234567890.10, "a": {"deep": 1.50, "list": [1e2]}, "c": null, "d": "<{{secret:key}}&>"} `)
	if err != nil {
		t.Fatal(err)
	}
	o.Set("e", "a&b")
	if want := `{"a":{"deep":1.50,"list":[1e2]},"b":12345678901234567890.10,"c":null,"d":"<{{secret:key}}&>","e":"a&b"}`; o.String() != want {
		t.Errorf("got %s\nwant %s", o, want)
	}
}

func TestObjectWantsAnObject(t *testing.T) {
	for _, body := range []string{"", "null", "[]", "7", `"text"`, `{"a":1`, `{"a":1} x`} {
		_, err := sdk.ParseObject(body)
		if err == nil || sdk.KindOf(err) != abi.KindConfig || !strings.HasPrefix(err.Error(), "nothing was sent: the body is not a JSON object") || strings.Contains(err.Error(), "nil") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestObjectMembers(t *testing.T) {
	o, err := sdk.ParseObject(`{"text":"x","number":7,"null":null,"list":["a"],"empty":""}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"text": "x", "number": "", "null": "", "list": "", "empty": "", "none": ""} {
		if got := o.Text(name); got != want {
			t.Errorf("Text(%s) = %q", name, got)
		}
	}
	for name, want := range map[string]bool{"text": true, "empty": true, "null": false, "none": false} {
		var text string
		if there, err := o.Get(name, &text); there != want || err != nil {
			t.Errorf("Get(%s) = %v, %v", name, there, err)
		}
	}
	var text string
	if there, err := o.Get("number", &text); there || err == nil || sdk.KindOf(err) != abi.KindConfig || !strings.Contains(err.Error(), "nothing was sent: number of the body") {
		t.Errorf("Get of another type = %v, %v", there, err)
	}
}

func TestReduce(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"all wanted":        {`{"tags":["a","b"],"x":1}`, `{"tags":["a","b"],"x":1}`},
		"some unwanted":     {`{"tags":["a","no","b"]}`, `{"tags":["a","b"]}`},
		"duplicates":        {`{"tags":["b","a","b","a"]}`, `{"tags":["b","a"]}`},
		"escaped duplicate": {`{"tags":["a","\u0061"]}`, `{"tags":["a"]}`},
		"nothing left":      {`{"tags":["no","no"],"x":1}`, `{"x":1}`},
		"empty":             {`{"tags":[]}`, `{}`},
		"null in it":        {`{"tags":["a",null,"no"]}`, `{"tags":["a",null]}`},
		"null":              {`{"tags":null}`, `{"tags":null}`},
		"none":              {`{"x":1}`, `{"x":1}`},
		"not a list":        {`{"tags":"a"}`, "nothing was sent: tags of the body"},
		"another type":      {`{"tags":["a",7]}`, "nothing was sent: tags of the body"},
	} {
		o, err := sdk.ParseObject(c.body)
		if err != nil {
			t.Fatal(err)
		}
		err = sdk.Reduce(o, "tags", func(tag string) bool { return tag != "no" })
		switch {
		case err != nil:
			if !strings.Contains(err.Error(), c.want) || sdk.KindOf(err) != abi.KindConfig || o.String() != c.body {
				t.Errorf("%s: %s, %v", name, o, err)
			}
		case o.String() != c.want:
			t.Errorf("%s: got %s, want %s", name, o, c.want)
		}
	}
}

// Elements that stay keep the members and digits that the connector does not
// know.
func TestReduceKeepsElements(t *testing.T) {
	o, err := sdk.ParseObject(`{"phones":[{"number":"1","rank":12345678901234567890},{"number":"2"},{"rank": 12345678901234567890, "number":"1"},{"number":"1","rank":12345678901234567891}]}`)
	if err != nil {
		t.Fatal(err)
	}
	type phone struct {
		Number string `json:"number"`
	}
	want := `{"phones":[{"number":"1","rank":12345678901234567890},{"number":"1","rank":12345678901234567891}]}`
	if err := sdk.Reduce(o, "phones", func(p phone) bool { return p.Number != "2" }); err != nil || o.String() != want {
		t.Errorf("got %s\nwant %s, %v", o, want, err)
	}
}

func TestComplete(t *testing.T) {
	for name, c := range map[string]struct{ body, answer, want string }{
		"adds what is missing":  {`{"name":"Ann"}`, `{"name":"Old","enabled":false,"role":{"id":12345678901234567890}}`, `{"enabled":false,"name":"Ann","role":{"id":12345678901234567890}}`},
		"what is given wins":    {`{"name":"Ann","enabled":true,"role":null}`, `{"name":"Old","enabled":false,"role":"x"}`, `{"enabled":true,"name":"Ann","role":null}`},
		"others are not added":  {`{"extra":1}`, `{"name":"Old","enabled":false,"role":"x","id":7,"createdAt":"now"}`, `{"enabled":false,"extra":1,"name":"Old","role":"x"}`},
		"all given, none there": {`{"name":"Ann","enabled":true,"role":"x"}`, `{}`, `{"enabled":true,"name":"Ann","role":"x"}`},
		"one is missing":        {`{"name":"Ann"}`, `{"enabled":false}`, "GET /agents/7: the answer does not tell role, which would be lost"},
		"one is null":           {`{"name":"Ann"}`, `{"enabled":null,"role":"x"}`, "GET /agents/7: the answer does not tell enabled, which would be lost"},
		"a list is there":       {`{"name":"Ann"}`, `[{"enabled":false,"role":"x"}]`, "does not tell enabled"},
		"no JSON is there":      {`{"name":"Ann"}`, `OK`, "GET /agents/7: not JSON"},
		"no object is given":    {`["Ann"]`, `{}`, "nothing was sent: the body is not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					_, _ = io.WriteString(w, c.answer)
					return
				}
				body, _ := io.ReadAll(r.Body)
				sent = append(sent, r.URL.Path+" "+string(body))
			}))
			defer server.Close()
			h := &sdktest.Host{URL: server.URL}
			_, err := h.Invoke(completing, abi.InvokeCall{Webhook: abi.Webhook{Method: "PUT", Path: "/agents/7", Body: c.body}})
			if err != nil {
				if !strings.Contains(err.Error(), c.want) || len(sent) != 0 {
					t.Errorf("sent %q, %v", sent, err)
				}
			} else if len(sent) != 1 || sent[0] != "/agents/7 "+c.want {
				t.Errorf("sent %q, want %s", sent, c.want)
			}
		})
	}
}

var completing = sdk.Connector{Invoke: func(c *sdk.Call) error {
	return sdk.Delivery{Prepare: func(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
		return nil, sdk.Complete(c, req, nil, "name", "enabled", "role")
	}}.Run(c)
}}

// Nothing is sent when a member that would be lost cannot be read.
func TestCompleteWithoutAnAnswer(t *testing.T) {
	put := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			put++
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	h := &sdktest.Host{URL: server.URL}
	_, err := h.Invoke(completing, abi.InvokeCall{Webhook: abi.Webhook{Method: "PUT", Path: "/agents/7", Body: `{"name":"Ann"}`}})
	fails(t, err, abi.KindConfig, "GET /agents/7 answered 404")
	if put != 0 {
		t.Errorf("%d were sent", put)
	}
}
