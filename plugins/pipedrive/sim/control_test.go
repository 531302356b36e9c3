package sim

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestControl(t *testing.T) {
	s := New(Options{Seed: 1, People: 5})
	control := func(method, path, body string, status int) string {
		t.Helper()
		got := do(t, s, method, path, body)
		if got.status != status {
			t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
		}
		return got.body
	}
	control("PATCH", "/_sim/users/2", `{"name":"Ada King","email":null,"phone":"1"}`, 200)
	control("POST", "/_sim/users", `{"name":"Bo Ek","email":"bo@example.org"}`, 200)
	control("POST", "/_sim/users/3/deactivate", "", 200)
	control("DELETE", "/_sim/users/4", "", 200)
	control("POST", "/_sim/users/5/remove", "", 200)
	all := decode(t, get(t, s, "/v1/users")).Data
	if len(all) != 5 || all[1].Name != "Ada King" || !all[1].Email.Null || all[1].Phone.Value != "" || all[2].ActiveFlag || !all[3].IsDeleted ||
		all[4].ID != 6 || all[4].Name != "Bo Ek" || !all[4].ActiveFlag || !all[4].Activated {
		t.Errorf("%+v", all)
	}
	if got := get(t, s, "/v1/users/5"); got.status != 404 {
		t.Errorf("a removed user: %d", got.status)
	}
	control("POST", "/_sim/users/3/activate", "", 200)
	if u, _ := s.User(3); !u.ActiveFlag {
		t.Error("not activated")
	}

	control("POST", "/_sim/paging", `{"form":"cursor","size":2}`, 204)
	if l := decode(t, get(t, s, "/v1/users")); len(l.Data) != 2 {
		t.Errorf("a page of %d", len(l.Data))
	}
	control("POST", "/_sim/faults", `{"kind":"data_null","times":1}`, 204)
	if faults := control("GET", "/_sim/faults", "", 200); !strings.Contains(faults, `"kind":"data_null"`) {
		t.Error(faults)
	}
	control("DELETE", "/_sim/faults", "", 204)
	control("POST", "/_sim/reset", "", 204)
	if l := decode(t, get(t, s, "/v1/users")); len(l.Data) != 5 || l.Data[1].Name == "Ada King" || l.Data[3].IsDeleted {
		t.Errorf("after the reset: %+v", l.Data)
	}

	var code struct{ Code string }
	if err := json.Unmarshal([]byte(control("POST", "/_sim/oauth/code", `{"redirect_uri":"http://127.0.0.1/"}`, 200)), &code); err != nil || code.Code == "" {
		t.Errorf("code %+v, %v", code, err)
	}
	bearer := s.IssueAccessToken("base")
	control("POST", "/_sim/oauth/expire", "", 204)
	if got := do(t, s, "GET", "/v1/users/me", "", "Authorization", "Bearer "+bearer); got.status != 401 {
		t.Errorf("expired token: %d", got.status)
	}
	control("POST", "/_sim/oauth/revoke", "", 204)
	if stats := control("GET", "/_sim/stats", "", 200); !strings.Contains(stats, `"requests":5`) || !strings.Contains(stats, `"tokens_spent":62`) {
		t.Error(stats)
	}
	if help := control("GET", "/_sim/", "", 200); !strings.Contains(help, "/_sim/faults") {
		t.Error(help)
	}
}

func TestControlRefusals(t *testing.T) {
	s := New(Options{Seed: 1, People: 2})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"PATCH", "/_sim/users/9", `{"name":"x"}`, 404},
		{"PATCH", "/_sim/users/1", `{"nme":"x"}`, 400},
		{"PATCH", "/_sim/users/1", `{"id":7}`, 400},
		{"PATCH", "/_sim/users/1", `{"name":7}`, 400},
		{"DELETE", "/_sim/users/x", ``, 400},
		{"POST", "/_sim/users/9/remove", ``, 404},
		{"POST", "/_sim/users", `{"nme":"x"}`, 400},
		{"POST", "/_sim/faults", `{"kind":"x"}`, 400},
		{"POST", "/_sim/faults", `{"kind":"truncate"}`, 400},
		{"POST", "/_sim/faults", `{"kind":"latency","delay":"x"}`, 400},
		{"POST", "/_sim/faults", `{"kind":"status","code":200}`, 400},
		{"POST", "/_sim/faults", `{"kind":"html","times":-1}`, 400},
		{"POST", "/_sim/paging", `{"form":"x"}`, 400},
		{"GET", "/_sim/nothing", ``, 404},
	} {
		if got := do(t, s, c.method, c.path, c.body); got.status != c.status {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, got.status, got.body)
		}
	}
	if _, err := s.Rename(9, "x"); !errors.Is(err, ErrNoUser) {
		t.Errorf("rename: %v", err)
	}
}

func TestRequestsAreRememberedWithoutCredentials(t *testing.T) {
	s := New(Options{})
	get(t, s, "/v1/users?limit=1")
	do(t, s, "GET", "/v1/users/me", "", "Authorization", "Bearer x")
	want := []Request{
		{Method: "GET", Path: "/v1/users", Query: "limit=1", Auth: "api_token", Status: 200},
		{Method: "GET", Path: "/v1/users/me", Auth: "bearer", Status: 401},
	}
	if got := s.Requests(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v", got)
	}
}
