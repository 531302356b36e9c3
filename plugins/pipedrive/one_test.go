//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// single is the request for the record with a key, as the agent makes it.
func single(e abi.Endpoint, key string) abi.Endpoint {
	return abi.Endpoint{
		Name: e.Name, Kind: e.Kind, Path: strings.ReplaceAll(e.One.Path, "{{ key }}", key), Records: e.One.Records, Key: e.Key,
		Cost: e.One.Cost, Scopes: e.Scopes, Rights: e.Rights, Single: true,
	}
}

// One record is what the list has under its key, for one request; a key that is
// not there is no error, and an answer that is no record is one.
func TestASingleRecord(t *testing.T) {
	for _, name := range []string{"users", "persons"} {
		e := endpoint(t, name)
		s := newScene(t, sim.Options{Seed: 1, People: 5, Persons: 5})
		if err := s.host.Fetch(connector(), e); err != nil {
			t.Fatal(err)
		}
		listed := s.host.Records
		if len(listed) == 0 {
			t.Fatal("the list is empty")
		}
		want := listed[len(listed)-1]
		s.host.Records = nil
		before := len(s.sim.Requests())
		if err := s.host.Fetch(connector(), single(e, want.Key)); err != nil {
			t.Fatal(err)
		}
		if got := s.host.Records; len(got) != 1 || got[0].Key != want.Key || got[0].Fields["name"] != want.Fields["name"] {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		for field := range want.Fields {
			if _, there := s.host.Records[0].Fields[field]; !there {
				t.Errorf("%s: the single record lacks %s, which the list has", name, field)
			}
		}
		if n := len(s.sim.Requests()) - before; n != 1 {
			t.Errorf("%s took %d requests", name, n)
		}
		s.host.Records = nil
		if err := s.host.Fetch(connector(), single(e, "999999")); err != nil || len(s.host.Records) != 0 {
			t.Errorf("%s: a key that is not there: %v, %+v", name, err, s.host.Records)
		}
	}
	s := newScene(t, sim.Options{Seed: 1, People: 5})
	s.host.Authorize = nil
	fails(t, s.host.Fetch(connector(), single(endpoint(t, "users"), "1")), abi.KindAuth)
}
