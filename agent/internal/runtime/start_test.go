package runtime

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// A command that is stopped while it waits says that nothing was done.
func TestStoppedWhileTheAgentStarts(t *testing.T) {
	s := newStart()
	s.notice = time.Millisecond
	ctx, stop := context.WithCancelCause(t.Context())
	ctx = progress.With(ctx, func(progress.Step) { stop(errors.New("stopped with Ctrl-C")) })
	if err := s.wait(ctx); err == nil || err.Error() != "nothing was done, the agent is still opening the state: stopped with Ctrl-C" {
		t.Error(err)
	}
	s.end(errors.New("no")) // the agent ends, and with it the contexts of its calls
	if err := s.wait(ctx); err == nil || err.Error() != "the agent could not start: no" {
		t.Error(err)
	}
}
