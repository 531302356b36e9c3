package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Follower keeps the mirror up to date for the change feed, over a connection of its
// own to one domain controller.
//
// It waits for no run: a plan reads the mirror as it was when the plan began (see
// view). Only a read of everything, which takes several transactions, takes the
// turn of a run. One goroutine at a time may call it.
type Follower struct {
	engine *Engine
	client Directory
	schema ident.Schema // of the attributes to mirror, once it is read
	synced bool         // over this connection
	usn    int64        // as it was read last; 0: not since the last Sync
	after  int64        // how many synchronisations there were before that
	slow   time.Duration
}

// RecordsEvents reports whether what changes in the directory is recorded: some
// automation asks for it.
func (e *Engine) RecordsEvents() bool { return e.mirrors.Load().Events }

// Follow opens the connection of a Follower: to the domain controller that the
// mirror was last brought up to date with, if it can be reached.
func (e *Engine) Follow(ctx context.Context) (*Follower, error) {
	prefer, err := e.preferred(ctx, true)
	if err != nil {
		return nil, err
	}
	client, err := e.Connect(ctx, prefer)
	if err != nil {
		return nil, err
	}
	e.turn.follow.Add(1)
	return &Follower{engine: e, client: client}, nil
}

// Close ends the connection.
func (f *Follower) Close() error {
	f.engine.turn.follow.Add(-1)
	return f.client.Close()
}

// Server describes the domain controller.
func (f *Follower) Server() conn.Server { return f.client.Server() }

// HighestUSN reads how far the domain controller is. Sync takes what was read last for
// where the domain controller is when it begins.
func (f *Follower) HighestUSN(ctx context.Context) (usn int64, err error) {
	f.after = f.engine.turn.syncs.Load()
	f.usn, err = f.client.HighestUSN(ctx)
	return f.usn, err
}

// looked is a connection over which it was just read how far the domain controller is.
// A USN that is older than the read that follows is safe, as it leads to one more
// read, but it must not be older than the one that the mirror has: when a run has
// brought the mirror up to date since, it is read again.
type looked struct {
	Directory
	engine     *Engine
	usn, after int64 // usn is 0 once it was taken: later in the read it is too old
}

func (l *looked) HighestUSN(ctx context.Context) (int64, error) {
	usn := l.usn
	if l.usn = 0; usn == 0 || l.after != l.engine.turn.syncs.Load() {
		return l.Directory.HighestUSN(ctx)
	}
	return usn, nil
}

// Notify calls changed whenever the domain controller says that something has
// changed, until ctx ends. It returns at once with an error if that cannot be had.
func (f *Follower) Notify(ctx context.Context, changed func()) error {
	n, ok := f.client.(interface {
		Notify(ctx context.Context, changed func()) error
	})
	if !ok {
		return errors.ErrUnsupported
	}
	return n.Notify(ctx, changed)
}

// ErrElsewhere means that a run has brought the mirror up to date with another
// domain controller: a Follower that is opened anew goes on there, without reading
// everything.
var ErrElsewhere = errors.New("a run has read the directory from another domain controller")

const (
	// sweepEvery is the shortest time between two searches for deletions that the
	// account is not shown: each reads all GUIDs.
	sweepEvery = time.Minute
	// sweepShare bounds how much of the time these searches take: one part in 20.
	sweepShare   = 20
	sweepAtLeast = 15 * time.Minute
)

// Sync brings the mirror up to date.
func (f *Follower) Sync(ctx context.Context) (mirror.Report, error) {
	e := f.engine
	if f.schema == nil {
		schema, err := mirror.ReadSchema(ctx, f.client, e.schemaNames())
		if err != nil {
			return mirror.Report{}, fmt.Errorf("look up what the directory takes: %w", err)
		}
		f.schema = schema
	}
	spec := e.mirrored(f.schema)
	spec.Incremental, spec.SweepEvery = true, min(max(sweepEvery, sweepShare*f.slow), sweepAtLeast)
	client := &looked{f.client, e, f.usn, f.after}
	f.usn = 0
	report, err := e.synchronise(ctx, client, spec)
	var whole *mirror.WholeError
	if errors.As(err, &whole) {
		if whole.Elsewhere && f.synced {
			return report, ErrElsewhere
		}
		err = e.inTurn(ctx, "the change feed", func() error {
			spec.Incremental = false
			report, err = e.synchronise(ctx, f.client, spec)
			return err
		})
	}
	if shrunk := new(*mirror.ShrinkError); errors.As(err, shrunk) {
		return report, fmt.Errorf("%w; if that many were really deleted, say so once: %s AUTOMATION, with the name of any "+
			"automation that can run",
			err, ident.Command("plan --accept-shrink"))
	}
	if err == nil {
		f.synced = true
		f.slow = max(f.slow, report.Took)
		if report.Full {
			f.slow = 0 // a search for deletions reads much less
		}
	}
	return report, err
}
