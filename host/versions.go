package host

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-agent/rollcall/host/regular"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// versions remembers the highest version of each connector that has served. It
// survives restarts and the removal of files.
type versions struct {
	path string // "": only in memory

	mu      sync.Mutex
	highest map[string]string // by name
}

const maxVersions = 1 << 20 // bytes

func readVersions(path string) (*versions, error) {
	v := &versions{path: path, highest: map[string]string{}}
	if path == "" {
		return v, nil
	}
	text, err := regular.Read(path, maxVersions)
	if errors.Is(err, os.ErrNotExist) {
		return v, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &v.highest)
	}
	if err != nil {
		return nil, fmt.Errorf("versions of connectors that have served: %s: %w; when it is lost for good, remove it: "+
			"then an older version is no longer noticed", path, err)
	}
	return v, nil
}

// before returns the highest version that has served; "" for none.
func (v *versions) before(name string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.highest[name]
}

// served records that a version serves, unless a higher one has served. With
// replace it records the version in any case: the administrator has allowed an
// older version, which counts from now on.
func (v *versions) served(name, version string, replace bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known := v.highest[name]; known == version || known != "" && !replace && lower(version, known) {
		return nil
	}
	v.highest[name] = version
	if v.path == "" {
		return nil
	}
	text, err := json.MarshalIndent(v.highest, "", "  ")
	if err != nil {
		return err
	}
	return writeAtomically(v.path, append(text, '\n'), 0o600)
}

// writeAtomically replaces a file. After a crash, either the old or the new
// file is there.
func writeAtomically(path string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone when all went well
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// serve records the version that serves now.
func (h *Host) serve(m abi.Manifest) {
	if err := h.versions.served(m.Name, m.Version, slices.Contains(h.settings.AllowDowngrade, m.Name)); err != nil {
		h.log.Error("the version of a connector could not be kept: after a restart an older one would not be noticed",
			"connector", m.Name, "version", m.Version, "cause", err)
	}
}

// downgrade returns an error for a version lower than one that has served.
func (h *Host) downgrade(m abi.Manifest) error {
	before := h.versions.before(m.Name)
	if before == "" || !lower(m.Version, before) || slices.Contains(h.settings.AllowDowngrade, m.Name) {
		return nil
	}
	return fmt.Errorf("version %s is lower than %s, which has served before; to go back on purpose set allow_downgrade = [%q] in [modules]",
		m.Version, before, m.Name)
}

// lower reports whether version a is lower than b. Both are MAJOR.MINOR.PATCH
// without leading zeros, as checked in manifests; the numbers may be of any
// length.
func lower(a, b string) bool {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	}) < 0
}
