// Package regular reads files that somebody else has provided, such as modules
// and the files that the configuration names. It reads only regular files, and
// opening one never waits: a named pipe, a socket or a device is an error, and
// so is a file over the size limit.
//
// It is not for files that rollcall itself creates in a folder that nobody else
// can write to. Both host and agent use it, so it lives here.
package regular

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// patience is how long a read may wait. Regular files never make a reader wait,
// except for some below /proc and /sys that only look regular.
const patience = 2 * time.Second

// Open opens a regular file for reading and follows links. It checks the file
// before opening it, because opening a device may have effects, and again
// afterwards, because the file may have been replaced in between.
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
	_ = f.SetReadDeadline(time.Now().Add(patience)) // an error means that reads do not wait
	return f, nil
}

// Read reads a whole regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return ReadFrom(f, limit)
}

// ReadFrom reads an opened file of at most limit bytes. It does not start to
// read a file whose size shows that it is larger.
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
	if int64(len(b)) > limit { // it has grown since, or its size is not known
		return nil, &TooLargeError{f.Name(), limit}
	}
	return b, nil
}

// TooLargeError is the error for a file over the size limit.
type TooLargeError struct {
	Path  string
	Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.Path, e.Limit)
}

// missing distinguishes a link without a target from a missing file.
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

// kind names the kind of a file that is not regular.
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
