package statedir

import (
	"errors"
	"os/user"
	"syscall"

	"golang.org/x/sys/windows"
)

func self() account {
	if u, err := user.Current(); err == nil {
		return account{name: u.Username}
	}
	return account{name: "unknown"}
}

// ownerOf returns nothing: on Windows access lists decide, not owners.
func ownerOf(string) (account, bool) { return account{}, false }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }
func isNoFolder(err error) bool {
	return errors.Is(err, windows.ERROR_DIRECTORY) || errors.Is(err, syscall.ENOTDIR) // os.MkdirAll reports ENOTDIR on every system
}
func isFolder(error) bool { return false }

// The causes that a database reports by codes of its own.
var (
	ErrFull     error = windows.ERROR_DISK_FULL
	ErrReadOnly error = windows.ERROR_WRITE_PROTECT
)

// CheckSocket accepts everything: the name of a pipe is always short.
func CheckSocket(string) error { return nil }
