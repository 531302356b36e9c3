//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// single is the request for the record with a key, as the agent makes it.
func single(e abi.Endpoint, key string) abi.Endpoint {
	params := map[string]string{}
	for name, text := range e.One.Params {
		params[name] = strings.ReplaceAll(text, "{{ key }}", key)
	}
	return abi.Endpoint{
		Name: e.Name, Kind: e.Kind, Path: strings.ReplaceAll(e.One.Path, "{{ key }}", key), Params: params, Records: e.One.Records, Key: e.Key,
		Cost: e.One.Cost, Scopes: e.Scopes, Rights: e.Rights, Single: true,
	}
}

// One record is what the list has under its key, in every form that the
// documentation leaves open; a key that is not there is no error.
func TestASingleRecord(t *testing.T) {
	readings := []map[string]string{
		nil, {"get_one": "list"}, {"unknown_person": "400"}, {"unknown_person": "200"}, {"unknown_agent": "400"},
	}
	for _, reading := range readings {
		for _, name := range []string{"people", "agents"} {
			e := endpoint(t, name)
			s := newScene(t, sim.Options{Seed: 1, People: 5, Agents: 5, Readings: reading})
			if err := s.host.Fetch(connector(), e); err != nil {
				t.Fatal(err)
			}
			want := s.host.Records[3]
			s.host.Records = nil
			if err := s.host.Fetch(connector(), single(e, want.Key)); err != nil {
				t.Fatalf("%s %v: %v", name, reading, err)
			}
			if got := s.host.Records; len(got) != 1 || got[0].Key != want.Key || got[0].Fields["displayName"] != want.Fields["displayName"] {
				t.Errorf("%s %v: %+v, want %+v", name, reading, got, want)
			}
			absent := "999999"
			if name == "agents" { // an id of the right form
				absent = strings.Repeat("F", len(want.Key))
			}
			s.host.Records = nil
			if err := s.host.Fetch(connector(), single(e, absent)); err != nil || len(s.host.Records) != 0 {
				t.Errorf("%s %v: a key that is not there: %v, %+v", name, reading, err, s.host.Records)
			}
		}
	}
	s := newScene(t, sim.Options{Seed: 1, People: 5})
	s.host.Authorize = nil
	fails(t, s.host.Fetch(connector(), single(endpoint(t, "people"), "1")), abi.KindAuth)
}
