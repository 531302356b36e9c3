//go:build !wasip1

package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// endpoints says how to try the manifest's endpoints: the number of records
// after a setup, more than fit on a page of the simulator.
func endpoints() map[string]func(*testing.T, scene) int {
	many := func(path, body string) func(*testing.T, scene) int {
		return func(t *testing.T, s scene) int {
			for i := range 7 {
				s.call(t, http.MethodPost, path, fmt.Sprintf(body, i))
			}
			list, _ := s.call(t, http.MethodGet, path+"?limit=500", "").([]any)
			return len(list)
		}
	}
	return map[string]func(*testing.T, scene) int{
		"users":   func(*testing.T, scene) int { return 5 },
		"persons": many("/api/v2/persons", `{"name":"P %d"}`),
		"roles":   many("/v1/roles", `{"name":"R %d"}`),
		"permission_sets": func(t *testing.T, s scene) int {
			list, _ := s.call(t, http.MethodGet, "/v1/permissionSets", "").([]any)
			return len(list)
		},
		"teams":    many("/v1/legacyTeams", `{"name":"T %d","manager_id":1}`),
		"webhooks": many("/v1/webhooks", `{"subscription_url":"https://hooks.example.com/%d","event_action":"*","event_object":"user","name":"x"}`),
	}
}

func TestEveryEndpointDeliversEverything(t *testing.T) {
	cases := endpoints()
	for _, e := range manifest(t).Endpoints {
		setup, ok := cases[e.Name]
		if !ok {
			t.Errorf("endpoint %s is not tried", e.Name)
			continue
		}
		delete(cases, e.Name)
		for _, limit := range []string{e.Params["limit"], "2"} {
			t.Run(e.Name+"/"+limit, func(t *testing.T) {
				s := newScene(t, quiet())
				want := setup(t, s)
				if limit != "" {
					e.Params = map[string]string{"limit": limit}
				}
				for range 2 {
					s.host.Records = nil
					if err := s.host.Fetch(connector(), e); err != nil {
						t.Fatal(err)
					}
					seen := map[string]bool{}
					for _, r := range s.host.Records {
						seen[r.Key] = true
						if r.Key != fmt.Sprint(r.Fields["id"]) {
							t.Errorf("key %s of %v", r.Key, r.Fields)
						}
					}
					if len(seen) != want || len(s.host.Records) != want || want == 0 {
						t.Errorf("%d records with %d keys, want %d", len(s.host.Records), len(seen), want)
					}
				}
			})
		}
	}
	if len(cases) > 0 {
		t.Errorf("not in the manifest: %v", cases)
	}
}

// Every field that the vendor sends is in the manifest, and the other way round.
func TestManifestListsTheFieldsOfEveryRecord(t *testing.T) {
	unsent := map[string]bool{"persons.custom_fields": true, "permission_sets.description": true, "teams.description": true} // optional
	unlisted := map[string]bool{"webhooks.http_auth_password": true}                                                         // a secret is no attribute
	for name, setup := range endpoints() {
		e := endpoint(t, name)
		s := newScene(t, quiet())
		setup(t, s)
		if err := s.host.Fetch(connector(), e); err != nil || len(s.host.Records) == 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		listed := map[string]abi.AttributeType{}
		for _, a := range e.Attributes {
			if a.Value == "" {
				listed[a.Name] = a.Type
			}
		}
		for field, value := range s.host.Records[0].Fields {
			is, ok := listed[field]
			if !ok && !unlisted[name+"."+field] {
				t.Errorf("%s: %s is not listed", name, field)
			}
			if _, isBool := value.(bool); ok && value != nil && isBool != (is == abi.TypeBool) {
				t.Errorf("%s: %s is listed as %s and sent as %T", name, field, is, value)
			}
			delete(listed, field)
		}
		for field := range listed {
			if !unsent[name+"."+field] {
				t.Errorf("%s: %s is listed and not sent", name, field)
			}
		}
	}
}
