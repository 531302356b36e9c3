package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// stateFolder is a configuration with a state folder of its own, without a
// directory and an application that could be asked.
type stateFolder struct {
	testing.TB
	dir, state, binary string
}

func newStateFolder(t testing.TB) *stateFolder {
	t.Helper()
	if build().err != nil {
		t.Fatal(build().err)
	}
	dir, err := os.MkdirTemp("", "rollcall-state-") // one that everybody may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &stateFolder{t, dir, filepath.Join(dir, "state"), filepath.Join(dir, "rollcall")}
	base, err := os.ReadFile("testdata/agent.toml")
	s.must(errors.Join(err, os.Chmod(dir, 0o755), os.Link(build().binary, s.binary), os.Chmod(s.binary, 0o755),
		os.WriteFile(filepath.Join(dir, "agent.toml"), base, 0o644)))
	return s
}

func (s *stateFolder) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stateFolder) config() string { return filepath.Join(s.dir, "agent.toml") }
