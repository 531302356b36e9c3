// Package statedir handles the state folder as files: it creates and locks the
// folder, and explains why a file in it cannot be used: which file, as which
// user, and what to do next. It does not know what the files hold.
package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
)

// lockName is the name of the lock file. Its text says which process holds the
// lock.
const lockName = "lock"

// Error reports a file or folder of the state that cannot be used.
type Error struct {
	Op   string // what was tried, such as "make the state folder"
	Path string // absolute
	User string // the user that tried
	Next string
	Err  error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s as user %s: %v; next: %s", e.Op, e.Path, e.User, e.Err, e.Next)
}

func (e *Error) Unwrap() error { return e.Err }

// Make creates the folder (0700) when it is absent. It also checks that this
// user can create files there that the folder's owner can still open.
func Make(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Explain(makeFolder, dir, err)
	}
	if err := self().mayMakeFilesIn(dir, ownerOf); err != nil {
		return err
	}
	probe, err := os.CreateTemp(dir, "probe")
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // report the folder, not the file in it
	}
	if err != nil {
		return Explain("make files in the state folder", dir, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

const makeFolder = "make the state folder"

// foreignError is the cause within an Error for a folder that belongs to another
// user.
type foreignError struct{ owner string }

func (e foreignError) Error() string {
	return fmt.Sprintf("it belongs to %s, whose agent could not open the files that this user makes in it", e.owner)
}

// mayMakeFilesIn keeps root out of another user's folder. Nothing else would
// stop root, and then that user's agent could no longer start.
func (me account) mayMakeFilesIn(dir string, ownerOf func(string) (account, bool)) error {
	owner, known := ownerOf(dir)
	if !me.root || !known || owner.id == me.id {
		return nil
	}
	return &Error{
		Op: "use the state folder", Path: absolute(dir), User: me.name, Err: foreignError{owner.name},
		Next: fmt.Sprintf("run the command as that user (%s), or give the folder to %s: chown -R %s %s",
			as(owner), me.name, me.name, quoted(absolute(dir))),
	}
}

// Lock takes the lock of the folder. It returns nil without an error when
// another process holds it.
func Lock(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path)
	ok, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, Explain("lock the state folder with", path, err)
	case !ok:
		return nil, nil //nolint:nilnil // another process holds the lock, which is not an error
	}
	if runtime.GOOS != "windows" { // Windows lets nobody else read or write a locked file
		_ = os.WriteFile(path, fmt.Appendf(nil, "process %d (%s)\n", os.Getpid(), strings.Join(commandLine(os.Args), " ")), 0o600)
	}
	return lock, nil
}

// commandLine returns the name of a command, without its flags and arguments.
func commandLine(args []string) []string {
	for i, a := range args[1:] { // args[i] is the argument before a
		valued := strings.HasPrefix(args[i], "-") && !strings.Contains(args[i], "=")
		if !strings.HasPrefix(a, "-") && !valued {
			return []string{filepath.Base(args[0]), a}
		}
	}
	return []string{filepath.Base(args[0])}
}

// Holder returns which process holds the lock, as far as that is known: "process
// 17 (rollcall plan)".
func Holder(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, lockName))
	if line := strings.TrimSpace(string(text)); err == nil && strings.HasPrefix(line, "process ") {
		return line
	}
	return "another process"
}

// Explain returns an Error that says why a file or folder cannot be used.
// operation is what failed. An error that is already explained stays as it is.
func Explain(operation, path string, err error) error {
	return self().explain(operation, path, err, ownerOf)
}

func (me account) explain(operation, path string, err error, ownerOf func(string) (account, bool)) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		path, err = at.Path, at.Err
	}
	path = absolute(path)
	return &Error{Op: operation, Path: path, User: me.name, Err: err, Next: me.next(operation, path, err, ownerOf)}
}

// elsewhere is the next step that is always possible.
const elsewhere = "or set state_dir in [agent] to another folder"

func (me account) next(operation, path string, err error, ownerOf func(string) (account, bool)) string {
	switch {
	case isFull(err):
		return fmt.Sprintf("free space on that disk (df -h %s), then try again: what was recorded is kept", quoted(filepath.Dir(path)))
	case isReadOnly(err):
		return "make that disk writable, " + elsewhere + "; in a systemd unit StateDirectory= or ReadWritePaths= must name the folder"
	case isNoFolder(err):
		return fmt.Sprintf("move away the file %s, which stands in the place of a folder, %s", quoted(firstFile(path)), elsewhere)
	case isFolder(err):
		return "move away the folder that stands in the place of this file"
	case errors.Is(err, ErrBusy):
		return fmt.Sprintf("end the other program that has the file open (fuser -v %s names it), then try again", quoted(path))
	case errors.Is(err, fs.ErrPermission):
		return me.permission(operation, path, ownerOf)
	}
	return "put right what the cause says, " + elsewhere
}

// ErrBusy reports that another program has locked a file.
var ErrBusy = errors.New("it is locked by another program")

// permission returns the next step for a path that this user may not use. It
// depends on who owns the path.
func (me account) permission(operation, path string, ownerOf func(string) (account, bool)) string {
	place, missing := existing(path)
	owner, known := ownerOf(place)
	folder, _ := ownerOf(filepath.Dir(place))
	switch {
	case operation == makeFolder && missing:
		return fmt.Sprintf("make it for that user, as root: install -d -m 700 -o %s %s; %s", me.name, quoted(path), elsewhere)
	case !known || operation == makeFolder:
		return fmt.Sprintf("let %s use %s, %s", me.name, quoted(place), elsewhere)
	case owner.id == me.id:
		return fmt.Sprintf("let its owner use it: chmod u+rwX %s", quoted(place))
	case place == path && folder.id == me.id: // left behind by a command of another user
		return fmt.Sprintf("give it back, as root, since it belongs to %s: chown %s %s; and run commands as %s from now on",
			owner.name, me.name, quoted(place), me.name)
	case place != path && place != filepath.Dir(path): // not the state folder, but one above it
		return fmt.Sprintf("let %s enter %s, %s", me.name, quoted(place), elsewhere)
	}
	return fmt.Sprintf("run the command as %s, to whom %s belongs (%s), or give it to %s, as root: chown -R %s %s",
		owner.name, quoted(place), as(owner), me.name, me.name, quoted(place))
}

func as(owner account) string {
	if owner.root {
		return "sudo rollcall ..."
	}
	return fmt.Sprintf("sudo -u %s rollcall ...", owner.name)
}

// existing returns the nearest part of a path that is visible. missing reports
// that the part below it does not exist, as opposed to being out of sight.
func existing(path string) (place string, missing bool) {
	for {
		_, err := os.Lstat(path)
		if err == nil || path == filepath.Dir(path) {
			return path, missing
		}
		missing = errors.Is(err, fs.ErrNotExist)
		path = filepath.Dir(path)
	}
}

// firstFile returns the first part of a path that is a file where a folder
// should be.
func firstFile(path string) string {
	found := path
	for p := path; p != filepath.Dir(p); p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			found = p
		}
	}
	return found
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// quoted writes a path as a shell reads it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t\n\"'$`\\!*?[](){};&|<>#~") && runtime.GOOS != "windows" {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// account is a user of the machine.
type account struct {
	id   int
	name string
	root bool
}

// Owner returns the user who owns the state folder, when that is not the user of
// this process. The agent runs as its owner.
func Owner(dir string) (name string, other bool) {
	owner, known := ownerOf(dir)
	return owner.name, known && owner.id != self().id
}
