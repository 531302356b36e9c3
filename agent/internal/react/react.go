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
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/failpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Store keeps events, verdicts and instances: *store.Store.
type Store interface {
	AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (store.Lease, error)
	RenewLease(ctx context.Context, lease store.Lease, ttl time.Duration) (store.Lease, error)
	ReleaseLease(ctx context.Context, lease store.Lease) error

	// OpenEvents returns the first events that can be judged now.
	OpenEvents(ctx context.Context, limit int) ([]ident.Event, error)
	CountOpenEvents(ctx context.Context) (n int, oldest time.Time, err error)
	AsideEvents(ctx context.Context, automation string, from int64, limit int) ([]store.AsideEvent, error)
	JudgeEvents(ctx context.Context, lease store.Lease, list []store.JudgedEvent) ([]store.Judged, error)
	JudgeAside(ctx context.Context, lease store.Lease, list []store.JudgedEvent) ([]store.Judged, error)

	LinksOf(ctx context.Context, guid ident.GUID) ([]ident.Link, error)
	// EntryByDN finds an object of the mirror.
	EntryByDN(ctx context.Context, dn ident.DN) (ident.Entry, bool, error)
}

// Directory reads what the mirror does not have.
type Directory interface {
	// Named returns the object with a DN; found is false when there is none.
	Named(ctx context.Context, dn ident.DN, attributes []string) (e ident.Entry, found bool, err error)
	// Schema returns what is known about attributes; "*" among them asks nothing.
	Schema(ctx context.Context, attributes []string) (ident.Schema, error)
}

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
	// Automations returns those of the present configuration that are enabled.
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
	longest   = 10 * time.Minute // that an event may hold up those after it
)

// Reactor judges events. Run starts it.
type Reactor struct {
	Settings
	due chan struct{}

	mu    sync.Mutex // held while it judges
	lease store.Lease
	until time.Time // of the lease
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
	return &Reactor{Settings: s, due: make(chan struct{}, 1)}
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
		if _, err := r.Judge(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warn("changes in the directory could not be looked at; they wait", "cause", err, "next", "the agent tries again by itself")
			wait = patience
		} else if r.waiting(ctx) {
			wait = soon
		}
		select {
		case <-ctx.Done():
		case <-r.due:
		case <-time.After(wait):
		}
	}
	r.release(context.WithoutCancel(ctx))
}

// waiting reports whether events are open that could not be judged yet, because a write
// of the agent that they show has not been recorded. That takes moments.
func (r *Reactor) waiting(ctx context.Context) bool {
	n, _, err := r.Store.CountOpenEvents(ctx)
	return err == nil && n > 0
}

// Judge judges all events that can be, and returns what came of them.
func (r *Reactor) Judge(ctx context.Context) (all []store.Judged, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		events, err := r.Store.OpenEvents(ctx, batch)
		if err != nil || len(events) == 0 {
			return all, err
		}
		judged, err := r.judged(ctx, events, r.Automations())
		if err != nil {
			return all, err
		}
		lease, err := r.held(ctx)
		if err != nil {
			return all, err
		}
		failpoint.Hit("judge")
		written, err := r.Store.JudgeEvents(ctx, lease, judged)
		if err != nil {
			r.lost(err)
			return all, err
		}
		failpoint.Hit("judged")
		r.Judged(ctx, written)
		all = append(all, written...)
	}
}

// Retry judges anew what an automation has set aside: one event, or all (0). It
// returns what came of it.
func (r *Reactor) Retry(ctx context.Context, automation string, event int64) (all []store.Judged, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var asking []Automation
	for _, a := range r.Automations() {
		if a.Name == automation {
			asking = append(asking, a)
		}
	}
	if len(asking) == 0 {
		return nil, fmt.Errorf("automation %s does not run: there is no such automation now, or an application that it sends to is not enabled",
			automation)
	}
	from := event
	for {
		aside, err := r.Store.AsideEvents(ctx, automation, from, batch)
		if err != nil {
			return all, err
		}
		var events []ident.Event
		for _, a := range aside {
			if event == 0 || a.Event.ID == event {
				events = append(events, a.Event)
			}
			from = a.Event.ID + 1
		}
		if len(events) == 0 {
			return all, nil
		}
		written, err := r.again(ctx, events, asking[0])
		if err != nil {
			return all, err
		}
		all = append(all, written...)
		if event != 0 || len(aside) < batch {
			return all, nil
		}
	}
}

