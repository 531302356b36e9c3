//go:build unix

package secrets

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Nobody writes to the pipe: opening it would wait for ever.
func TestResolveDoesNotWaitForAPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "secret")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	ref, err := Parse("@{file:" + name + "}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewResolver(environment(nil), nil).Resolve(t.Context(), ref)
	if err == nil || !strings.Contains(err.Error(), "a named pipe, not a regular file") {
		t.Errorf("got %v", err)
	}
}
