//go:build !wasip1

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// otherReadings are all answers to the open questions but the first ones,
// which every other test runs with: together, or at full size one at a time,
// which takes minutes.
func otherReadings() (list []map[string]string) {
	for _, r := range sim.Readings() {
		for i, value := range r.Values[1:] {
			switch {
			case soak.Full():
				list = append(list, map[string]string{r.Name: value})
			case i == len(list):
				list = append(list, map[string]string{r.Name: value})
			default:
				list[i][r.Name] = value
			}
		}
	}
	return list
}

// Where the vendor's documentation is open, the connector must cope with each
// answer.
func TestEveryReadingOfTheDocumentation(t *testing.T) {
	for _, readings := range otherReadings() {
		t.Run(fmt.Sprint(readings), func(t *testing.T) {
			options := quiet()
			options.Readings = readings
			for name, o := range operations() {
				t.Run(name, func(t *testing.T) { o.deliverTwice(t, name, options) })
			}
			cases := endpoints()
			for _, e := range manifest(t).Endpoints {
				s := newScene(t, options)
				want := cases[e.Name](t, s)
				if err := s.host.Fetch(connector(), e); err != nil || len(s.host.Records) != want {
					t.Errorf("endpoint %s: %d records, want %d, %v", e.Name, len(s.host.Records), want, err)
				}
			}
		})
	}
}

// Nobody knows how Pipedrive answers these requests; each failure must be
// reported clearly.
func TestRefusalsInEveryReading(t *testing.T) {
	for _, c := range []struct {
		reading, webhook, key string
		options               sim.Options
		message               []string
	}{
		{"seat_status", "create_user", "", sim.Options{People: 5, Seats: 1}, []string{"no room for another one", "feature_capping_users_limit", "Free a seat"}},
		{"put_deleted", "deactivate_user", "2", sim.Options{People: 5}, []string{"PUT /v1/users/2", "deleted permanently"}},
		{"unknown_role", "update_role", "999", sim.Options{People: 5}, []string{"PUT /v1/roles/999", "nothing of that id"}},
		{"too_many_body", "deactivate_user", "2", sim.Options{People: 5}, []string{"answered 429", "too many requests"}},
	} {
		for _, r := range sim.Readings() {
			if r.Name != c.reading {
				continue
			}
			for _, value := range r.Values {
				t.Run(r.Name+"="+value, func(t *testing.T) {
					c.options.Readings = map[string]string{r.Name: value}
					s := newScene(t, c.options)
					if c.reading == "put_deleted" {
						if _, err := s.sim.Delete(2); err != nil {
							t.Fatal(err)
						}
					}
					if c.reading == "too_many_body" {
						s.fault(t, sim.Fault{Kind: sim.TooMany})
					}
					v := group(link(c.key))
					v["ad.mail"] = "new@example.org"
					_, err := s.host.Invoke(connector(), abi.InvokeCall{Webhook: render(t, c.webhook, v)})
					if err == nil {
						t.Fatal("it is carried out")
					}
					for _, part := range c.message {
						if !strings.Contains(err.Error(), part) {
							t.Errorf("%q does not hold %q", err, part)
						}
					}
				})
			}
		}
	}
}