// again judges events for one automation that had set them aside. One that the
// automation does not ask for any more is filtered.
func (r *Reactor) again(ctx context.Context, events []ident.Event, a Automation) ([]store.Judged, error) {
	judged, err := r.judged(ctx, events, []Automation{a})
	if err != nil {
		return nil, err
	}
	for i := range judged {
		if len(judged[i].Judgements) == 0 {
			judged[i].Judgements = []store.Judgement{{
				Automation: a.Name, Verdict: store.EventFiltered, Cause: "the automation does not ask for such changes any more",
			}}
		}
	}
	lease, err := r.held(ctx)
	if err != nil {
		return nil, err
	}
	written, err := r.Store.JudgeAside(ctx, lease, judged)
	if err != nil {
		r.lost(err)
		return nil, err
	}
	r.Judged(ctx, written)
	return written, nil
}

// judged judges events for automations. A panic about one of them sets the event
// aside for that automation.
func (r *Reactor) judged(ctx context.Context, events []ident.Event, automations []Automation) ([]store.JudgedEvent, error) {
	l := &look{store: r.Store, directory: r.Directory, now: r.Now()}
	limits := map[string]limited{}
	out := make([]store.JudgedEvent, len(events))
	for i, e := range events {
		out[i].Event = e.ID
		for _, a := range automations {
			j, asks, err := r.one(ctx, l, e, a)
			if err != nil {
				return nil, fmt.Errorf("event %d about %s, automation %s: %w", e.ID, e.DN, a.Name, err)
			}
			if !asks {
				continue
			}
			if j.Begin != nil {
				limit(ctx, &j, a, limits)
			}
			out[i].Judgements = append(out[i].Judgements, j)
		}
	}
	return out, nil
}

func (r *Reactor) one(ctx context.Context, l *look, e ident.Event, a Automation) (j store.Judgement, asks bool, err error) {
	panicked := rescue.Do(r.Log, func() error {
		j, asks, err = judge(ctx, l, e, a)
		return nil
	}, "automation", a.Name, "dn", e.DN)
	if panicked != nil {
		return aside(a, panicked.Error(), "report the fault; then "+retryOf(a, e)), true, nil
	}
	var unread *unreadError
	if errors.As(err, &unread) && l.now.Sub(e.At) > longest {
		return aside(a, err.Error(), "once the directory can be asked, "+retryOf(a, e)), true, nil
	}
	return j, asks, err
}

// limited is the limit of an automation, or why it is not known.
type limited struct {
	store.StartLimit
	err error
}

// limit sets how many may begin. When that is not known, a person decides.
func limit(ctx context.Context, j *store.Judgement, a Automation, known map[string]limited) {
	l, ok := known[a.Name]
	if !ok {
		l.StartLimit, l.err = a.Limit(ctx)
		known[a.Name] = l
	}
	if l.err != nil {
		j.Begin.Held, j.Begin.Cause = true, "limits.start could not be looked at: "+l.err.Error()
		return
	}
	j.Begin.Limit = &l.StartLimit
}

// held returns a lease that will last for a while.
func (r *Reactor) held(ctx context.Context) (store.Lease, error) {
	now := r.Now()
	var err error
	switch {
	case r.lease.Name == "":
		r.lease, err = r.Store.AcquireLease(ctx, "events", r.Owner, leaseTime)
	case now.After(r.until.Add(-leaseTime / 2)):
		r.lease, err = r.Store.RenewLease(ctx, r.lease, leaseTime)
		if err != nil {
			r.lease, err = r.Store.AcquireLease(ctx, "events", r.Owner, leaseTime)
		}
	default:
		return r.lease, nil
	}
	if err != nil {
		r.lease = store.Lease{}
		return r.lease, fmt.Errorf("judge events: %w", err)
	}
	r.until = now.Add(leaseTime)
	return r.lease, nil
}

// lost forgets a lease that somebody else has taken.
func (r *Reactor) lost(err error) {
	var fenced *store.FencedError
	if errors.As(err, &fenced) {
		r.lease = store.Lease{}
	}
}

// Close gives the lease back.
func (r *Reactor) Close(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release(ctx)
}

func (r *Reactor) release(ctx context.Context) {
	if r.lease.Name == "" {
		return
	}
	if err := r.Store.ReleaseLease(ctx, r.lease); err != nil {
		r.Log.Warn("lease was not released; it ends by itself", "lease", r.lease.Name, "cause", err)
	}
	r.lease = store.Lease{}
}
