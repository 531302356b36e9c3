package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAFullDiskIsToldAsThat: whichever of its files finds no room, and nothing
// is lost by it. It has a small disk of its own.
func TestAFullDiskIsToldAsThat(t *testing.T) {
	dir := os.Getenv("ROLLCALL_TEST_SMALL_DISK")
	if dir == "" {
		inside(t, t.TempDir())
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("nothing may be mounted: %v", err)
	}
	state, rest := filepath.Join(dir, "state"), filepath.Join(dir, "rest")
	s := must1[*Store](t)(Open(t.Context(), state))
	must(t, s.SetMeta(t.Context(), "a", "b"))
	must(t, s.Close())
	refused, opened := 0, 0
	for left := int64(0); left <= 1<<20; left += 16 << 10 {
		fill(t, rest, left)
		s, err := Open(t.Context(), state)
		if err == nil {
			opened++
			must(t, s.Close())
		} else if refused++; !strings.Contains(err.Error(), "no space left on device; next: free space on that disk (df -h "+state+")") {
			t.Errorf("with %d bytes left: %v", left, err)
		}
	}
	if refused == 0 || opened == 0 {
		t.Errorf("%d times there was too little room, %d times enough", refused, opened)
	}
	must(t, os.Remove(rest))
	s = must1[*Store](t)(Open(t.Context(), state))
	defer s.Close()
	if got, _, err := s.Meta(t.Context(), "a"); got != "b" || err != nil {
		t.Errorf("afterwards there is %q, %v", got, err)
	}
}

// inside runs the same test where nobody else sees what it mounts.
func inside(t *testing.T, dir string) {
	t.Helper()
	test := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	test.Env = append(os.Environ(), "ROLLCALL_TEST_SMALL_DISK="+dir)
	test.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := test.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM), strings.Contains(string(out), "--- SKIP"):
		if os.Getenv("ROLLCALL_REQUIRE_DC") != "" {
			t.Fatalf("nothing may be mounted, and where a domain controller is required that is a fault: %v %s", err, out)
		}
		t.Skipf("nothing may be mounted: %v %s", err, out)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	}
}

// fill writes a file that leaves so many bytes of its disk.
func fill(t *testing.T, file string, left int64) {
	t.Helper()
	must(t, os.WriteFile(file, nil, 0o600))
	var disk syscall.Statfs_t
	must(t, syscall.Statfs(filepath.Dir(file), &disk))
	must(t, os.WriteFile(file, make([]byte, max(0, int64(disk.Bavail)*disk.Bsize-left)), 0o600))
}

// TestAFolderInThePlaceOfTheStaging: what is in it is nobody's to remove.
func TestAFolderInThePlaceOfTheStaging(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, stagingFile, "mine"), 0o700))
	_, err := Open(t.Context(), dir)
	if err == nil || !strings.Contains(err.Error(), "move away the folder that stands in the place of this file") {
		t.Errorf("%v", err)
	}
}
