package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEveryKeyIsDescribed compares the list for the documentation with the
// types: neither may have a key that the other lacks.
func TestEveryKeyIsDescribed(t *testing.T) {
	known := map[string]bool{}
	for _, s := range Reference() {
		known[s.Key] = true
		if s.Description == "" {
			t.Errorf("%s has no description", s.Key)
		}
		if s.Type == "" {
			t.Errorf("%s has no type", s.Key)
		}
	}
	for key := range descriptions() {
		if !known[key] {
			t.Errorf("%s is described and not known", key)
		}
	}
	for _, key := range []string{
		"agent.state_dir", "directory.scope", "applications.NAME.endpoints.NAME.repeat.style",
		"lookups.NAME", "data_sources.NAME.attributes.NAME.on_missing", "automations.NAME.limits.source_shrink",
	} {
		if !known[key] {
			t.Errorf("%s is missing from the reference", key)
		}
	}
}

func TestReferenceShowsTypesAndDefaults(t *testing.T) {
	for _, want := range []Setting{
		{Key: "modules.fetch_timeout", Type: "duration", Default: "6h"},
		{Key: "modules.call_timeout", Type: "duration", Default: "30s"},
		{Key: "agent.log.format", Type: `"text" or "json"`, Default: "text"},
		{Key: "applications.NAME.enabled", Type: "true or false", Default: "true"},
		{Key: "automations.NAME.limits.disable", Type: "number or percentage", Default: "5% or 5"},
		{Key: "automations.NAME.missing.action", Type: `"keep" or "disable"`, Default: "keep"},
		{Key: "data_sources.NAME.attributes.NAME.apply", Type: `"create", "always" or "if_empty"`, Default: "always"},
	} {
		i := slices.IndexFunc(Reference(), func(s Setting) bool { return s.Key == want.Key })
		if i < 0 {
			t.Errorf("%s is missing", want.Key)
			continue
		}
		got := Reference()[i]
		got.Description = ""
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// TestNoKeyIsBothKnownAndRefused checks each table that refuses keys.
func TestNoKeyIsBothKnownAndRefused(t *testing.T) {
	for _, table := range []partial{
		Agent{},
		Store{},
		Directory{},
		Automation{},
		Missing{},
	} {
		fields := fieldsOf(reflect.TypeOf(table))
		for key := range table.unavailable() {
			if _, ok := fields[key]; ok || strings.ToLower(key) != key {
				t.Errorf("%T: %s is known and refused", table, key)
			}
		}
	}
}
