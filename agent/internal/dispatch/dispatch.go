// Package dispatch carries orchestrations out. It takes instances whose next step
// is due and deliveries of the outbox from the store, reads their object from the
// directory, does what package orchestration decides, and records what came of it.
//
// For one application and object it sends strictly in order; everything else runs
// in parallel, and an application that is slow or down delays no other. What a
// killed process leaves is taken up by the next one: a call that was under way is
// sent again, the same to the byte, with the note that it may have arrived.
//
// Rules that need no clock and no I/O are in package orchestration, and those about
// rows are in package store.
package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// Store keeps instances and deliveries: *store.Store.
type Store interface {
	AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (store.Lease, error)
	RenewLease(ctx context.Context, lease store.Lease, ttl time.Duration) (store.Lease, error)
	ReleaseLease(ctx context.Context, lease store.Lease) error

	Definition(ctx context.Context, digest string) (json.RawMessage, error)
	InitialPassword(ctx context.Context, instance int64) (sealed []byte, err error)
	Instance(ctx context.Context, id int64) (store.Instance, error)
	InstancesByID(ctx context.Context, ids []int64) (map[int64]store.Instance, error)
	EarlierInstances(ctx context.Context, guid ident.GUID, before int64) ([]store.Instance, error)
	DueInstances(ctx context.Context, now time.Time, limit int) ([]store.Instance, error)
	AdvanceInstances(ctx context.Context, lease store.Lease, list []store.Advance) (stale []int64, err error)

	TakeDeliveries(ctx context.Context, lease store.Lease, now time.Time, most map[string]int) ([]store.Delivery, error)
	SaveCalls(ctx context.Context, lease store.Lease, list []store.Call) error
	SettleDeliveries(ctx context.Context, lease store.Lease, list []store.Settled) (store.Settlement, error)
	RecoverDeliveries(ctx context.Context, lease store.Lease) (int, error)

	// EntryByGUID finds an object in the mirror.
	EntryByGUID(ctx context.Context, guid ident.GUID) (e ident.Entry, found bool, err error)
	Links
}

// Sender sends to applications.
type Sender interface {
	// Applications returns the settings of every application that is configured.
	Applications() map[string]map[string]any
	// Sends reports whether an application may be sent to now: it is enabled and has
	// a connector. What is queued for others is kept.
	Sends(application string) bool
	// Send carries out one call. An error that says what the application or the
	// connector made of it is a *host.CallError. No text of call.Hide is logged, or
	// returned with the answer or the error.
	Send(ctx context.Context, application string, call Outgoing) (host.Answer, error)
}

// Directory reads objects as they are now.
type Directory interface {
	// Object returns the object with a GUID; found is false when there is none.
	// "*" among the attributes stands for all.
	Object(ctx context.Context, guid ident.GUID, attributes []string) (e ident.Entry, found bool, err error)
	// Named returns the object with a DN.
	Named(ctx context.Context, dn ident.DN, attributes []string) (e ident.Entry, found bool, err error)
	// Schema returns what is known about attributes; "*" among them asks nothing.
	Schema(ctx context.Context, attributes []string) (ident.Schema, error)
}

// Action is a step that is no delivery, with the values of its object.
type Action struct {
	Instance store.Instance
	Step     string
	Turn     int // how often the step has begun
	Attempt  int
	Again    bool        // an earlier attempt may have had its effect
	Approved bool        // limits would not allow the step, and a person has approved it
	Lease    store.Lease // for what the step writes to the store
	orchestration.Rendered
}

// Done is what came of an Action.
type Done struct {
	orchestration.Result
	Request string // what people may see of what was done
	Answer  string
	Journal []store.JournalLine
	// Held says why a person must approve the step before anything of it is done;
	// "": nobody need.
	Held string
}

// Actor carries out the steps of one kind: mail, command or directory. It must
// return soon after ctx has ended.
type Actor interface {
	Act(ctx context.Context, a Action) Done
}

