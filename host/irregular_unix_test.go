//go:build unix

package host_test

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// irregular lists what may lie in the modules folder in place of a module, by
// what is said of it. Opening some of it would wait for ever.
func irregular(t *testing.T) map[string]func(path string) error {
	return map[string]func(string) error{
		"a named pipe, not a regular file": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder, not a regular file":     func(path string) error { return os.Mkdir(path, 0o700) },
		"a device, not a regular file":     func(path string) error { return os.Symlink("/dev/zero", path) },
		"where nothing is":                 func(path string) error { return os.Symlink("nowhere", path) },
		"too many levels of symbolic":      func(path string) error { return os.Symlink(path, path) },
		"is larger than": func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 10<<30) // sparse
		},
		"a socket, not a regular file": func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err == nil {
				t.Cleanup(func() { _ = l.Close() })
			}
			return err
		},
	}
}

// Neither the start, the watcher nor its end may wait for something that is not
// a file, and everything else must go on. The test shows that by ending.
func TestWhatIsNoFileIsRefused(t *testing.T) {
	for says, place := range irregular(t) {
		for _, name := range []string{"x.wasm", "x.wasm.minisig"} {
			t.Run(strings.ReplaceAll(says, " ", "-")+"/"+name, func(t *testing.T) {
				t.Parallel()
				const unsigned = "unsigned: there is no x.wasm.minisig"
				at, want := t.TempDir(), says
				if name == "x.wasm.minisig" && says == "where nothing is" {
					want = unsigned
				}
				put := func(l *life) {
					if name != "x.wasm" {
						l.write("x.wasm", named("x", "1.0.0"))
					}
					if err := place(l.path(name)); err != nil {
						t.Fatal(err)
					}
				}
				first := &life{TB: t, dir: at}
				put(first)
				l := watch(t, host.Settings{ModulesDir: at}, nil)
				refused(t, l, want)
				l.remove(name)
				l.write("x.wasm", named("x", "1.0.0"))
				refused(t, l, unsigned)
				l.remove("x.wasm")
				put(l)
				refused(t, l, want)
			})
		}
	}
}

// refused waits until a module is refused for a reason.
func refused(t *testing.T, l *life, says string) {
	t.Helper()
	var m host.Module
	soak.Await(t, "it is refused: "+says, func() bool {
		m = l.module("x.wasm")
		return m.State == host.Refused && strings.Contains(m.Reason, says)
	})
}

// The tools of authors read what an agent would, in the same way.
func TestInspectReadsOnlyFiles(t *testing.T) {
	for says, place := range irregular(t) {
		at := t.TempDir() + "/x.wasm"
		if err := place(at); err != nil {
			t.Fatal(err)
		}
		if _, _, err := host.Inspect(t.Context(), at, host.Settings{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
