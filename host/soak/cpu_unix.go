//go:build unix

package soak

import (
	"syscall"
	"time"
)

// CPU returns the processor time that this process has used. A test that bounds
// how long something of its own runs compares this instead of the clock, which
// goes on while other programs have their turn.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // there is no other way to fail than a wrong argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
