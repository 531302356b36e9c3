package fit

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/host"
)

// TestDerivedAttributesOfConnectors compiles every expression of the
// connectors that come with rollcall, as an automation does that uses it.
func TestDerivedAttributesOfConnectors(t *testing.T) {
	manifests, err := filepath.Glob("../../../plugins/*/manifest.toml")
	if err != nil || len(manifests) == 0 {
		t.Fatal(manifests, err)
	}
	for _, file := range manifests {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := host.ParseManifest(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Endpoints {
			def := mapping.Definition{Primary: "id"}
			types := map[string]string{}
			all := Fitted{known: &m.Endpoints[i]}.attributes(m)
			for _, a := range all {
				types[a.Name] = string(a.Type)
			}
			for _, name := range slices.Sorted(maps.Keys(types)) {
				def.Attributes = append(def.Attributes, mapping.AttributeDef{Name: "x-" + name, Value: &expr.Source{Text: "{{ user." + name + " }}"}})
			}
			mapper, errs := mapping.Compile(def)
			if errs != nil {
				t.Fatal(errs)
			}
			derived := derivations(all, m.Name)
			mapper, errs = mapper.Deriving("", derived)
			for _, err := range errs {
				t.Errorf("%s: endpoint %s: %v", file, m.Endpoints[i].Name, err)
			}
			if len(errs) == 0 && slices.ContainsFunc(derived, func(d mapping.DerivedDef) bool { return slices.Contains(mapper.Fields(), d.Name) }) {
				t.Errorf("%s: endpoint %s: what is derived is fetched too: %v", file, m.Endpoints[i].Name, mapper.Fields())
			}
		}
	}
}
