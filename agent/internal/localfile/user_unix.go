//go:build !windows

package localfile

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// User returns the name of the user as whom this process reads files.
func User() string { return nameOf(os.Geteuid()) }

func nameOf(id int) string {
	text := strconv.Itoa(id)
	if u, err := user.LookupId(text); err == nil {
		return u.Username
	}
	return text
}

// belongs says who owns a file and who may use it, as far as that is visible.
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

// ReadableBy judges by owner, group and mode whether another user can enter
// every folder of a path and read the file. It does not look at access lists.
func ReadableBy(name, path string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return nil //nolint:nilerr // nothing is known of this user
	}
	groups, _ := u.GroupIds()
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return nil //nolint:nilerr // reading the file will say so
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		need := fs.FileMode(4)
		if info.IsDir() {
			need = 1
		}
		mode := info.Mode().Perm()
		switch {
		case u.Uid == strconv.Itoa(int(stat.Uid)):
			mode >>= 6
		case slices.Contains(groups, strconv.Itoa(int(stat.Gid))):
			mode >>= 3
		}
		if u.Uid != "0" && mode&need == 0 {
			e := &Error{
				Path: path, User: name, Err: fmt.Errorf("permission denied%s", belongs(at)), Next: "give it to that user, as root: " + own(name, path),
			}
			if info.IsDir() {
				e.Err = fmt.Errorf("the folder %s%s keeps this user out", at, belongs(at))
				e.Next = "let " + name + " enter it, for example, as root: " + enter(name, at)
			}
			return e
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
