// Package connector works with connectors as files, for their authors and for
// administrators: it builds one from its source, signs it, checks whether an
// agent would load it, and shows where the requests of a loaded one may go.
//
// It never calls a connector's code: package host loads and calls connectors.
package connector

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/regular"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// View is a module together with every destination that its requests may have.
type View struct {
	host.Module
	Reach []fit.Reach `json:"reach"`
}

// Views adds to each module where its requests may go with a configuration.
func Views(modules []host.Module, cfg *config.Config) []View {
	views := make([]View, len(modules))
	for i, m := range modules {
		views[i] = View{m, fit.Reaches(m.Manifest, cfg)}
	}
	return views
}

// Serving returns the manifest of the connector of a name, if it serves.
func Serving(modules []host.Module, name string) (abi.Manifest, bool) {
	for _, m := range modules {
		if m.Manifest.Name == name && m.State == host.Serving {
			return m.Manifest, true
		}
	}
	return abi.Manifest{}, false
}

// largestModule is how much of a file is read to find the name of a connector.
const largestModule = 64 << 20

// Names lists the connectors in a modules folder under the names in their
// manifests, as far as they can be read before ctx ends. It verifies nothing.
func Names(ctx context.Context, modulesDir string) []string {
	var names []string
	for _, m := range Manifests(ctx, modulesDir) {
		if !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}

// Manifests reads those of the connectors in a modules folder, as far as that is
// possible before ctx ends. It verifies nothing.
func Manifests(ctx context.Context, modulesDir string) []abi.Manifest {
	var list []abi.Manifest
	files, _ := filepath.Glob(filepath.Join(modulesDir, "*.wasm"))
	for _, file := range files {
		if ctx.Err() != nil {
			break
		}
		body, err := regular.Read(file, largestModule)
		if err != nil {
			continue
		}
		if m, err := host.ReadManifest(body); err == nil {
			list = append(list, m)
		}
	}
	return list
}
