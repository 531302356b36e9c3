// Package react begins orchestrations after changes in the directory. It takes the
// open events of the store in the order of their numbers, judges each of them for
// every automation that asks for such changes, and writes in one transaction what
// follows: orchestrations that begin or are held, the verdicts, and that the events
// are judged. So each event is judged exactly once, whatever is killed.
//
// An event that cannot be judged is set aside for a person, with its cause, and
// holds up nothing else. What the automations are comes from the present
// configuration; an event is judged by the automations of the moment at which it is
// judged.
//
// The package does not read changes from the directory, and carries no step out.
package react

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/failpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Store keeps events, verdicts and instances: *store.Store.
type Store interface {
	AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (store.Lease, error)
	RenewLease(ctx context.Context, lease store.Lease, ttl time.Duration) (store.Lease, error)
	ReleaseLease(ctx context.Context, lease store.Lease) error

	// OpenEvents returns the first events behind a number that can be judged now: none of
	// an object of which one up to that number is open. It returns a
	// *store.UnreadableEventError for a row that cannot be read.
	OpenEvents(ctx context.Context, after int64, limit int) ([]ident.Event, error)
	CountOpenEvents(ctx context.Context) (n int, err error)
	AsideEvents(ctx context.Context, automation string, from int64, limit int) ([]store.AsideEvent, error)
	JudgeEvents(ctx context.Context, lease store.Lease, list []store.JudgedEvent) ([]store.Judged, error)
	JudgeAside(ctx context.Context, lease store.Lease, list []store.JudgedEvent, by string) ([]store.Judged, error)

	// HeldChanges returns what a run holds with the events that began it.
	HeldChanges(ctx context.Context, run int64) ([]store.HeldChange, error)
	LaterEvents(ctx context.Context, guid ident.GUID, after int64) ([]ident.Event, error)
	ApproveInstances(ctx context.Context, h store.Holding, by string) (int, error)

	LinksOf(ctx context.Context, guid ident.GUID) ([]ident.Link, error)
	// EntryByDN finds an object of the mirror.
	EntryByDN(ctx context.Context, dn ident.DN) (ident.Entry, bool, error)
}

// Directory reads what the mirror does not have. While it cannot be reached, it says so
// without a delay, however many events need it.
type Directory interface {
	// Named returns the object with a DN; found is false when there is none. Its error
	// wraps ErrElsewhere when the object cannot be read from here, and that will stay so.
	Named(ctx context.Context, dn ident.DN, attributes []string) (e ident.Entry, found bool, err error)
	// Schema returns what is known about attributes; "*" among them asks nothing.
	Schema(ctx context.Context, attributes []string) (ident.Schema, error)
}

// ErrElsewhere says that an object belongs to another domain.
var ErrElsewhere = errors.New("the object cannot be read from this domain")

// ErrCounting says that it will be known in moments of how many a limit is a percentage.
var ErrCounting = errors.New("what it is a percentage of is still being counted")

// Automation is an automation that asks for changes in the directory.
type Automation struct {
	Name   string
	On     []ident.On
	Object ident.ObjectKind
	Bases  []ident.DN            // the former or the present DN must be under one of them
	Filter *orchestration.Filter // nil leaves out none

	Orchestration string
	Definition    json.RawMessage
	Compiled      *orchestration.Orchestration
	// Broken says why the orchestration cannot be carried out, with the next step.
	Broken error
	// Limit says how many may begin in 24 hours. An error is the reason why that is
	// not known now.
	Limit func(context.Context) (store.StartLimit, error)
}

// Settings say what a Reactor works with.
type Settings struct {
	Store     Store
	Directory Directory
	// Automations returns those of the present configuration.
	Automations func() []Automation
	// Judged is told what was written; nil: nobody is.
	Judged func(ctx context.Context, list []store.Judged)
	Log    *slog.Logger
	Owner  string           // of the lease
	Poll   time.Duration    // how often it looks for events that nobody has told it of; 0: every two seconds
	Now    func() time.Time // nil: time.Now
}

// The sizes of the work.
const (
	leaseTime = time.Minute
	batch     = 200 // events that are judged in one transaction
	mostHops  = 8
	patience  = 10 * time.Second // after a failure
	soon      = 50 * time.Millisecond
	longest   = 10 * time.Minute // that an event waits for what cannot be read
	longCount = time.Minute      // that events wait for a count before the log is told
)

