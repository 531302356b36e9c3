//go:build !wasip1

package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestRights(t *testing.T) {
	need := func(right string) abi.Need { return abi.Need{Use: "webhook w", Rights: []string{right}} }
	const sees, blind = `{"success":true,"data":{"can_see_other_users":true}}`, `{"success":true,"data":{"can_see_other_users":false}}`
	for _, c := range []struct {
		name, access, permissions, right string
		want                             abi.RightState
		reason                           string
	}{
		{"global admin", `[{"app":"sales","admin":false},{"app":"global","admin":true}]`, blind, "admin", abi.RightGranted, "user 7 is a global admin"},
		{"global admin's settings", `[{"app":"global","admin":true}]`, blind, "account settings", abi.RightGranted, "user 7 is a global admin"},
		{"global admin's users", `[{"app":"global","admin":true}]`, blind, "see other users", abi.RightGranted, "user 7 is a global admin"},
		{"no admin", `[{"app":"sales","admin":true},{"app":"global","admin":false},{"app":"account_settings","admin":true}]`, blind, "admin", abi.RightLacking, "is not one who is a global admin"},
		{"settings", `[{"app":"account_settings","admin":true}]`, blind, "account settings", abi.RightGranted, "administers the account settings"},
		{"no settings", `[{"app":"account_settings","admin":false}]`, blind, "account settings", abi.RightLacking, "let a global admin give the access"},
		{"no access at all", `[]`, blind, "admin", abi.RightLacking, "let a global admin give the access"},
		{"unknown app", `[{"app":"nova","admin":true}]`, blind, "admin", abi.RightLacking, "global admin"},
		{"absent", ``, sees, "admin", abi.RightUnknown, "does not tell what user 7 has access to"},
		{"null", `null`, sees, "see other users", abi.RightUnknown, "does not tell what user 7 has access to"},
		{"of another form", `{"global":true}`, sees, "admin", abi.RightUnknown, "does not tell"},
		{"sees", `[{"app":"sales","admin":false}]`, sees, "see other users", abi.RightGranted, "can_see_other_users is true"},
		{"does not see", `[{"app":"sales","admin":false}]`, blind, "see other users", abi.RightLacking, "would count as missing"},
		{"not said", `[{"app":"sales","admin":false}]`, `{"success":true,"data":{}}`, "see other users", abi.RightUnknown, "does not tell can_see_other_users"},
		{"not to be read", `[{"app":"sales","admin":false}]`, `{"success":false,"error":"no"}`, "see other users", abi.RightUnknown, "cannot be read"},
		{"word of the configuration", `[{"app":"sales","admin":false}]`, sees, "fly", abi.RightUnknown, "knows the rights"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, sim.Options{})
			me := `{"success":true,"data":{"id":7,"email":"a@example.org","company_domain":"x"}}`
			if c.access != "" {
				me = strings.Replace(me, `"id":7`, `"id":7,"access":`+c.access, 1)
			}
			s.host.Client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == mePath {
					return answers(me)(r)
				}
				return answers(c.permissions)(r)
			})
			findings, err := s.host.Check(connector(), need(c.right))
			if err != nil || len(findings) != 1 {
				t.Fatalf("%v, %v", findings, err)
			}
			f := findings[0]
			if f.Use != "webhook w" || f.Right != c.right || f.State != c.want || !strings.Contains(f.Reason, c.reason) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestRightsOfEverythingAtTheSimulator(t *testing.T) {
	m := manifest(t)
	var needs []abi.Need
	for _, e := range m.Endpoints {
		needs = append(needs, abi.Need{Use: "endpoint " + e.Name, Method: e.Method, Path: e.Path, Rights: e.Rights})
	}
	for _, w := range m.Webhooks {
		needs = append(needs, abi.Need{Use: "webhook " + w.Name, Method: w.Method, Path: w.Path, Rights: w.Rights})
		for _, r := range w.Rights {
			if whoHas(r) == "" {
				t.Errorf("webhook %s: right %q is not known", w.Name, r)
			}
		}
	}
	s := newScene(t, quiet())
	findings, err := s.host.Check(connector(), needs...)
	if err != nil || len(findings) == 0 {
		t.Fatal(findings, err)
	}
	if i := slices.IndexFunc(findings, func(f abi.Finding) bool { return f.State != abi.RightGranted }); i >= 0 {
		t.Errorf("the simulator's admin: %+v", findings[i])
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests: %v", n, s.requests())
	}
}
