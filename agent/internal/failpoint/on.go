//go:build failpoint

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var hits atomic.Int64

// Hit ends the process with SIGKILL, as a power cut would, when the
// environment variable ROLLCALL_FAILPOINT is "NAME" or "NAME:N" (the Nth time).
func Hit(name string) {
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
