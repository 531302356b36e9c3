// Package kept names the folders in which tests keep compiled connectors from
// one run to the next, as an agent does in its state folder. Compiling one
// takes seconds, and a minute with the race detector. Several processes may use
// a folder at once. Only tests import it; it does not compile anything.
package kept

import (
	"fmt"
	"os"
	"path/filepath"
)

// Folder returns the folder of one test package, below the user's cache.
func Folder(of string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache of compiled connectors: %w", err)
	}
	dir := filepath.Join(cache, "rollcall", "tests", of)
	return dir, os.MkdirAll(dir, 0o700)
}
