// Package statedir is the state folder as files: it makes and locks the
// folder, and explains why a file in it cannot be used: which one, as which
// user it was tried, and what to do next. It does not know what the files hold.
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

// lockName is the file that is locked. Its text says who holds the lock.
const lockName = "lock"

// Error is a file or folder of the state that cannot be used.
type Error struct {
	Op   string // what was tried, such as "make the state folder"
	Path string // absolute
	User string // as whom
	Next string
	Err  error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s as user %s: %v; next: %s", e.Op, e.Path, e.User, e.Err, e.Next)
}

func (e *Error) Unwrap() error { return e.Err }

// Make makes the folder (0700) when it is absent, and checks that its files can
// be made by this user without taking them away from its owner.
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
		err = at.Err // it is about the folder
	}
	if err != nil {
		return Explain("make files in the state folder", dir, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

const makeFolder = "make the state folder"

// foreignError is the cause within an Error for a folder of somebody else.
type foreignError struct{ owner string }

func (e foreignError) Error() string {
	return fmt.Sprintf("it belongs to %s, whose agent could not open the files that this user makes in it", e.owner)
}

// mayMakeFilesIn keeps root out of another user's folder: nothing else would
// stop it, and the agent of that user could not be started again.
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

// Lock takes the lock of the folder; nil without an error when somebody else
// holds it.
func Lock(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path)
	ok, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, Explain("lock the state folder with", path, err)
	case !ok:
		return nil, nil //nolint:nilnil // as it says: nobody failed
	}
	if runtime.GOOS != "windows" { // where nobody may read or write a locked file
		_ = os.WriteFile(path, fmt.Appendf(nil, "process %d (%s)\n", os.Getpid(), strings.Join(commandLine(os.Args), " ")), 0o600)
	}
	return lock, nil
}

// commandLine is the name of a command, without flags and what it is about.
func commandLine(args []string) []string {
	for i, a := range args[1:] { // args[i] is the one before it
		valued := strings.HasPrefix(args[i], "-") && !strings.Contains(args[i], "=")
		if !strings.HasPrefix(a, "-") && !valued {
			return []string{filepath.Base(args[0]), a}
		}
	}
	return []string{filepath.Base(args[0])}
}

// Holder names who holds the lock, as far as that is known: "process 17
// (rollcall plan)".
func Holder(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, lockName))
	if line := strings.TrimSpace(string(text)); err == nil && strings.HasPrefix(line, "process ") {
		return line
	}
	return "another process"
}

// Explain says what stands in the way of a file or folder: the operation that
// failed comes first. It keeps an error that is explained already.
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

// elsewhere is the way out that is always there.
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

// ErrBusy says that another program has locked a file.
var ErrBusy = errors.New("it is locked by another program")

// permission tells whose a path is, and who could use it.
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

// existing is the nearest thing on the way to a path that can be seen; missing
// says that what comes after it is not there, rather than out of sight.
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

// firstFile is the first thing on the way to a path that is no folder.
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

// quoted writes a path as a shell takes it.
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

// Owner names the user to whom the state folder belongs, when that is another
// one than this process runs as. The agent runs as that user.
func Owner(dir string) (name string, other bool) {
	owner, known := ownerOf(dir)
	return owner.name, known && owner.id != self().id
}