// Reactor judges events. Run starts it.
type Reactor struct {
	Settings
	due chan struct{}

	told     time.Time // when the log was told of events that wait
	counting time.Time // since when they wait for counts alone; zero: they do not

	mu     sync.Mutex          // held while it judges
	unread map[ident.DN]unread // managers
	lease  store.Lease
	until  time.Time // of the lease
}

// New returns a Reactor.
func New(s Settings) *Reactor {
	if s.Poll == 0 {
		s.Poll = 2 * time.Second
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Judged == nil {
		s.Judged = func(context.Context, []store.Judged) {}
	}
	return &Reactor{Settings: s, due: make(chan struct{}, 1), unread: map[ident.DN]unread{}}
}

// Wake says that there may be events. Without it they are found at the next poll.
func (r *Reactor) Wake() {
	select {
	case r.due <- struct{}{}:
	default:
	}
}

// Run judges events until ctx ends. What was left open before is judged first.
func (r *Reactor) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := r.Poll
		_, err := r.Judge(ctx)
		var kept *KeptError
		switch {
		case ctx.Err() != nil:
		case err != nil:
			r.tell(err)
			if !errors.As(err, &kept) { // others go on, some of them behind a write that is about to be recorded
				wait = patience
			}
		default:
			r.counting = time.Time{}
			if r.waiting(ctx) {
				wait = soon
			}
		}
		select {
		case <-ctx.Done():
		case <-r.due:
		case <-time.After(wait):
		}
	}
	r.Close(context.WithoutCancel(ctx))
}

// tell tells the log why events wait, every now and then. Those that wait for a count
// are judged in moments, unless that lasts.
func (r *Reactor) tell(err error) {
	now := r.Now()
	switch {
	case !errors.Is(err, ErrCounting):
		r.counting = time.Time{}
	case r.counting.IsZero():
		r.counting = now
		return
	case now.Sub(r.counting) < longCount:
		return
	}
	if now.Sub(r.told) >= patience {
		r.told = now
		r.Log.Warn("changes in the directory could not be looked at; they wait", "cause", err, "next", "the agent tries again by itself")
	}
}

// waiting reports whether events are open that could not be judged yet, because a write
// of the agent that they show has not been recorded. That takes moments.
func (r *Reactor) waiting(ctx context.Context) bool {
	n, err := r.Store.CountOpenEvents(ctx)
	return err == nil && n > 0
}

// Tally counts, for each automation, how it has judged events.
type Tally map[string]map[store.EventVerdict]int

func (t Tally) add(list []store.Judged) {
	for _, one := range list {
		if t[one.Automation] == nil {
			t[one.Automation] = map[store.EventVerdict]int{}
		}
		t[one.Automation][one.Verdict]++
	}
}

// Judge judges all events that can be, and returns what came of them. One that cannot
// be judged for the moment stays open, as do later ones of the same object; then the
// error is a *KeptError, and all others are judged.
func (r *Reactor) Judge(ctx context.Context) (Tally, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := Tally{}
	p := r.pass(r.unread)
	for after := int64(0); ; {
		events, err := r.Store.OpenEvents(ctx, after, batch)
		var unreadable *store.UnreadableEventError
		if errors.As(err, &unreadable) {
			if _, err := r.write(ctx, []store.JudgedEvent{{Event: unreadable.ID}}); err != nil {
				return all, err
			}
			r.Log.Error("a change in the directory is dropped: it cannot be read", "event", unreadable.ID, "cause", unreadable.Err,
				"next", "see whose change it was in the directory, and do by hand what must follow")
			continue
		}
		if err != nil {
			return all, err
		}
		if len(events) == 0 {
			return all, p.error()
		}
		after = events[len(events)-1].ID
		judged, err := r.judged(ctx, p, events, r.Automations())
		if err != nil {
			return all, err
		}
		written, err := r.write(ctx, judged)
		if err != nil {
			return all, err
		}
		all.add(written)
	}
}

// write writes what became of open events.
func (r *Reactor) write(ctx context.Context, judged []store.JudgedEvent) ([]store.Judged, error) {
	if len(judged) == 0 {
		return nil, nil
	}
	lease, err := r.held(ctx)
	if err != nil {
		return nil, err
	}
	failpoint.Hit("judge")
	written, err := r.Store.JudgeEvents(ctx, lease, judged)
	if err != nil {
		r.lost(err)
		return nil, err
	}
	failpoint.Hit("judged")
	r.Judged(ctx, written)
	return written, nil
}
