package soak

import (
	"syscall"
	"time"
)

// CPU returns the processor time that this process has used. A test that limits
// the run time of its own code uses it instead of the clock, which also counts
// the time of other programs.
func CPU() time.Duration {
	var created, ended, kernel, user syscall.Filetime
	self, err := syscall.GetCurrentProcess()
	if err == nil {
		err = syscall.GetProcessTimes(self, &created, &ended, &kernel, &user)
	}
	if err != nil {
		panic(err) // only a wrong argument can fail
	}
	used := func(f syscall.Filetime) int64 { return int64(f.HighDateTime)<<32 + int64(f.LowDateTime) }
	return time.Duration(used(kernel)+used(user)) * 100
}
