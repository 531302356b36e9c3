package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// mode is how a terminal treats what is typed.
func mode(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

// TestCtrlCAtThePassword leaves the terminal as it was.
func TestCtrlCAtThePassword(t *testing.T) {
	s := newStateFolder(t)
	_, tty := terminal(t, 80)
	before := mode(t, tty)
	cmd := exec.CommandContext(t.Context(), s.binary, "--config", s.config(), "secret", "set", "token")
	cmd.Stdin = tty
	r := begin(t, cmd)
	for mode(t, tty) == before {
		if r.cmd.ProcessState != nil {
			t.Fatal("the command has ended")
		}
	}
	r.signal(os.Interrupt)
	a := r.ends()
	if a.code != 1 || !strings.Contains(a.stderr, "read the secret: stopped with Ctrl-C") {
		t.Errorf("exit %d %s", a.code, a.stderr)
	}
	if after := mode(t, tty); after != before {
		t.Errorf("the terminal is left in mode %+v, it was %+v", after, before)
	}
	if _, err := os.Stat(filepath.Join(s.state, "rollcall.db")); !os.IsNotExist(err) {
		t.Errorf("something was opened to store nothing: %v", err)
	}
}

// TestProgressOnATerminal shows how far the work is on the last line, takes it
// away before anything else is printed, and never lets it wrap.
func TestProgressOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	screen, tty := terminal(t, 20)
	s := newStatus(tty)
	s.show(progress.Step{Phase: "fetching records", Done: 1000})
	s.show(progress.Step{Phase: "writing", Done: 1, Of: 2})
	if _, err := io.WriteString(s, "a warning"); err != nil {
		t.Fatal(err)
	}
	s.show(progress.Step{Phase: "evil\x1b[2J"})
	s.clear()
	s.clear()
	const wipe = "\r\x1b[K"
	want := "fetching records: 1" + wipe + "writing 1 of 2 ..." + wipe + "a warning" + `evil\u001b[2J ...` + wipe
	got := make([]byte, len(want))
	if _, err := io.ReadFull(screen, got); err != nil || string(got) != want {
		t.Errorf("%q, %v\nwant %q", got, err, want)
	}
}

// TestProgressElsewhere: a file or a pipe gets only what must be known.
func TestProgressElsewhere(t *testing.T) {
	_, tty := terminal(t, 80)
	t.Setenv("TERM", "dumb")
	if newStatus(tty).width != nil {
		t.Error("a dumb terminal is shown a line that it cannot take away")
	}
	var b strings.Builder
	s := newStatus(&b)
	s.show(progress.Step{Phase: "writing", Done: 1, Of: 2})
	s.show(progress.Step{Phase: "waiting for the agent", Notice: true})
	s.clear()
	if b.String() != "rollcall: waiting for the agent\n" {
		t.Errorf("%q", b.String())
	}
}

// TestApplyShowsProgress on standard error, where it is a terminal, with an
// agent and without one.
func TestApplyShowsProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20)
	for _, served := range []bool{false, true} {
		var d *daemon
		if served {
			d = w.start()
		}
		for _, args := range [][]string{{"plan", "staff"}, {"apply", "staff"}} {
			screen, tty := terminal(t, 200)
			cmd := w.command(args...)
			cmd.Env = append(cmd.Env, "TERM=xterm")
			cmd.Stderr = tty
			shown := make(chan string, 1)
			go func() {
				text, _ := io.ReadAll(screen) // it ends with the last one who has the terminal
				shown <- string(text)
			}()
			out, err := cmd.Output()
			_ = tty.Close()
			text := <-shown
			if err != nil {
				t.Fatalf("%v: %v\n%s%s", args, err, out, text)
			}
			left := text[max(strings.LastIndex(text, "\x1b[K")+len("\x1b[K"), strings.LastIndex(text, "\n")+1):]
			if !strings.Contains(text, "\x1b[K") || left != "" || strings.Contains(string(out), "\x1b") {
				t.Errorf("%v, with an agent %v: %q is left of %q", args, served, left, text)
			}
			if !served && (!strings.Contains(text, "fetching records ...") || !strings.Contains(text, "reading the directory ...")) {
				t.Errorf("%v: %q", args, text)
			}
		}
		if served {
			d.stop()
		}
	}
}
