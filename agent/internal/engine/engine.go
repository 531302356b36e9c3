// Package engine makes one run of an automation, end to end: it fetches,
// brings the mirror up to date, plans, applies and records what became of each
// change. A dry run is the same walk without the last two steps. It does not
// decide what changes (package plan does) and does not know when to run.
package engine

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/failpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Fetcher delivers the records of a data source.
type Fetcher interface {
	// Fetch calls each with batches of records. It returns an error unless
	// the source's answer was whole: after an error nobody is missing and
	// nothing of the run is applied. An endpoint in mode changes goes on from
	// a position and returns the next one's cursor, "" when it has none.
	Fetch(ctx context.Context, from ident.Position, each func([]ident.Record) error) (cursor string, err error)
	// ChangesOnly reports whether the endpoint delivers changes, not everybody.
	ChangesOnly() bool
	// Endpoint is its name.
	Endpoint() string
}

// Automation is one automation as the configuration wants it.
type Automation struct {
	Settings plan.Settings // without Now
	Mapper   *mapping.Mapper
	Source   Fetcher
	Password Password
	// Key is the JSON pointer to the key of a record, OwnKey the one that the
	// endpoint itself has. Without a Key nothing is known of it.
	Key, OwnKey string
}

// Password says what initial passwords look like.
type Password = apply.Password

// Observer is told what happened, for metrics.
type Observer interface {
	RunEnded(automation, result string, took time.Duration)
	// Stands tells the results of the last run that was not of a part only (its
	// own first, then those that apply besides; none: there was no run), and when
	// the last success ended (zero: there was none).
	Stands(automation string, results []string, success time.Time)
	Records(dataSource, result string, n int)
	Change(automation, operation, result string)
	Quarantined(automation string, n int)
	Held(automation, operation string, n int)
	// HeldSince tells since when the oldest of it waits; zero: nothing does.
	HeldSince(automation string, oldest time.Time)
}

// Settings are the parts of an Engine.
type Settings struct {
	Store *store.Store
	// Connect opens the connection of one run, pinned to one DC: the preferred
	// one if it can be reached; "" prefers none.
	Connect func(ctx context.Context, prefer string) (Directory, error)
	// Servers are the URLs of the DCs that Connect may come to; none means any.
	Servers     []string
	Rules       write.Rules
	Mirror      mirror.Spec
	Writers     int // how many writes may be under way at once
	Automations map[string]Automation
	Broken      map[string]error // automations that cannot run, and why; they do not stop the others
	Observer    Observer
	Log         *slog.Logger
	Now         func() time.Time
}

// Engine runs automations. Different automations may run at once: they fetch
// and write beside each other, and bring the mirror up to date and plan one at
// a time (see promises).
type Engine struct {
	Settings
	turn       *turnstile
	promises   *promises
	objects    *apply.Objects
	configured atomic.Pointer[configured]
	drafts     *atomic.Int64 // fetches that were no run's
}

// draft is a number for the staging area of a fetch that is no run's: below
// zero, where no run has its own.
func (e *Engine) draft() int64 { return -e.drafts.Add(1) }

// configured is what can run and what cannot. It is replaced as a whole.
type configured struct {
	automations map[string]Automation
	broken      map[string]error
}

// New prepares an engine on a store that no other process has open: leases and
// runs that a crash left behind are ended.
func New(ctx context.Context, s Settings) (*Engine, error) {
	if err := s.Store.BreakLeases(ctx); err != nil {
		return nil, fmt.Errorf("end the leases of a former agent: %w", err)
	}
	if _, err := s.Store.InterruptRuns(ctx); err != nil {
		return nil, fmt.Errorf("close runs that were cut off: %w", err)
	}
	e := &Engine{Settings: s, turn: newTurnstile(), promises: newPromises(), objects: &apply.Objects{}, drafts: &atomic.Int64{}}
	e.Replace(s.Automations, s.Broken)
	return e, nil
}

// Under is e with another configuration, for what only looks: plans, and links
// that are tried. It takes turns with the runs of e and sees what they promise.
// What e mirrors stays in the mirror, so that its next run need not read the
// directory anew.
func (e *Engine) Under(s Settings) *Engine {
	s.Mirror.Attributes = slices.Concat(e.Mirror.Attributes, s.Mirror.Attributes)
	other := &Engine{Settings: s, turn: e.turn, promises: e.promises, objects: e.objects, drafts: e.drafts}
	other.Replace(s.Automations, s.Broken)
	return other
}

// Config is the digest of the configuration that an automation would be planned
// with; "" when it cannot be planned.
func (e *Engine) Config(automation string) string {
	return e.configured.Load().automations[automation].Settings.Config
}

// Replace sets what runs from now on. Runs under way end with what they began
// with. The maps belong to the engine afterwards.
func (e *Engine) Replace(automations map[string]Automation, broken map[string]error) {
	e.configured.Store(&configured{automations, broken})
}

// Unable tells why an automation cannot run now; nil when it can, or is not
// known.
func (e *Engine) Unable(automation string) error {
	return e.configured.Load().broken[automation]
}

// automation finds a configured automation.
func (e *Engine) automation(name string) (Automation, error) {
	now := e.configured.Load()
	if err, broken := now.broken[name]; broken {
		return Automation{}, err
	}
	a, ok := now.automations[name]
	if !ok {
		return a, &ident.UnknownNameError{What: "automation", Name: name, Known: now.names()}
	}
	a.Settings.Now = e.Now()
	a.Mapper = a.Mapper.At(e.Now())
	return a, nil
}

// has reports whether an automation is configured, whether it can run or not.
func (c *configured) has(name string) bool { return slices.Contains(c.names(), name) }

