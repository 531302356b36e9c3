package host

import (
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
	"github.com/rollcall-agent/rollcall/host/tomlbounds"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// MaxManifest bounds the text of a manifest, in bytes.
const MaxManifest = 1 << 20

// maxListed bounds how many unknown keys an error names.
const maxListed = 10

var errNoManifest = errors.New("not a connector: it has no section " + abi.ManifestSection)

// ParseManifest reads the text of a manifest.toml, fills in the defaults and
// checks it. Unknown keys are errors.
func ParseManifest(text []byte) (abi.Manifest, error) {
	var m abi.Manifest
	if err := tomlbounds.Check(text, tomlbounds.Manifest); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	meta, err := toml.Decode(string(text), &m)
	if err != nil { // what was decoded before the error depends on the order of a map
		return headOf(text), fmt.Errorf("manifest: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		var names []string
		for _, k := range unknown[:min(len(unknown), maxListed)] {
			names = append(names, k.String())
		}
		if more := len(unknown) - len(names); more > 0 {
			names = append(names, fmt.Sprintf("and %d more", more))
		}
		return m, fmt.Errorf("manifest: unknown keys: %s", strings.Join(names, ", "))
	}
	m.Normalize()
	if err := m.Validate(); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// headOf returns name, version and title of a manifest that cannot be decoded
// as a whole, so that its connector is still shown by its name.
func headOf(text []byte) abi.Manifest {
	var all map[string]any
	if _, err := toml.Decode(string(text), &all); err != nil {
		return abi.Manifest{}
	}
	word := func(key string) string { s, _ := all[key].(string); return s }
	return abi.Manifest{Name: word("name"), Version: word("version"), Title: word("title")}
}

// ReadManifest returns the manifest embedded in a module. It neither runs nor
// compiles the module.
func ReadManifest(wasm []byte) (abi.Manifest, error) {
	file, err := wasmfile.Read(wasm)
	if err != nil {
		return abi.Manifest{}, fmt.Errorf("read module: %w", err)
	}
	return readManifest(file)
}

func readManifest(file *wasmfile.File) (abi.Manifest, error) {
	text, err := file.Section(abi.ManifestSection)
	if err != nil {
		return abi.Manifest{}, err
	}
	if text == nil {
		return abi.Manifest{}, errNoManifest
	}
	return ParseManifest(text)
}

// Embed returns a copy of a module that carries the text of a manifest. It
// checks both first, and refuses a module that has a manifest already.
func Embed(wasm, manifest []byte) ([]byte, error) {
	file, err := wasmfile.Read(wasm)
	if err != nil {
		return nil, fmt.Errorf("embed manifest: read module: %w", err)
	}
	if text, err := file.Section(abi.ManifestSection); err != nil || text != nil {
		return nil, errors.New("embed manifest: the module has one already")
	}
	if _, err := ParseManifest(manifest); err != nil {
		return nil, fmt.Errorf("embed manifest: %w", err)
	}
	if err := checkLinks(file); err != nil {
		return nil, fmt.Errorf("embed manifest: %w", err)
	}
	return wasmfile.Append(wasm, abi.ManifestSection, manifest), nil
}
