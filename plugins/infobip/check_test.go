//go:build !wasip1

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// needs are all of the manifest, as a configuration that uses everything has
// them.
func needs(t *testing.T) (list []abi.Need) {
	t.Helper()
	m := manifest(t)
	for _, e := range m.Endpoints {
		list = append(list, abi.Need{Use: "endpoint " + e.Name, Method: e.Method, Path: e.Path, Rights: e.Rights})
	}
	for _, w := range m.Webhooks {
		list = append(list, abi.Need{Use: "webhook " + w.Name, Method: w.Method, Path: w.Path, Rights: w.Rights})
	}
	return list
}

// Every right is checked once and reported correctly, and checking changes
// nothing.
func TestRights(t *testing.T) {
	for _, r := range soak.Some(t, 4, sim.Readings()) {
		for _, value := range r.Values {
			for _, scope := range sim.AllScopes() {
				s := newOperations(t, map[string]string{r.Name: value})
				before := s.state(t)
				s.sim.SetScopes(scope)
				requests := len(s.requests())
				found, err := s.host.Check(connector(), needs(t)...)
				if err != nil {
					t.Fatal(err)
				}
				if n := len(s.requests()) - requests; n != 5 {
					t.Errorf("%d requests", n)
				}
				for _, f := range found {
					implied := strings.HasSuffix(f.Right, ":read") && scope == strings.TrimSuffix(f.Right, "read")+"manage"
					want := abi.RightLacking
					if f.Right == scope || implied {
						want = abi.RightGranted
					}
					if f.State != want || f.Reason == "" || f.Use == "" {
						t.Errorf("%s=%s: with %s: %+v", r.Name, value, scope, f)
					}
				}
				s.sim.SetScopes(sim.AllScopes()...)
				if s.state(t) != before {
					t.Error("the check changed something")
				}
			}
		}
	}
}

func TestRightsOfRequestsOfOnesOwn(t *testing.T) {
	s := newScene(t, sim.Options{Scopes: []string{"people:read"}})
	found, err := s.host.Check(connector(),
		abi.Need{Use: "endpoint segments", Method: "GET", Path: "/people/3/segments"},
		abi.Need{Use: "webhook mine", Method: "POST", Path: "/people/2/companies"},
		abi.Need{Use: "webhook other", Method: "POST", Path: "/sms/3/messages", Rights: []string{"sms:message:send"}},
		abi.Need{Use: "webhook unknown", Method: "POST", Path: "/sms/3/messages"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprint(f.Use, " ", f.Right, " ", f.State))
	}
	if text := strings.Join(got, ", "); text != "endpoint segments people:read granted, webhook mine people:manage lacking, webhook other sms:message:send unknown" {
		t.Error(text)
	}
}

// Without needs, a check says whether the credentials are accepted; a missing
// scope does not make them wrong.
func TestCheck(t *testing.T) {
	for _, scopes := range [][]string{{"people:read"}, {"conversations:read"}} {
		s := newScene(t, sim.Options{People: 1, Scopes: scopes})
		found, err := s.host.Check(connector())
		if err != nil || len(found) > 0 || len(s.host.Lines) != 1 || !strings.Contains(s.host.Lines[0], "accepts the credentials") {
			t.Errorf("%v, %v, %v", err, found, s.host.Lines)
		}
	}
	for _, c := range []struct {
		fault   sim.Fault
		kind    abi.Kind
		message string
	}{
		{sim.Fault{Kind: sim.HTML}, abi.KindBadResponse, "HTML page instead of JSON"},
		{sim.Fault{Kind: sim.Blocked}, abi.KindBlocked, "answered 403 with an HTML page"},
		{sim.Fault{Kind: sim.Status, Code: 401}, abi.KindAuth, "does not accept the credentials"},
		{sim.Fault{Kind: sim.Status, Code: 503}, abi.KindUnavailable, "answered 503"},
		{sim.Fault{Kind: sim.TooMany}, abi.KindRateLimited, "answered 429"},
		{sim.Fault{Kind: sim.Reset}, abi.KindUnavailable, ""},
	} {
		s := newScene(t, sim.Options{People: 1})
		s.fault(t, c.fault)
		_, err := s.host.Check(connector(), needs(t)...)
		fails(t, err, c.kind, "GET /people/2/persons", c.message)
	}
}
