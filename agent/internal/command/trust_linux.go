package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// rules decide which program is trusted. The question is what somebody could do
// who has taken over the agent's user: they must not be able to decide what
// runs, by writing the program, putting another one in its place, renaming a
// folder above it, pointing a link elsewhere, or writing what interprets it.
type rules struct {
	fileSystem func(path string) (int64, error) // its type, as statfs tells it
}

func system() rules {
	return rules{fileSystem: func(path string) (int64, error) {
		var s unix.Statfs_t
		err := unix.Statfs(path, &s)
		return int64(s.Type), err //nolint:unconvert // 32 bits on some systems
	}}
}

// Bounds of what the system itself follows.
const (
	maxLinks        = 40
	maxInterpreters = 4
	maxFirstLine    = 256 // bytes
)

// check follows the path as the system does.
func (r rules) check(program string) *Error {
	err := r.program(program, maxInterpreters)
	if err == nil {
		return nil
	}
	e := &Error{Program: program, Err: err, Next: "see whether the path is right and the agent's user may read it"}
	var d *distrust
	if errors.As(err, &d) {
		e.Next = d.next
	}
	return e
}

// distrust is a reason not to run a program.
type distrust struct{ what, next string }

func (d *distrust) Error() string { return d.what }

func distrusted(next, format string, args ...any) error {
	return &distrust{what: fmt.Sprintf(format, args...), next: next}
}

// program checks a file that is to be executed, and its interpreters.
func (r rules) program(path string, depth int) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return distrusted("write the whole path, like /usr/local/bin/badge", "%q is not an absolute path in its shortest form", path)
	}
	at, info, err := r.resolve(path)
	if err != nil {
		return err
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return distrusted("name the program itself", "%s is not a regular file", at)
	case mode&(os.ModeSetuid|os.ModeSetgid) != 0:
		return distrusted("name a program that runs with the agent's own rights", "%s is setuid or setgid", at)
	case mode.Perm()&0o111 == 0:
		return distrusted("chmod 755 "+at+", if it is a program", "%s is not executable", at)
	}
	if n, err := unix.Getxattr(at, "security.capability", nil); err == nil && n > 0 {
		return distrusted("name a program that runs with the agent's own rights", "%s has capabilities of its own", at)
	}
	if kind, err := r.fileSystem(at); err != nil {
		return fmt.Errorf("find the file system of %s: %w", at, err)
	} else if kind == unix.FUSE_SUPER_MAGIC {
		return distrusted("put it on a file system of the system's",
			"%s is on a FUSE file system, where whoever mounted it decides what is read", at)
	}
	return r.interpreter(at, depth)
}

// resolve checks each part of a path, from the root on, and those of the links
// in it. It returns where the path leads.
func (r rules) resolve(path string) (string, os.FileInfo, error) {
	at, rest, links := "/", strings.Split(path[1:], "/"), 0
	info, err := os.Lstat(at)
	if err == nil {
		err = trusted(at, info)
	}
	for err == nil && len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			info, err = os.Lstat(at)
			continue
		}
		next := filepath.Join(at, name)
		if info, err = os.Lstat(next); err != nil {
			break
		}
		if err = trusted(next, info); err != nil || info.Mode()&os.ModeSymlink == 0 {
			at = next
			continue
		}
		var target string
		if target, err = os.Readlink(next); err != nil {
			break
		}
		if links++; links > maxLinks {
			return "", nil, distrusted("name the program itself", "%s leads through more than %d links", path, maxLinks)
		}
		rest = append(strings.Split(target, "/"), rest...)
		if filepath.IsAbs(target) {
			at = "/"
		}
	}
	return at, info, err
}

// trusted refuses what somebody other than root can change. An access list that
// lets a user write shows in the bits of the group.
func trusted(path string, info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("look at %s: the system tells no owner", path)
	}
	if stat.Uid != 0 {
		return distrusted("as root: chown root "+path, "%s belongs to the user with number %d, who can replace it", path, stat.Uid)
	}
	if info.Mode()&os.ModeSymlink != 0 {
		return nil // only who may write the folder can point it elsewhere
	}
	if info.Mode().Perm()&0o022 != 0 {
		return distrusted("as root: chmod go-w "+path+"; look at getfacl if the mode seems right",
			"%s can be written by others than root (mode %04o)", path, info.Mode().Perm())
	}
	if os.Geteuid() != 0 && unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS) == nil {
		return distrusted("take this right from the agent's user", "the agent's user can write %s, whatever its mode says", path)
	}
	return nil
}

// interpreter checks what the first line of a script names.
func (r rules) interpreter(path string, depth int) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrPermission) {
		return distrusted("chmod a+r "+path, "%s cannot be read, so that nobody knows what interprets it", path)
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it is only read
	line, err := bufio.NewReader(io.LimitReader(f, maxFirstLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the first line of %s: %w", path, err)
	}
	text, script := strings.CutPrefix(line, "#!")
	if !script {
		return nil
	}
	words := strings.Fields(text)
	switch {
	case !strings.HasSuffix(line, "\n") || len(words) == 0 || !filepath.IsAbs(words[0]):
		return distrusted("begin the script like #!/bin/sh", "the first line of %s names no interpreter by its path", path)
	case filepath.Base(words[0]) == "env":
		return distrusted("name the interpreter by its path, like #!/usr/bin/python3", "%s has its interpreter looked up by env", path)
	case depth == 0:
		return distrusted("name a program, not a script of a script", "%s leads through more than %d interpreters", path, maxInterpreters)
	}
	if err := r.program(words[0], depth-1); err != nil {
		return fmt.Errorf("interpreter of %s: %w", path, err)
	}
	for _, w := range words[1:] {
		if !filepath.IsAbs(w) {
			continue
		}
		if _, _, err := r.resolve(w); err != nil {
			return fmt.Errorf("what the first line of %s names: %w", path, err)
		}
	}
	return nil
}
