package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// A command that comes while the agent starts waits for it, says so, and then
// gets its answer or the reason why there is none.
func TestCommandsWaitForTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		fails error
		limit time.Duration
		code  int
		says  string
	}{
		"it becomes ready":       {nil, time.Hour, 0, ""},
		"it cannot start":        {errors.New("connectors: cosmic rays"), time.Hour, 1, "the agent could not start: connectors: cosmic rays"},
		"it never becomes ready": {nil, time.Nanosecond, 1, "has been starting for 1ns and is still opening the state: nothing was done"},
	} {
		s := newStateFolder(t)
		cfg := s.load()
		a, err := lockApp(t.Context(), cfg, slog.New(slog.DiscardHandler))
		s.must(err)
		listener, err := control.Listen(t.Context(), cfg.Agent.StateDir)
		s.must(err)
		starting := newStart()
		starting.notice, starting.limit = time.Millisecond, c.limit
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- control.Serve(ctx, listener, a.calls().Before(starting.wait), time.Second, slog.New(slog.DiscardHandler))
		}()

		var stdout strings.Builder
		stderr, says := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			code := run(t.Context(), []string{"--config", s.config(), "runs"}, strings.NewReader(""), &stdout, says)
			_ = says.Close()
			ended <- code
		}()
		said := make(chan string, 1)
		if c.limit == time.Hour {
			first := make([]byte, 1000)
			n, err := stderr.Read(first)
			if err != nil || !strings.Contains(string(first[:n]), "waiting for the agent, which is starting (opening the state)") {
				t.Errorf("%s: the command says %q, %v", name, first[:n], err)
			}
			s.must(a.open(t.Context()))
			starting.end(c.fails)
		}
		go func() { all, _ := io.ReadAll(stderr); said <- string(all) }()
		code, rest := <-ended, <-said
		if code != c.code || !strings.Contains(rest, c.says) || c.code == 0 && !strings.HasPrefix(stdout.String(), "RUN") {
			t.Errorf("%s: exit %d, %q, %q", name, code, stdout.String(), rest)
		}
		stop()
		s.must(<-served)
		a.close()
	}
}

// A command that is stopped while it waits says that nothing was done.
func TestStoppedWhileTheAgentStarts(t *testing.T) {
	s := newStart()
	s.notice = time.Millisecond
	ctx, stop := context.WithCancelCause(t.Context())
	ctx = progress.With(ctx, func(progress.Step) { stop(control.StoppedError("stopped with Ctrl-C")) })
	if err := s.wait(ctx); err == nil || err.Error() != "nothing was done, the agent is still opening the state: stopped with Ctrl-C" {
		t.Error(err)
	}
	s.end(errors.New("no")) // the agent ends, and with it the contexts of its calls
	if err := s.wait(ctx); err == nil || err.Error() != "the agent could not start: no" {
		t.Error(err)
	}
}
