//go:build !windows

package localfile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asNobody names the file that this test binary is to read as another user.
const asNobody = "ROLLCALL_TEST_READ"

func TestMain(m *testing.M) {
	if path := os.Getenv(asNobody); path != "" {
		if _, err := Read(path, Rules{Max: 10}); err != nil {
			_, _ = os.Stdout.WriteString(err.Error())
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	me := "user " + User() + " cannot read "
	pipe := at("pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		write(t, at("good"), "0123456789", 0o600): "",
		at("gone"):           me + at("gone") + ": no such file or directory; next: create it",
		at("no/such/folder"): "the folder " + at("no") + " does not exist",
		dir:                  ": a folder, not a regular file",
		pipe:                 ": a named pipe, not a regular file",
		"/dev/null":          ": a device, not a regular file",
		write(t, at("long"), "01234567890", 0o600): "is larger than 10 bytes",
		write(t, at("open"), "x", 0o640):           "it is open to other users (mode 0640); next: chmod 600 " + at("open"),
		filepath.Join(at("good"), "below"):         "not a directory",
	} {
		text, err := Read(path, Rules{Max: 10, Private: true})
		var local interface{ Local() bool }
		switch {
		case want == "":
			if err != nil || string(text) != "0123456789" {
				t.Errorf("%s: %q, %v", path, text, err)
			}
		case err == nil || !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v; want %q", path, err, want)
		case !errors.As(err, &local) || !local.Local():
			t.Errorf("%s: not told as a fault of this machine", path)
		}
	}
	if _, err := Read(at("open"), Rules{Max: 10}); err != nil {
		t.Errorf("a file that is no secret: %v", err)
	}
}

// TestAnotherUser reads as nobody what belongs to root: the error says who
// could not read what, whose it is, and what lets them.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("the tests need root")
	}
	dir, err := os.MkdirTemp("", "localfile")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := write(t, filepath.Join(dir, "program"), string(binary), 0o755)
	secret := write(t, filepath.Join(dir, "secret"), "x", 0o600)
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	within := write(t, filepath.Join(closed, "secret"), "x", 0o644)
	for path, want := range map[string]string{
		secret: "user nobody cannot read " + secret + ": permission denied (it belongs to root, mode 0600); next: give it to that user, as root: chown nobody " + secret + " && chmod 600 " + secret,
		within: "user nobody cannot read " + within + ": the folder " + closed + " (it belongs to root, mode 0700) keeps this user out: permission denied; next: let nobody enter it, for example, as root: chmod o+x " + closed,
	} {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = append(os.Environ(), asNobody+"="+path)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("got  %s, %v\nwant %s", out, err, want)
		}
	}
}
