package abi_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestRefuses(t *testing.T) {
	m := abi.Manifest{Cannot: []abi.Limitation{
		{Operation: "told only", Reason: "r"},
		{Operation: "delete", Reason: "r", Method: "DELETE", Path: "/v1/users/*"},
		{Operation: "rename", Reason: "r", Method: "PUT", Path: "/v1/users/*", Only: []string{"active_flag"}},
		{Operation: "identify", Reason: "r", Method: "PATCH", Path: "/people/2/persons", Fields: []string{"id", "createdAt"}},
	}}
	for _, c := range []struct {
		method, target, body string
		form                 bool
		want                 string
	}{
		{"DELETE", "/v1/users/5", "", false, "delete"},
		{"delete", "/api/v1/users/5/", "", false, "delete"},
		{"DELETE", "/v1/users/5?x=1", "", false, "delete"},
		{"DELETE", "https://co.example.com/api/v1/users/5?x=%2F", "", false, "delete"},
		{"DELETE", "/v1/%75sers/5", "", false, "delete"},
		{"DELETE", "/v1/users/5/.", "", false, "delete"},
		{"DELETE", "/v1/users/x/%2E%2e/5", "", false, "delete"},
		{"DELETE", "/../..", "", false, ""},
		{"DELETE", "/v1/users/5/followers", "", false, ""},
		{"DELETE", "/v1/users", "", false, ""},
		{"DELETE", "/users/5", "", false, ""},
		{"DELETE", "/v1/users//", "", false, ""},
		{"GET", "/v1/users/5", "", false, ""},
		{"PUT", "/v1/users/5", `{"active_flag": false}`, false, ""},
		{"PUT", "/v1/users/5", ``, false, ""},
		{"PUT", "/v1/users/5", `{"active_flag": false, "name": "x"}`, false, "rename"},
		{"PUT", "/v1/users/5", `[1]`, false, "rename"},
		{"PUT", "/v1/users/5", `{"name"`, false, "rename"},
		{"PUT", "/v1/users/5", `active_flag=0`, true, ""},
		{"PUT", "/v1/users/5", `active_flag=0&name=x`, true, "rename"},
		{"PATCH", "/people/2/persons?type=ID", `{"firstName": "x"}`, false, ""},
		{"PATCH", "/people/2/persons?type=ID", `{"firstName": "x", "id": 7}`, false, "identify"},
		{"PATCH", "/people/2/persons", `"text"`, false, ""},
	} {
		w := abi.Webhook{Method: c.method, Path: c.target, Body: c.body}
		if strings.HasPrefix(c.target, "https:") {
			w.Path, w.URL = "", c.target
		}
		if c.form {
			w.MessageType = abi.MessageForm
		}
		l, refused := m.Refuses(w)
		if l.Operation != c.want || refused != (c.want != "") {
			t.Errorf("%s %s %s: refused as %q, want %q", c.method, c.target, c.body, l.Operation, c.want)
		}
	}
}

func FuzzRefuses(f *testing.F) {
	f.Add("/v1/users/*", "/v1/users/5", `{"name":1}`)
	f.Add("/*", "%zz/", "a=b&%")
	f.Fuzz(func(t *testing.T, pattern, path, body string) {
		m := abi.Manifest{Cannot: []abi.Limitation{{Method: "PUT", Path: pattern, Only: []string{"a"}}}}
		for _, w := range []abi.Webhook{{Method: "PUT", Path: path, Body: body}, {Method: "PUT", URL: path, Body: body, MessageType: abi.MessageForm}} {
			if _, refused := m.Refuses(w); refused && body == "" {
				t.Errorf("pattern %q refuses an empty body", pattern)
			}
		}
	})
}

// values answers the values of an answer by pointer.
func values(list map[string]string) func(string) ([]byte, error) {
	return func(pointer string) ([]byte, error) {
		if v, ok := list[pointer]; ok {
			return []byte(v), nil
		}
		return nil, fmt.Errorf("nothing: %w", abi.CodeNoValue)
	}
}

func TestCandidate(t *testing.T) {
	two := map[string]string{
		"/data": "[{},{}]", "/data/0": "{}", "/data/0/email": `"joann@x.org"`, "/data/0/id": "1",
		"/data/1": "{}", "/data/1/email": `"ANN@x.org"`, "/data/1/id": "2",
	}
	match := map[string]string{"/email": "ann@x.org"}
	for name, c := range map[string]struct {
		answer  map[string]string
		match   map[string]string
		element string
		looked  int
		err     string
	}{
		"letter case does not matter": {two, match, "/data/1", 1, ""},
		"a number":                    {two, map[string]string{"/email": "ann@x.org", "/id": "2"}, "/data/1", 1, ""},
		"every value counts":          {two, map[string]string{"/email": "ann@x.org", "/id": "1"}, "", 2, ""},
		"nobody":                      {two, map[string]string{"/email": "ann"}, "", 2, ""},
		"a field that is not there":   {two, map[string]string{"/phone": ""}, "", 2, ""},
		"an empty list":               {map[string]string{"/data": " []"}, match, "", 0, ""},
		"null":                        {map[string]string{"/data": "null"}, match, "", 0, ""},
		"no list":                     {map[string]string{}, match, "", 0, "no candidates"},
		"an object":                   {map[string]string{"/data": "{}"}, match, "", 0, "no array"},
	} {
		element, looked, err := abi.Verify{Records: "/data", Match: c.match}.Candidate(values(c.answer))
		if element != c.element || looked != c.looked || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q after %d, %v", name, element, looked, err)
		}
	}
	broken := errors.New("broken")
	if _, _, err := (abi.Verify{Records: "/data"}).Candidate(func(string) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("an answer that cannot be read: %v", err)
	}
}
