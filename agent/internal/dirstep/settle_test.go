package dirstep

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// doubtful has a write in doubt.
type doubtful struct{ Store }

func (doubtful) Intents(context.Context) ([]store.Intent, error) {
	return []store.Intent{{GUID: "1", Server: "ldaps://dc1"}}, nil
}

// TestWatchFollowsTheConfiguration: what was read again since counts, such as the
// domain controllers that may be asked.
func TestWatchFollowsTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		asked := map[string]int{}
		actor := func(configuration string) *Actor {
			return New(Settings{
				Store: doubtful{}, Log: slog.New(slog.DiscardHandler),
				Connect: func(context.Context, string) (Directory, error) {
					asked[configuration]++
					return nil, errors.New("it cannot be reached")
				},
			})
		}
		var now atomic.Pointer[Actor]
		now.Store(actor("first"))
		ended := make(chan struct{})
		go func() { Watch(ctx, now.Load); close(ended) }()
		synctest.Wait()
		now.Store(actor("second"))
		time.Sleep(every)
		synctest.Wait()
		stop()
		<-ended
		if asked["first"] != 1 || asked["second"] != 1 {
			t.Errorf("%v", asked)
		}
	})
}
