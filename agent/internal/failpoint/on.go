//go:build failpoint

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var hits, panics atomic.Int64

// Hit ends the process with SIGKILL, as a power cut would, when the
// environment variable ROLLCALL_FAILPOINT is "NAME" or "NAME:N" (the Nth time).
// It panics, once, when ROLLCALL_PANIC is "NAME".
func Hit(name string) {
	if os.Getenv("ROLLCALL_PANIC") == name && panics.Add(1) == 1 {
		panic("failpoint " + name)
	}
	want, nth, counted := strings.Cut(os.Getenv("ROLLCALL_FAILPOINT"), ":")
	if want != name {
		return
	}
	n := int64(1)
	if counted {
		n, _ = strconv.ParseInt(nth, 10, 64)
	}
	if hits.Add(1) == n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