// Settings say what a Dispatcher works with.
type Settings struct {
	Store     Store
	Sender    Sender
	Directory Directory
	// Actors returns who carries out the steps that are no deliveries, as things are
	// now; nil: nobody does. An instance with a step of a kind that has none becomes
	// blocked before anything of it is done.
	Actors func() map[orchestration.Kind]Actor
	Sealer Sealer // of initial passwords, and of calls that hold one
	// Observe is told what became of each attempt to deliver: done, failed (given up,
	// and its instance goes on), retrying, dead or dropped; nil: nobody is.
	Observe func(webhook, result string)
	Log     *slog.Logger
	Owner   string           // of the lease
	Poll    time.Duration    // how often it looks for work that nobody has woken it for; 0: each second
	Now     func() time.Time // nil: time.Now
	Random  func() float64   // from 0 up to 1, for jitter; nil: random
}

// The sizes of the work.
const (
	leaseTime   = time.Minute
	batch       = 256 // instances that are moved on at once
	taken       = 128 // deliveries of one application that are prepared or sent at once
	parallel    = 8   // calls to one application at once
	acting      = 8   // steps of one kind at once that are no deliveries
	grace       = 5 * time.Second
	unreachable = 30 * time.Second // until the directory is asked again
)

// Dispatcher carries out what the store has. Run starts it.
type Dispatcher struct {
	Settings
	definitions definitions
	reading     chan struct{} // bounds the objects that are read at once

	advances *batcher[store.Advance, bool]
	calls    *batcher[store.Call, struct{}]
	settles  *batcher[store.Settled, string]

	instancesDue, deliveriesDue chan struct{}

	occupied *occupied

	mu           sync.Mutex
	lease        store.Lease
	applications map[string]*application
}

// New returns a Dispatcher.
func New(s Settings) *Dispatcher {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Poll == 0 {
		s.Poll = time.Second
	}
	if s.Observe == nil {
		s.Observe = func(string, string) {}
	}
	if s.Actors == nil {
		s.Actors = func() map[orchestration.Kind]Actor { return nil }
	}
	if s.Random == nil {
		s.Random = rand.Float64
	}
	d := &Dispatcher{
		Settings: s, reading: make(chan struct{}, parallel),
		instancesDue: make(chan struct{}, 1), deliveriesDue: make(chan struct{}, 1),
		occupied: newOccupied(), applications: map[string]*application{},
	}
	d.advances, d.calls, d.settles = newBatcher(d.writeAdvances), newBatcher(d.writeCalls), newBatcher(d.writeSettled)
	return d
}

// Wake says that something may be due: instances were started, or a person has
// decided about some. Without it they are found at the next poll.
func (d *Dispatcher) Wake() {
	wake(d.instancesDue)
	wake(d.deliveriesDue)
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run works until ctx ends. Calls that are under way then get a few seconds to
// end. It returns an error when it cannot begin, or when another process has taken
// its place.
func (d *Dispatcher) Run(ctx context.Context) error {
	return d.run(ctx,
		func(ctx context.Context, run *runner) error {
			return d.repeat(ctx, d.instancesDue, func() bool { return d.advanceDue(ctx, run) })
		},
		func(ctx context.Context, run *runner) error {
			return d.repeat(ctx, d.deliveriesDue, func() bool { return d.takeDue(ctx, run) })
		})
}

// loop is work that goes on beside the keeping of the lease.
type loop func(context.Context, *runner) error

func (d *Dispatcher) run(ctx context.Context, loops ...loop) error {
	lease, err := d.Store.AcquireLease(ctx, "outbox", d.Owner, leaseTime)
	if err != nil {
		return fmt.Errorf("start the outbox: %w", err)
	}
	d.lease = lease
	n, err := d.Store.RecoverDeliveries(ctx, lease)
	if err != nil {
		return fmt.Errorf("take up deliveries that were cut off: %w", err)
	}
	if n > 0 {
		d.Log.Info("deliveries were cut off and are sent again", "records", n)
	}
	err = d.work(ctx, loops)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, d.release(ctx))
}

