//go:build unix

package host

import (
	"fmt"
	"os"
	"syscall"
)

// identity tells a file from another in its place that has its size and time:
// after a rename, or behind a link that was changed.
func identity(info os.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprint(st.Dev, " ", st.Ino)
}
