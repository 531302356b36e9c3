package soak

import (
	"syscall"
	"time"
)

// CPU returns the processor time that this process has used. A test that bounds
// how long something of its own runs compares this instead of the clock, which
// goes on while other programs have their turn.
func CPU() time.Duration {
	var created, ended, kernel, user syscall.Filetime
	self, err := syscall.GetCurrentProcess()
	if err == nil {
		err = syscall.GetProcessTimes(self, &created, &ended, &kernel, &user)
	}
	if err != nil {
		panic(err) // there is no other way to fail than a wrong argument
	}
	used := func(f syscall.Filetime) int64 { return int64(f.HighDateTime)<<32 + int64(f.LowDateTime) }
	return time.Duration(used(kernel)+used(user)) * 100
}
