package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"

	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
)

// ErrServed means that another process serves the state folder: it holds the
// lock and can answer the command.
var ErrServed = errors.New("another process serves the state folder")

// lockWait is how long a command waits for another one that uses the same
// state.
const lockWait = 5 * time.Second

// lockPoll is the interval between two attempts to take the lock.
const lockPoll = 50 * time.Millisecond

// lockState waits until it has the lock.
func lockState(ctx context.Context, dir string, answers func() (bool, error)) (*flock.Flock, error) {
	deadline, notice := time.After(lockWait), time.After(lockWait/4)
	for {
		lock, err := statedir.Lock(dir)
		if err != nil || lock != nil {
			return lock, err
		}
		if answers != nil {
			if there, err := answers(); err != nil {
				return nil, err
			} else if there {
				return nil, ErrServed
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("nothing was done: %w", context.Cause(ctx))
		case <-deadline:
			return nil, fmt.Errorf("the state folder %s is in use by another rollcall, %s: "+
				"wait until it is done, or ask the running agent as the user that it runs as", absolute(dir), statedir.Holder(dir))
		case <-notice:
			progress.Tell(ctx, progress.Step{
				Phase: "waiting for another rollcall that uses the state folder, " + statedir.Holder(dir), Notice: true,
			})
		case <-time.After(lockPoll):
		}
	}
}
