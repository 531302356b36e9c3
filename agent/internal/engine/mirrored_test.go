package engine

import (
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestAddressesAreMirrored: targetAddress is mirrored where the directory has it,
// and is asked for nowhere else: a directory may refuse what it does not know.
func TestAddressesAreMirrored(t *testing.T) {
	e := &Engine{}
	e.mirrors.Store(&mirror.Spec{Attributes: []string{"title", "noSuch"}})
	if names := e.schemaNames(); !slices.Contains(names, "targetAddress") || len(e.mirrors.Load().Attributes) != 2 {
		t.Errorf("the schema is read of %q", names)
	}
	missing := ident.AttributeRule{Unusable: "does not exist in this directory", Unread: true}
	for name, c := range map[string]struct {
		schema ident.Schema
		want   []string
	}{
		"with Exchange":        {ident.Schema{"title": {}, "nosuch": missing, "targetaddress": {}}, []string{"title", "targetAddress"}},
		"without Exchange":     {ident.Schema{"title": {}, "nosuch": missing, "targetaddress": missing}, []string{"title"}},
		"a schema not shown":   {nil, []string{"title", "noSuch"}},
		"it may not be mapped": {ident.Schema{"targetaddress": {Unusable: "does not belong to user accounts"}}, []string{"title", "noSuch", "targetAddress"}},
	} {
		if got := e.mirrored(c.schema).Attributes; !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
