package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// stamp changes when a module or its signature changes. Making one reads
// neither.
type stamp struct{ module, signature string }

// survey stamps every module of the folder, by path.
func (h *Host) survey() (map[string]stamp, error) {
	files, err := os.ReadDir(h.settings.ModulesDir)
	if err != nil {
		return nil, err
	}
	found := map[string]stamp{}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), moduleSuffix) {
			continue
		}
		path := filepath.Join(h.settings.ModulesDir, f.Name())
		if s := look(path); s.module != "" {
			found[path] = s
		}
	}
	return found, nil
}

// look returns the stamp of one module; the stamp of a missing file is "".
func look(path string) stamp {
	return stamp{module: mark(path), signature: mark(path + abi.SignatureSuffix)}
}

// mark describes a file without reading it. It follows links, because their
// targets are what will be read. A folder, or a link that leads nowhere, has a
// mark too: reading it will say what is wrong.
func mark(path string) string {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		if to, linkErr := os.Readlink(path); linkErr == nil {
			return "link to " + to
		}
		return ""
	}
	if err != nil {
		return err.Error() // reading says the same, and the file is judged again when this changes
	}
	return fmt.Sprintf("%d %d %s", info.Size(), info.ModTime().UnixNano(), identity(info))
}