// names lists every configured automation, those that cannot run included.
func (c *configured) names() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(c.broken)), maps.Keys(c.automations))
	slices.Sort(names)
	return names
}

// Plan makes a dry run: the plan, and nothing written to the directory.
func (e *Engine) Plan(ctx context.Context, req Request) (ident.Plan, error) {
	a, err := e.automation(req.Automation)
	if err != nil {
		return ident.Plan{}, err
	}
	staging := e.draft()
	defer e.dropStaging(ctx, staging)
	d, err := e.fetch(ctx, a, staging)
	if err != nil {
		return ident.Plan{}, stoppedPlan(ctx, req.Automation, err)
	}
	d.acceptShrink = req.AcceptShrink
	var made planned
	err = e.connected(ctx, func(client Directory) error {
		return e.alone(ctx, req.Automation, func() error {
			if made, err = e.plan(ctx, a, client, d); err != nil {
				return err
			}
			return e.leaveUnsettled(ctx, &made.Plan)
		})
	})
	return made.Plan, stoppedPlan(ctx, req.Automation, err)
}

// Request asks for a run.
type Request struct {
	Automation string
	Kind       store.Kind
	By         string // who asks, for the journal
	// AcceptShrink believes the directory although it shows far fewer objects
	// than before.
	AcceptShrink bool
}

// Run makes one run of an automation. The report tells how far it came, also
// when it ends with an error.
func (e *Engine) Run(ctx context.Context, req Request) (Report, error) {
	a, err := e.automation(req.Automation)
	if err != nil {
		return e.unableToRun(ctx, req, err)
	}
	return e.record(ctx, a, req, func(ctx context.Context, r *run) error {
		d, err := e.fetch(ctx, a, r.ID)
		if err != nil {
			return err
		}
		defer e.dropStaging(ctx, r.ID)
		failpoint.Hit("fetched")
		d.acceptShrink = req.AcceptShrink
		r.delivered = true
		return e.connected(ctx, func(client Directory) error {
			if err := e.enter(ctx, r, client); err != nil {
				return err
			}
			var made planned
			var tasks []apply.Task
			defer e.promises.forget(r.ID)
			err := e.alone(ctx, req.Automation, func() (err error) {
				if made, err = e.plan(ctx, a, client, d); err != nil {
					return err
				}
				r.plan = made.Plan
				r.withoutBlocked()
				tasks = planTasks(r.plan)
				e.promises.add(r, tasks)
				return nil
			})
			if err != nil {
				return err
			}
			if err := e.settle(ctx, r, made); err != nil {
				return err
			}
			if err := e.rememberKey(ctx, a); err != nil { // what another key held is dropped now
				return err
			}
			if err := r.job.Apply(ctx, tasks); err != nil {
				return err
			}
			if err := e.remember(ctx, r, made); err != nil {
				return err
			}
			return e.settleDelivery(ctx, r, d, made)
		})
	})
}

// unableToRun tells why an automation cannot run. When it was due, that is a
// failed run of its history like others: nobody may be there to read an answer.
func (e *Engine) unableToRun(ctx context.Context, req Request, why error) (Report, error) {
	if req.Kind != store.KindScheduled || e.Unable(req.Automation) == nil {
		return Report{}, why
	}
	a := Automation{Settings: plan.Settings{Automation: req.Automation}}
	return e.record(ctx, a, req, func(context.Context, *run) error { return why })
}

// enter gives a run its connection and brings what a crash left half done to
// an end.
func (e *Engine) enter(ctx context.Context, r *run, client Directory) error {
	writer, err := write.New(ctx, client, e.Rules, e.Log)
	if err != nil {
		return fmt.Errorf("prepare writing to the directory: %w", err)
	}
	e.begin(r, client, writer)
	if err := r.job.Recover(ctx); err != nil || r.Kind == store.KindApproval {
		return err
	}
	return e.sameKey(ctx, r.automation) // what was cut off may have made a link
}

// begin gives a run the job that makes its writes.
func (e *Engine) begin(r *run, client Directory, writer apply.Writer) {
	r.client = client
	r.job = apply.Begin(apply.Settings{
		Store: e.Store, Objects: e.objects, Writers: e.Writers, Anchor: e.Rules.Anchor, Servers: e.Servers,
		Configured: func(automation string) bool { return e.configured.Load().has(automation) },
		Log:        e.Log, Now: e.Now,
	}, apply.Order{
		Run: r.ID, Automation: r.Automation, Application: r.automation.Settings.Application, By: r.By, Lease: r.lease,
		Password: r.automation.Password, Seen: r.delivered, Directory: client, Writer: writer, Listener: listener{r, e.Observer},
	})
}

// leaveUnsettled takes out of a dry run the users of whom it is not known yet
// whether a write was carried out.
func (e *Engine) leaveUnsettled(ctx context.Context, p *ident.Plan) error {
	notes, err := apply.Unsettled(ctx, e.Store, p.Application)
	if err != nil {
		return err
	}
	for _, n := range notes {
		p.Changes = slices.DeleteFunc(p.Changes, func(c ident.Change) bool { return c.Key == n.Key })
	}
	p.Notes = append(p.Notes, notes...)
	return nil
}

// connected gives do a connection of its own.
func (e *Engine) connected(ctx context.Context, do func(Directory) error) error {
	prefer, err := apply.PreferredServer(ctx, e.Store)
	if err != nil {
		return err
	}
	progress.Tell(ctx, progress.Step{Phase: "connecting to the directory"})
	client, err := e.Connect(ctx, prefer)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return do(client)
}
