package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// TestCommandsSayWhatTheyWaitFor runs a command while the agent starts: it says
// so on stderr, then prints its answer or the reason why there is none.
func TestCommandsSayWhatTheyWaitFor(t *testing.T) {
	const phase = "waiting for the agent, which is starting (opening the state)"
	log := slog.New(slog.DiscardHandler)
	for name, c := range map[string]struct {
		fails        error
		code         int
		stdout, says string
	}{
		"it becomes ready": {nil, 0, "RUN", ""},
		"it cannot start":  {errors.New("the agent could not start: cosmic rays"), 1, "", "the agent could not start: cosmic rays"},
	} {
		s := newStateFolder(t)
		cfg, err := config.Load(s.config())
		s.must(err)
		a, err := runtime.Lock(t.Context(), cfg, runtime.Settings{Log: log})
		s.must(err)
		listener, err := control.Listen(t.Context(), cfg.Agent.StateDir)
		s.must(err)
		started := make(chan struct{})
		wait := func(ctx context.Context) error {
			progress.Tell(ctx, progress.Step{Phase: phase, Notice: true})
			<-started
			return c.fails
		}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- control.Serve(ctx, listener, control.Calls(service.New(a), log).Before(wait), time.Minute, log)
		}()

		var stdout strings.Builder
		stderr, says := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			code := run(t.Context(), []string{"--config", s.config(), "runs"}, strings.NewReader(""), &stdout, says)
			_ = says.Close()
			ended <- code
		}()
		first := make([]byte, 1000)
		n, err := stderr.Read(first)
		if err != nil || !strings.Contains(string(first[:n]), phase) {
			t.Errorf("%s: the command says %q, %v", name, first[:n], err)
		}
		s.must(a.Open(t.Context()))
		close(started)
		rest, err := io.ReadAll(stderr)
		if code := <-ended; err != nil || code != c.code || !strings.Contains(string(rest), c.says) || !strings.HasPrefix(stdout.String(), c.stdout) {
			t.Errorf("%s: exit %d, %q, %q, %v", name, code, stdout.String(), rest, err)
		}
		stop()
		s.must(<-served)
		a.Close()
	}
}
