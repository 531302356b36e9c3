//go:build unix

package regular

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("file"), []byte("12345"), 0o600))
	must(os.Symlink("file", at("link")))
	must(os.Symlink("nowhere", at("dangling")))
	must(os.Symlink("loop", at("loop")))
	must(os.Mkdir(at("folder"), 0o700))
	must(syscall.Mkfifo(at("fifo"), 0o600))
	must(os.Symlink("fifo", at("link to a fifo")))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at("socket"), Net: "unix"})
	must(err)
	defer l.Close()
	huge, err := os.Create(at("huge"))
	must(err)
	must(huge.Truncate(10 << 30)) // sparse
	must(huge.Close())
	for name, want := range map[string]string{
		at("file"): "", at("link"): "", at("absent"): "no such file", at("dangling"): "a link to nowhere, where nothing is",
		at("loop"): "too many levels of symbolic links", at("folder"): "a folder, not a regular file",
		at("fifo"): "a named pipe, not a regular file", at("link to a fifo"): "a named pipe, not a regular file",
		at("socket"): "a socket, not a regular file", "/dev/zero": "a device, not a regular file",
		at("huge"): "huge is larger than 5 bytes",
	} {
		text, err := Read(name, 5)
		switch {
		case want == "" && (err != nil || string(text) != "12345"):
			t.Errorf("%s: %q, %v", name, text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if gone := want == "no such file" || strings.Contains(want, "nothing is"); gone != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: not there: %v", name, err)
		}
	}
}

func TestAFileIsNotReadBeyondItsLimit(t *testing.T) {
	name := filepath.Join(t.TempDir(), "growing")
	if err := os.WriteFile(name, []byte("123"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.WriteFile(name, []byte("1234567"), 0o600); err != nil {
		t.Fatal(err)
	}
	var large *TooLargeError
	if text, err := ReadFrom(f, 5); !errors.As(err, &large) {
		t.Errorf("%q, %v", text, err)
	}
	// Its size says 0, and it does not end by itself.
	if text, err := Read("/proc/self/maps", 5); !errors.As(err, &large) {
		t.Errorf("%q, %v", text, err)
	}
}

// A pipe that comes into a file's place after it was looked at is opened
// without waiting for somebody to write.
func TestOpeningDoesNotWait(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|withoutWaiting, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
