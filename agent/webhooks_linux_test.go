package main

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// dialogue types answers at a terminal, each when the text has been shown.
func dialogue(t *testing.T, w *world, steps [][2]string, args ...string) (said string, code int) {
	t.Helper()
	screen, tty := terminal(t, 200)
	cmd := w.command(args...)
	cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	var all strings.Builder
	waiting := 0
	for in := bufio.NewReader(screen); ; {
		b, err := in.ReadByte()
		if err != nil { // how the end of a terminal reads
			break
		}
		all.WriteByte(b)
		if waiting < len(steps) && strings.HasSuffix(all.String(), steps[waiting][0]) {
			if _, err := io.WriteString(screen, steps[waiting][1]); err != nil {
				t.Fatal(err)
			}
			waiting++
		}
	}
	_ = cmd.Wait()
	if waiting < len(steps) {
		t.Errorf("%q was never shown:\n%s", steps[waiting][0], all.String())
	}
	return strings.ReplaceAll(all.String(), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

// triedAtTerminal: somebody searches, chooses, sees the request, and decides.
func triedAtTerminal(t *testing.T, w *world, f *front, one ident.Entry) {
	const which, send = "nothing to leave: ", "Send it? [y/N] "
	for name, c := range map[string]struct {
		steps   [][2]string
		args    []string
		arrives int
		want    []string
	}{
		"sent": {[][2]string{{which, "nobodyhasthis\n"}, {which, "ada\n"}, {which, "99\n"}, {which, "1\n"}, {send, "y\n"}}, nil, 1, []string{
			"About whom is pipedrive/deactivate_user to be sent?", `begins with "nobodyhasthis"`, "The list goes from 1 to", "(the credentials are put on when it is sent)",
			"Delivered: pipedrive answered 200.", string(one.DN),
		}},
		"not sent":   {[][2]string{{which, "ada\n"}, {which, "1\n"}, {send, "\n"}}, nil, 0, []string{"Nothing was sent."}},
		"left":       {[][2]string{{which, "\n"}}, nil, 0, []string{"group", "user"}},
		"a dry run":  {[][2]string{{which, "ada\n"}, {which, "1\n"}}, []string{"--dry-run"}, 0, []string{"Nothing was sent."}},
		"ends early": {[][2]string{{which, "\x04"}}, nil, 0, nil},
	} {
		f.take()
		said, code := dialogue(t, w, c.steps, append([]string{"test", "webhook", "pipedrive/deactivate_user"}, c.args...)...)
		if arrived := f.take(); len(arrived) != c.arrives || code != 0 {
			t.Errorf("%s: %d requests, exit %d:\n%s", name, len(arrived), code, said)
		}
		for _, want := range c.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %s\nwant %q", name, said, want)
			}
		}
	}
}
