// Package regular reads files that somebody else has put in their place: what
// lies in the modules folder, what the configuration names. Only regular files
// are read, and opening one never waits: a named pipe, a socket or a device in
// its place is an error, as is a file that is larger than it may be.
//
// It is not for files that rollcall itself has made in a folder that nobody
// else can write to. It stands here because host and agent both use it.
package regular

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// patience is how long a read may wait. Files never do, except for some below
// /proc and /sys that look like regular ones.
const patience = 2 * time.Second

// Open opens a regular file for reading, links followed. It looks before it
// opens, because opening a device may do something, and afterwards again,
// because what lies there may have been replaced in between.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, missing(path, err)
	}
	if err := check(path, info); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|withoutWaiting, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(path, info)
	}
	if err != nil {
		_ = f.Close() // nothing was read from it
		return nil, err
	}
	_ = f.SetReadDeadline(time.Now().Add(patience)) // an error says that reads do not wait
	return f, nil
}

// Read reads a whole regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	return ReadFrom(f, limit)
}

// ReadFrom reads an opened file of at most limit bytes. One that is larger is
// not read at all where its size tells.
func ReadFrom(f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, &TooLargeError{f.Name(), limit}
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit { // it grew meanwhile, or its size does not tell
		return nil, &TooLargeError{f.Name(), limit}
	}
	return b, nil
}

// TooLargeError is a file that is larger than it may be.
type TooLargeError struct {
	Path  string
	Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.Path, e.Limit)
}

// missing tells a link that leads nowhere from a file that is not there.
func missing(path string, err error) error {
	if !os.IsNotExist(err) {
		return err
	}
	if to, linkErr := os.Readlink(path); linkErr == nil {
		return &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("it is a link to %s, where nothing is: %w", to, fs.ErrNotExist)}
	}
	return err
}

func check(path string, info os.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("%s, not a regular file", kind(info.Mode()))}
}

// kind names what is not a regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}
