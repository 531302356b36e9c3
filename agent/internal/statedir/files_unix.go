//go:build !windows

package statedir

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

func self() account { return named(os.Geteuid()) }

func named(id int) account {
	a := account{id: id, root: id == 0, name: strconv.Itoa(id)}
	if u, err := user.LookupId(a.name); err == nil {
		a.name = u.Username
	}
	return a
}

// ownerOf returns the owner of a file; false when it is not visible.
func ownerOf(path string) (account, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return account{}, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return account{}, false
	}
	return named(int(stat.Uid)), true
}

func isFull(err error) bool     { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
func isNoFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
func isFolder(err error) bool {
	return errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENOTEMPTY)
}

// The causes that a database reports by codes of its own.
var (
	ErrFull     error = syscall.ENOSPC
	ErrReadOnly error = syscall.EROFS
)

// maxSocket is the greatest length of a socket's path: that of sun_path in
// sockaddr_un, less the byte that ends it (Linux has 108, BSD and macOS 104).
const maxSocket = len(syscall.RawSockaddrUnix{}.Path) - 1

// CheckSocket refuses a path that is too long for a socket.
func CheckSocket(path string) error {
	if n := len(path); n > maxSocket {
		return &Error{
			Op: "listen for commands at", Path: absolute(path), User: self().name,
			Err:  fmt.Errorf("the path has %d bytes, and a socket takes at most %d", n, maxSocket),
			Next: "set state_dir in [agent] to a folder with a shorter path",
		}
	}
	return nil
}
