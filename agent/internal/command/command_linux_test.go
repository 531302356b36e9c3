package command

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rollcall-agent/rollcall/host/soak"
)

// asUser names the program that this test binary is to check as another user.
const asUser = "ROLLCALL_TEST_CHECK"

func TestMain(m *testing.M) {
	if path := os.Getenv(asUser); path != "" {
		if err := New(Settings{Allow: []string{path}}).Check(path); err != nil {
			_, _ = os.Stdout.WriteString(err.Error())
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// folder makes a folder that only root can write, and so can all above it.
func folder(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the tests need root")
	}
	dir, err := os.MkdirTemp("/opt", "rollcall-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return chmod(t, dir, 0o755)
}

func chmod(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func script(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return chmod(t, path, 0o755)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func runner(programs ...string) *Runner {
	return New(Settings{Allow: programs, Timeout: soak.Patience, Output: 10})
}

func TestWhatAProgramGets(t *testing.T) {
	dir := folder(t)
	show := script(t, filepath.Join(dir, "show"), `#!/bin/sh
printf '<%s>' "$@"
/bin/pwd >&2
/usr/bin/tr '\0' '\n' </proc/$$/environ >&2
/bin/cat >&2
/usr/bin/tty >&2
`)
	r := New(Settings{Allow: []string{show}, Timeout: soak.Patience})
	got, err := r.Run(t.Context(), []string{show, "-rf", "a b; $(touch x) `y` 'z'", "", "ä\n*"})
	if want := "<-rf><a b; $(touch x) `y` 'z'><><ä\n*>"; got.Stdout != want || got.StdoutCut {
		t.Errorf("%q, want %q", got.Stdout, want)
	}
	// The folder, no variable, no input and no terminal: tty ends with 1.
	if want := "/\nnot a tty\n"; got.Stderr != want || got.Exit != 1 || err == nil {
		t.Errorf("stderr %q, exit %d, %v", got.Stderr, got.Exit, err)
	}
}

func TestEnds(t *testing.T) {
	dir := folder(t)
	for name, c := range map[string]struct {
		text           string
		exit           int
		stdout, stderr string
		cut            bool
		want           string
	}{
		"good":     {"echo yes; echo no >&2", 0, "yes\n", "no\n", false, ""},
		"exit":     {"echo why >&2; exit 3", 3, "", "why\n", false, "exit status 3; next: read what it wrote to stderr"},
		"signal":   {"kill -9 $$", -1, "", "", false, "signal: killed"},
		"much":     {"echo 0123456789abc", 0, "0123456789", "", true, ""},
		"half":     {"printf 123456789ä", 0, "123456789", "", true, ""},
		"no UTF-8": {`printf '\377x'`, 0, "\uFFFDx", "", false, ""},
		"endless":  {"/usr/bin/head -c 3000000 /dev/zero | /usr/bin/tr '\\0' a", 0, "aaaaaaaaaa", "", true, ""},
	} {
		p := script(t, filepath.Join(dir, name), "#!/bin/sh\n"+c.text+"\n")
		got, err := runner(p).Run(t.Context(), []string{p, "secret argument"})
		if got.Exit != c.exit || got.Stdout != c.stdout || got.Stderr != c.stderr || got.StdoutCut != c.cut {
			t.Errorf("%s: %+v", name, got)
		}
		var e *Error
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &e) || !e.Started || !e.Temporary() || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret argument") {
			t.Errorf("%s: the argument: %v", name, err)
		}
	}
}

// TestNothingIsLeft: the group ends with the time limit, with the context, and
// with the program.
func TestNothingIsLeft(t *testing.T) {
	dir := folder(t)
	note := filepath.Join(dir, "pid")
	const child = "#!/bin/sh\n/bin/sleep 100000 &\necho $! >%[1]s.new; /bin/mv %[1]s.new %[1]s\n"
	starts := strings.ReplaceAll(child, "%[1]s", note)
	for name, last := range map[string]string{"time": "wait", "context": "wait", "exit": "exit 0"} {
		p := script(t, filepath.Join(dir, name), starts+last+"\n")
		settings := Settings{Allow: []string{p}, Timeout: soak.Patience}
		if name == "time" {
			settings.Timeout = 2 * time.Second
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := New(settings).Run(ctx, []string{p})
			done <- err
		}()
		var pid int
		soak.Await(t, "the program has a child", func() bool {
			text, err := os.ReadFile(note)
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
			return err == nil && pid > 0
		})
		if name == "context" {
			cancel(errors.New("the agent stops"))
		}
		err := <-done
		cancel(nil)
		want := map[string]string{"time": "ended with its processes: it took longer than 2s", "context": "the agent stops"}[name]
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", name, err)
		}
		soak.Await(t, name+": the child has ended", func() bool {
			state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
			return err != nil || strings.Contains(string(state), ") Z ")
		})
		must(t, os.Remove(note))
	}
}

// TestDistrust is the table of what a user who is not root could change.
func TestDistrust(t *testing.T) {
	dir := folder(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	good := script(t, at("good"), "#!/bin/sh\n")
	make := func(name string, change func(path string) error) string {
		p := script(t, at(name), "#!/bin/sh\n")
		must(t, change(p))
		return p
	}
	link := func(name, target string) string {
		must(t, os.Symlink(target, at(name)))
		return at(name)
	}
	owned := script(t, at("owned/deep/program"), "#!/bin/sh\n")
	must(t, os.Chown(at("owned"), 65534, 0))
	open := script(t, at("open/program"), "#!/bin/sh\n")
	chmod(t, at("open"), 0o777|os.ModeSticky)
	writable := make("writable", func(p string) error { return os.Chmod(p, 0o775) })
	foreign := link("foreign", good)
	must(t, os.Lchown(foreign, 65534, 65534))
	for path, want := range map[string]string{
		good:                 "",
		"/bin/true":          "", // by a link of the system
		link("link", "good"): "",
		link("up", "../"+filepath.Base(dir)+"/good"): "",
		at("none"): "no such file",
		dir:        "is not a regular file",
		writable:   "can be written by others than root (mode 0775); next: as root: chmod go-w " + writable,
		make("world", func(p string) error { return os.Chmod(p, 0o757) }):                "mode 0757",
		make("chown", func(p string) error { return os.Chown(p, 65534, 0) }):             "belongs to the user with number 65534, who can replace it",
		make("setuid", func(p string) error { return os.Chmod(p, 0o755|os.ModeSetuid) }): "setuid or setgid",
		make("setgid", func(p string) error { return os.Chmod(p, 0o755|os.ModeSetgid) }): "setuid or setgid",
		make("data", func(p string) error { return os.Chmod(p, 0o644) }):                 "is not executable",
		owned:                    at("owned") + " belongs to the user",
		open:                     at("open") + " can be written by others",
		foreign:                  foreign + " belongs to the user",
		link("out", open):        at("open") + " can be written by others",
		link("loop", at("loop")): "more than 40 links",
		script(t, at("by-open"), "#! "+open+" -x\n"):             "interpreter of " + at("by-open") + ": " + at("open") + " can be written",
		script(t, at("by-link"), "#!"+at("out")+"\n"):            "interpreter of ",
		script(t, at("by-file"), "#!/bin/sh "+writable+"\n"):     "what the first line of " + at("by-file") + " names: " + writable,
		script(t, at("by-env"), "#!/usr/bin/env python3\n"):      "has its interpreter looked up by env",
		script(t, at("by-name"), "#!sh\n"):                       "names no interpreter by its path",
		script(t, at("by-long"), "#!/"+strings.Repeat("x", 300)): "names no interpreter by its path",
		script(t, at("by-itself"), "#!"+at("by-itself")+"\n"):    "more than 4 interpreters",
		script(t, at("by-relative"), "#!bin/sh\n"):               "names no interpreter by its path",
		dir + "/../" + filepath.Base(dir) + "/good":              "not an absolute path in its shortest form",
		"good": "not an absolute path",
	} {
		err := runner(path).Check(path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", path, err, want)
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Temporary() || e.Next == "") {
			t.Errorf("%s: %#v", path, err)
		}
	}
	fuse := rules{fileSystem: func(string) (int64, error) { return unix.FUSE_SUPER_MAGIC, nil }}
	if err := fuse.check(good); err == nil || !strings.Contains(err.Error(), "FUSE") {
		t.Errorf("%v", err)
	}
}

// TestCheckedBeforeEachRun changes a program after it has run once.
func TestCheckedBeforeEachRun(t *testing.T) {
	dir := folder(t)
	p := script(t, filepath.Join(dir, "program"), "#!/bin/sh\necho ran\n")
	r := runner(p)
	if got, err := r.Run(t.Context(), []string{p}); err != nil || got.Stdout != "ran\n" {
		t.Fatalf("%+v, %v", got, err)
	}
	chmod(t, dir, 0o777)
	if got, err := r.Run(t.Context(), []string{p}); err == nil || got.Stdout != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRefusedCommands(t *testing.T) {
	for want, argv := range map[string][]string{
		"run a command: there is no program":                         nil,
		"run /bin/false: allow_commands in [agent] does not name it": {"/bin/false"},
		"run /bin//true: allow_commands":                             {"/bin//true"},
		"run /bin/true: argument 2: it has a NUL byte":               {"/bin/true", "a", "hidden\x00"},
		"run /bin/true: argument 1: it has 131072 bytes":             {"/bin/true", strings.Repeat("a", 128<<10)},
	} {
		_, err := runner("/bin/true").Run(t.Context(), argv)
		var e *Error
		if !errors.As(err, &e) || e.Started || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v; want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runner("/bin/true").Run(ctx, []string{"/bin/true"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestAnotherUser checks as nobody: alone, and with a capability by which it can
// write everything.
func TestAnotherUser(t *testing.T) {
	dir := folder(t)
	binary, err := os.ReadFile(os.Args[0])
	must(t, err)
	test := script(t, filepath.Join(dir, "test"), string(binary))
	good := script(t, filepath.Join(dir, "good"), "#!/bin/sh\n")
	const overrideDAC = 1 // CAP_DAC_OVERRIDE
	for want, caps := range map[string][]uintptr{"": nil, "the agent's user can write /, whatever its mode says": {overrideDAC}} {
		cmd := exec.CommandContext(t.Context(), test)
		cmd.Env = append(os.Environ(), asUser+"="+good)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: caps}
		out, err := cmd.CombinedOutput()
		if err != nil || want == "" && len(out) > 0 || !strings.Contains(string(out), want) {
			t.Errorf("%s, %v; want %q", out, err, want)
		}
	}
}
