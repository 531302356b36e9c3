//go:build unix

package host

import (
	"fmt"
	"os"
	"syscall"
)

// identity distinguishes a file from another one of the same size and time in
// its place, after a rename or a change of a link.
func identity(info os.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprint(st.Dev, " ", st.Ino)
}
