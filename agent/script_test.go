package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// scriptCommands are what the scripts of testdata/script know beyond
// testscript's own commands.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"exitcode": scriptExitCode,
		"edit":     scriptEdit,
		"wasm":     scriptWASM,
		"holds":    scriptHolds,
		"lock":     scriptLock,
		"manager":  scriptManager,
		"sigterm":  scriptSigterm,
		"await":    scriptAwait,
		"until":    scriptUntil,
		"plain":    scriptPlain,
		"version":  scriptVersion,
		"become":   scriptBecome,
		"trust":    scriptTrust,
		"changed":  scriptChanged,
	}
}

// scriptExitCode is `exitcode N PROGRAM ARGS...`: the program must end with N.
func scriptExitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("the exit code is %d, want %d", got, want)
	}
}

// scriptEdit is `edit FROM TO OLD NEW`: TO is FROM with one text replaced. OLD
// must be there exactly once; \n and \e in NEW stand for a line end and ESC.
func scriptEdit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: edit from to old new")
	}
	text := ts.ReadFile(args[0])
	if n := strings.Count(text, args[2]); n != 1 {
		ts.Fatalf("%s holds %q %d times", args[0], args[2], n)
	}
	with := strings.NewReplacer(`\n`, "\n", `\e`, "\x1b").Replace(args[3])
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Replace(text, args[2], with, 1)), 0o600))
}

// scriptWASM is `wasm connector|foreign|truncated|MANIFEST FILE`: a module that
// the host accepts as the connector for Pipedrive and that does nothing, one
// that is no connector, half of the first, and one with a manifest of the
// script.
func scriptWASM(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: wasm connector|foreign|truncated|manifest file")
	}
	module := emptyModule()
	if args[0] != "foreign" {
		from := filepath.Join(ts.Getenv("REPO"), "plugins/pipedrive/manifest.toml")
		if filepath.Ext(args[0]) == ".toml" {
			from = ts.MkAbs(args[0])
		}
		manifest, err := os.ReadFile(from)
		ts.Check(err)
		module, err = host.Embed(module, manifest)
		ts.Check(err)
	}
	if args[0] == "truncated" {
		module = module[:len(module)/2]
	}
	file := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
	ts.Check(os.WriteFile(file, module, 0o644))
}

// emptyModule exports a fetch that delivers nothing.
func emptyModule() []byte {
	name := abi.ExportFetch
	return bytes.Join([][]byte{
		[]byte("\x00asm\x01\x00\x00\x00"),
		{1, 5, 1, 0x60, 0, 1, 0x7F}, // one type: nothing -> i32
		{3, 2, 1, 0},                // one function of that type
		{7, byte(len(name) + 4), 1, byte(len(name))},
		[]byte(name),
		{0, 0},
		{10, 6, 1, 4, 0, 0x41, 0, 0x0B}, // i32.const 0
	}, nil)
}

// scriptHolds is `[!] holds DIR TEXT`: some file below DIR holds the text.
// A folder without files fails either way: nothing was looked at.
func scriptHolds(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: holds dir text")
	}
	files, holder := 0, ""
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(args[1])) {
			holder = path
		}
		return err
	})
	ts.Check(err)
	switch {
	case files == 0:
		ts.Fatalf("%s has no files", args[0])
	case neg && holder != "":
		ts.Fatalf("%s holds %q", holder, args[1])
	case !neg && holder == "":
		ts.Fatalf("none of %d files holds %q", files, args[1])
	}
}

// scriptLock is `lock DIR`: another rollcall uses that state folder until the
// script ends.
func scriptLock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lock dir")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	lock := flock.New(filepath.Join(dir, "lock"))
	ok, err := lock.TryLock()
	ts.Check(err)
	if !ok {
		ts.Fatalf("%s is locked already", dir)
	}
	ts.Defer(func() { _ = lock.Unlock() })
}

// watched lists the scripts whose commands run with the race detector, which
// takes several times as long: all of them at full size, and otherwise those in
// which an agent runs, and one in five of the others.
func watched(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var agents, others []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if strings.Contains(read(t, file), " run &") {
			agents = append(agents, name)
		} else {
			others = append(others, name)
		}
	}
	return append(agents, soak.Some(t, len(others)/8, others)...)
}

type managerKey struct{}

// scriptSetup gives a script the repository's folder and a service manager that
// await can hear. The command has the race detector in those that are watched.
func scriptSetup(watched []string, env *testscript.Env) error {
	repo, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	if b := build(); b.err != nil {
		return b.err
	} else if !slices.Contains(watched, strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")) {
		env.Setenv("PATH", filepath.Dir(b.binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
	}
	env.Setenv("REPO", repo)
	env.Setenv("BASE", filepath.Join(repo, "agent/testdata/agent.toml"))
	env.Setenv("TZ", "UTC")
	env.Setenv("AD_PASSWORD", "of-nobody") // which the base configuration names
	env.Values[managerKey{}] = new(*net.UnixConn)
	return nil
}

// scriptManager is `manager`: from now on a program that says how it is
// (sd_notify) is heard by await.
func scriptManager(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: manager")
	}
	dir, err := os.MkdirTemp("", "rollcall-notify-") // names of sockets are short
	ts.Check(err)
	address := filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	ts.Check(err)
	ts.Defer(func() {
		_ = conn.Close()
		_ = os.RemoveAll(dir)
	})
	*ts.Value(managerKey{}).(**net.UnixConn) = conn
	ts.Setenv("NOTIFY_SOCKET", address)
}

// scriptAwait is `await STATE`: the next thing that the agent says to the
// service manager is STATE, such as READY=1.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	conn := *ts.Value(managerKey{}).(**net.UnixConn)
	if neg || len(args) != 1 || conn == nil {
		ts.Fatalf("usage: await state, after manager")
	}
	ts.Check(conn.SetReadDeadline(time.Now().Add(hang)))
	message := make([]byte, 1024)
	n, err := conn.Read(message)
	ts.Check(err)
	if got, _, _ := strings.Cut(string(message[:n]), "\n"); got != args[0] { // what follows is for people
		ts.Fatalf("the agent says %q, want %q", got, args[0])
	}
}

// scriptUntil is `until PATTERN PROGRAM ARGS...`: the program is run until what it
// prints matches. Completions answer with nothing when they take too long, as they
// may on a busy machine.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until pattern program [args...]")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	for begun := time.Now(); time.Since(begun) < hang; {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("no answer of %s matches %s", args[1], args[0])
}

// scriptSigterm is `sigterm`: what runs in the background is told to stop the
// way that a service manager does it.
func scriptSigterm(ts *testscript.TestScript, neg bool, args []string) {
	running := ts.BackgroundCmds()
	if neg || len(args) != 0 || len(running) == 0 {
		ts.Fatalf("usage: sigterm, with something in the background")
	}
	for _, cmd := range running {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

// scriptPlain is `plain stdout|stderr`: what was printed has no control
// characters but line ends.
func scriptPlain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: plain stdout|stderr")
	}
	text := ts.ReadFile(args[0])
	if text == "" {
		ts.Fatalf("%s is empty", args[0])
	}
	if at := strings.IndexFunc(text, drivesTerminal); at >= 0 {
		ts.Fatalf("%s has %q", args[0], text[at:min(len(text), at+20)])
	}
}

// drivesTerminal reports control characters, C1 ones too, that are not the end
// of a line, and those that turn the direction of the text.
func drivesTerminal(r rune) bool {
	return r < ' ' && r != '\n' || r >= 0x7F && r <= 0x9F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}
