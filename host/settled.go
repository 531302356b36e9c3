package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// stamp tells whether a module or its signature changed, without reading them.
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

// look stamps one module; the stamp of what is not there is "".
func look(path string) stamp {
	return stamp{module: mark(path), signature: mark(path + abi.SignatureSuffix)}
}

// mark follows links: what they lead to is what is read. What cannot be read,
// such as a folder or a link that leads nowhere, has a mark too: reading it
// tells why.
func mark(path string) string {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		if to, linkErr := os.Readlink(path); linkErr == nil {
			return "link to " + to
		}
		return ""
	}
	if err != nil {
		return err.Error() // reading it says the same, and it is judged again when that changes
	}
	return fmt.Sprintf("%d %d %s", info.Size(), info.ModTime().UnixNano(), identity(info))
}
