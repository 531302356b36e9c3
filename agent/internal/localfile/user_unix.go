//go:build !windows

package localfile

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// User names the user as whom this process reads files.
func User() string { return nameOf(os.Geteuid()) }

func nameOf(id int) string {
	text := strconv.Itoa(id)
	if u, err := user.LookupId(text); err == nil {
		return u.Username
	}
	return text
}

// belongs says whose a file is and who may use it, as far as that can be seen.
func belongs(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (it belongs to %s, mode %04o)", nameOf(int(stat.Uid)), info.Mode().Perm())
}

func own(user, path string) string {
	return fmt.Sprintf("chown %s %s && chmod 600 %s", user, path, path)
}

func enter(_, dir string) string { return "chmod o+x " + dir }
