// Package localfile reads the small files that a configuration names: secrets
// and certificates. When one cannot be read, its error says which one, as which
// user, why, and what to do about it.
//
// It does not know what the files hold. Package statedir is for the files of the
// state folder.
package localfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rollcall-agent/rollcall/host/regular"
)

// Error reports a file that cannot be read on this machine. That says nothing
// about its content, and no remote server was involved.
type Error struct {
	Path string
	User string // the user that tried
	Err  error
	Next string
}

// Error returns the file, the user, the cause and the next step.
func (e *Error) Error() string {
	return fmt.Sprintf("user %s cannot read %s: %v; next: %s", e.User, e.Path, e.Err, e.Next)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Local reports that the fault is on this machine.
func (e *Error) Local() bool { return true }

// Rules says what a file must be like.
type Rules struct {
	Max     int64 // bytes
	Private bool  // only its owner may read it; not checked on Windows, which has access lists for that
}

// Read returns the content of a regular file. Its error is an *Error.
func Read(path string, rules Rules) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	defer f.Close() //nolint:errcheck // it is only read
	info, err := f.Stat()
	if err != nil {
		return nil, explain(path, err)
	}
	if rules.Private && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, &Error{
			Path: path, User: User(), Err: fmt.Errorf("it is open to other users (mode %04o)", info.Mode().Perm()),
			Next: fmt.Sprintf("chmod 600 %s, and change the secret if others may have read it", path),
		}
	}
	b, err := regular.ReadFrom(f, rules.Max)
	if err != nil {
		return nil, explain(path, err)
	}
	return b, nil
}

// explain finds out which part of the path causes an error.
func explain(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	e := &Error{Path: path, User: User(), Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Next = "create it, or name the file that is meant"
		if dir := missingFolder(path); dir != "" {
			e.Err = fmt.Errorf("the folder %s does not exist: %w", dir, err)
		}
	case errors.Is(err, fs.ErrPermission):
		blocked, folder := closed(path)
		if folder {
			e.Err = fmt.Errorf("the folder %s%s keeps this user out: %w", blocked, belongs(blocked), err)
			e.Next = fmt.Sprintf("let %s enter it, for example, as root: %s", e.User, enter(e.User, blocked))
			break
		}
		e.Err = fmt.Errorf("%w%s", err, belongs(path))
		e.Next = "give it to that user, as root: " + own(e.User, path)
	default:
		e.Next = "put right what the cause says, or name another file"
	}
	return e
}

// missingFolder returns the topmost folder of the path that does not exist.
func missingFolder(path string) (missing string) {
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return missing
		}
		missing = dir
	}
	return missing
}

// closed returns the folder that this user cannot enter, or else the file
// itself.
func closed(path string) (where string, folder bool) {
	for {
		dir := filepath.Dir(path)
		if dir == path {
			return path, false
		}
		if _, err := os.Lstat(path); err == nil || !errors.Is(err, fs.ErrPermission) {
			return path, false
		}
		if _, err := os.Lstat(dir); err == nil {
			return dir, true
		}
		path = dir
	}
}
