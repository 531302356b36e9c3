//go:build unix

package soak

import (
	"syscall"
	"time"
)

// CPU returns the processor time that this process has used. A test that limits
// the run time of its own code uses it instead of the clock, which also counts
// the time of other programs.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // only a wrong argument can fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
