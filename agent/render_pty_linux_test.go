package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal of that many columns. What is written to the
// second file is read from the first.
func terminal(t *testing.T, columns uint16) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatalf("set the terminal up: %v", err)
	}
	return screen, tty
}

// onTerminal runs the command with its output and its errors on a terminal.
func onTerminal(t *testing.T, columns uint16, env []string, args ...string) string {
	t.Helper()
	screen, tty := terminal(t, columns)
	cmd := exec.CommandContext(t.Context(), build().binary, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	said, err := io.ReadAll(screen)
	if err != nil && !errors.Is(err, syscall.EIO) { // how the end of a terminal reads
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code is not what is asked
	return strings.ReplaceAll(string(said), "\r\n", "\n")
}

// TestOnATerminal looks at commands on real terminals: every line fits, colours
// come unless the environment forbids them, JSON has none.
func TestOnATerminal(t *testing.T) {
	if err := build().err; err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		columns  uint16
		env      []string
		args     []string
		coloured bool
	}{
		{80, []string{"TERM=xterm", "NO_COLOR="}, []string{"functions"}, true},
		{120, []string{"TERM=xterm", "NO_COLOR="}, []string{"functions"}, true},
		{80, []string{"TERM=xterm", "NO_COLOR=1"}, []string{"functions"}, false},
		{80, []string{"TERM=dumb", "NO_COLOR="}, []string{"functions"}, false},
		{80, []string{"TERM=xterm", "NO_COLOR="}, []string{"--output", "json", "functions", "trim"}, false},
		{80, []string{"TERM=xterm", "NO_COLOR="}, []string{"functions", strings.Repeat("there is no such function ", 9) + "\x1b[2J"}, true},
	} {
		name := fmt.Sprint(tc.columns, tc.env, tc.args)
		said := onTerminal(t, tc.columns, tc.env, tc.args...)
		if said == "" {
			t.Errorf("%s: nothing is printed", name)
		}
		if got := strings.Contains(said, "\x1b[0m"); got != tc.coloured {
			t.Errorf("%s: coloured %t", name, got)
		}
		for _, style := range []style{bold, red, "0"} {
			said = strings.ReplaceAll(said, "\x1b["+string(style)+"m", "")
		}
		for _, line := range strings.Split(said, "\n") {
			json := tc.args[0] == "--output"
			if !json && cells(line) > int(tc.columns) || strings.ContainsFunc(line, drivesTerminal) {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}
