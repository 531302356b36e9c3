package runtime

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// start represents the start of the agent to commands that arrive meanwhile.
// They wait for its end, which takes minutes if connectors must be compiled.
type start struct {
	ended  chan struct{}
	err    error // why it failed; set before ended is closed
	phase  atomic.Value
	notice time.Duration // how long a command waits before it reports that it waits
	limit  time.Duration // how long it waits at most
}

func newStart() *start {
	s := &start{ended: make(chan struct{}), notice: time.Second, limit: 10 * time.Minute}
	s.at("opening the state")
	return s
}

// at sets what the agent is doing.
func (s *start) at(phase string) { s.phase.Store(phase) }

// end lets the waiting commands continue, or fail with the error of the start.
func (s *start) end(err error) {
	if err != nil {
		s.err = fmt.Errorf("the agent could not start: %w", err)
	}
	close(s.ended)
}

// wait returns when the start has ended.
func (s *start) wait(ctx context.Context) error {
	limit := time.NewTimer(s.limit)
	defer limit.Stop()
	notice := time.NewTicker(s.notice)
	defer notice.Stop()
	for told := false; ; {
		select {
		case <-s.ended:
			return s.err
		case <-limit.C:
			return fmt.Errorf("the agent has been starting for %s and is still %s: nothing was done; "+
				"its log says more, so look there, then try again", s.limit, s.phase.Load())
		case <-ctx.Done():
			select {
			case <-s.ended: // the start has failed, which also ended ctx
				return s.err
			default:
				return fmt.Errorf("nothing was done, the agent is still %s: %w", s.phase.Load(), context.Cause(ctx))
			}
		case <-notice.C:
			progress.Tell(ctx, progress.Step{Phase: fmt.Sprintf("waiting for the agent, which is starting (%s)", s.phase.Load()), Notice: !told})
			told = true
		}
	}
}
