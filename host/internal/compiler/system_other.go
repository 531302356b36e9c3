//go:build !linux && !windows

package compiler

import (
	"os"
	"os/exec"
	"time"
)

// On other systems, where the agent is developed but not run in production,
// only the time by the clock is limited.

func self() (string, error) { return os.Executable() }

func environment() []string { return nil }

func lone(*exec.Cmd) {}

func hold(*os.Process, Limits) (func(), error) { return func() {}, nil }

func confine(int) error { return nil }

func resident(int) (int64, bool) { return 0, false }

func spent(int) (time.Duration, bool) { return 0, false }

func owner(os.FileInfo) (int, bool) { return 0, false }