// work runs the loops, and returns when all that they began has ended.
func (d *Dispatcher) work(ctx context.Context, loops []loop) error {
	writing, written := context.WithCancel(context.WithoutCancel(ctx))
	defer written()
	writers, running := errgroup.Group{}, errgroup.Group{}
	writers.Go(func() error { d.advances.run(writing); return nil })
	writers.Go(func() error { d.calls.run(writing); return nil })
	writers.Go(func() error { d.settles.run(writing); return nil })

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// What is under way outlives ctx by a few seconds.
	under, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, end) })()

	run := runner{ctx: under}
	for _, one := range append(loops, d.keepLease) {
		running.Go(func() error {
			err := one(ctx, &run)
			stop(err)
			return err
		})
	}
	err := running.Wait()
	run.Wait()
	written()
	_ = writers.Wait()
	return err
}

// runner starts what may outlive a turn of the loops.
type runner struct {
	sync.WaitGroup
	ctx context.Context //nolint:containedctx // of everything that it starts
}

// repeat calls do until it has nothing left to do, then waits for a moment or for
// due, and so on until ctx ends.
func (d *Dispatcher) repeat(ctx context.Context, due <-chan struct{}, do func() bool) error {
	timer := time.NewTimer(d.Poll)
	defer timer.Stop()
	for {
		for do() && ctx.Err() == nil {
		}
		timer.Reset(d.Poll)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-due:
		case <-timer.C:
		}
	}
}

func (d *Dispatcher) keepLease(ctx context.Context, _ *runner) error {
	tick := time.NewTicker(leaseTime / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		lease, err := d.Store.RenewLease(ctx, d.held(), leaseTime)
		var fenced *store.FencedError
		switch {
		case errors.As(err, &fenced):
			return fmt.Errorf("stop the outbox: %w", err)
		case err != nil && ctx.Err() == nil:
			d.Log.Warn("the outbox could not renew its lease", "cause", err)
		case err == nil:
			d.mu.Lock()
			d.lease = lease
			d.mu.Unlock()
		}
	}
}

func (d *Dispatcher) held() store.Lease {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lease
}

func (d *Dispatcher) release(ctx context.Context) error {
	err := d.Store.ReleaseLease(context.WithoutCancel(ctx), d.held())
	var fenced *store.FencedError
	if errors.As(err, &fenced) {
		return nil // another has it: work has said so
	}
	return err
}

func (d *Dispatcher) writeAdvances(ctx context.Context, list []store.Advance) ([]bool, error) {
	stale, err := d.Store.AdvanceInstances(ctx, d.held(), list)
	written := make([]bool, len(list))
	for i, a := range list {
		written[i] = err == nil
		for _, id := range stale {
			written[i] = written[i] && id != a.Instance
		}
	}
	return written, err
}

func (d *Dispatcher) writeCalls(ctx context.Context, list []store.Call) ([]struct{}, error) {
	return make([]struct{}, len(list)), d.Store.SaveCalls(ctx, d.held(), list)
}

// writeSettled returns for each what it was settled as.
func (d *Dispatcher) writeSettled(ctx context.Context, list []store.Settled) ([]string, error) {
	done, err := d.Store.SettleDeliveries(ctx, d.held(), list)
	wake(d.instancesDue) // they go on, or let later ones of their object go on
	results := make([]string, len(list))
	for i, s := range list {
		results[i] = settledAs(s)
	}
	for _, t := range done.Taken {
		d.Log.Warn("a delivery could not make its link", "key", t.Err.Wanted.Key, "application", t.Err.Wanted.Application, "cause", t.Err)
		at := slices.IndexFunc(list, func(s store.Settled) bool { return s.Delivery == t.Delivery })
		results[at] = string(store.DeliveryDead)
		if other := list[at].IfTaken; other != nil {
			results[at] = settledAs(*other)
		}
	}
	return results, err
}

func settledAs(s store.Settled) string {
	if s.Failed {
		return "failed"
	}
	return string(s.State)
}
