package engine

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// How long runs of single users go on with what an earlier one has prepared.
const (
	warmIdle  = time.Minute      // a connection that nobody uses
	warmAge   = 10 * time.Minute // a connection: one to a DC that is used no more ends some time
	warmKnown = time.Minute      // the schema, and which groups are privileged
)

// warm keeps the connection of a run of single users for the next one. To connect
// and to prepare takes several times as long as the rest of such a run.
//
// What is kept decides nothing alone: each object is read before it is written,
// with the groups that it is in at that moment.
type warm struct {
	mu     sync.Mutex
	kept   *warmed
	timer  *time.Timer
	closed bool
}

// warmed is a connection with what was prepared over it.
type warmed struct {
	client   Directory
	opened   time.Time
	prepared time.Time // when the fields below were read
	schema   ident.Schema
	writer   *write.Writer
}

// take returns the kept connection if it leads to that domain controller ("" for
// any), or nil.
func (w *warm) take(url string, now time.Time) *warmed {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.kept
	if c == nil {
		return nil
	}
	w.timer.Stop()
	w.kept = nil
	if url != "" && c.client.Server().URL != url || now.Sub(c.opened) > warmAge {
		_ = c.client.Close()
		return nil
	}
	return c
}

// give keeps a connection for the next run, or ends it.
func (w *warm) give(c *warmed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.kept != nil {
		_ = c.client.Close()
		return
	}
	w.kept = c
	w.timer = time.AfterFunc(warmIdle, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.kept == c {
			w.kept = nil
			_ = c.client.Close()
		}
	})
}

func (w *warm) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.kept != nil {
		w.timer.Stop()
		_ = w.kept.client.Close()
		w.kept = nil
	}
}

// Close ends what the engine keeps between runs. No run may be under way.
func (e *Engine) Close() { e.warm.close() }

// connectedWarm is connected for a run of single users. After an error the
// connection ends: it may be the reason.
func (e *Engine) connectedWarm(ctx context.Context, do func(*warmed) error) error {
	prefer, err := e.preferred(ctx, true) // another DC would mean to read everything
	if err != nil {
		return err
	}
	c := e.warm.take(prefer, e.Now())
	if c == nil {
		client, err := e.Connect(ctx, prefer)
		if err != nil {
			return err
		}
		c = &warmed{client: client, opened: e.Now()}
	}
	if err := do(c); err != nil {
		_ = c.client.Close()
		return err
	}
	e.warm.give(c)
	return nil
}

// prepare reads what is not known, or not any more.
func (c *warmed) prepare(ctx context.Context, e *Engine) error {
	now := e.Now()
	if c.writer != nil && now.Sub(c.prepared) < warmKnown && !now.Before(c.prepared) {
		return nil
	}
	writer, err := e.writer(ctx, c.client)
	if err != nil {
		return err
	}
	schema, err := e.schema(ctx, c.client, nil)
	if err != nil {
		return err
	}
	c.writer, c.schema, c.prepared = writer, schema, now
	return nil
}
