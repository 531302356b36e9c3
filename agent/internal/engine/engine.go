// Package engine makes one run of an automation, end to end: it fetches,
// brings the mirror up to date, plans, applies and records what became of each
// change. A dry run does the same except for the last two steps. The engine
// does not decide what changes (package plan does), nor when to run.
package engine

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
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
	// Fetch calls each with batches of records. It returns an error unless the
	// source answered completely: after an error nobody counts as missing and
	// nothing is applied. With an endpoint in mode changes, it continues from
	// a position and returns the next cursor, or "" if there is none.
	Fetch(ctx context.Context, from ident.Position, each func([]ident.Record) error) (cursor string, err error)
	// ChangesOnly reports whether the endpoint delivers only changes instead
	// of all records.
	ChangesOnly() bool
	// Endpoint returns the name of the endpoint.
	Endpoint() string
}

// Automation is one automation as configured: what it does with records of an
// application, or Begins.
type Automation struct {
	Settings plan.Settings // without Now
	Mapper   *mapping.Mapper
	Source   Fetcher
	Join     *Join // of further endpoints; nil: there are none
	Password Password
	// Key is the JSON pointer to the key of a record; OwnKey is the pointer
	// that the endpoint itself declares. Without Key, nothing is known about
	// the key.
	Key, OwnKey string
	// Begins is what an automation with a trigger begins. Of the other fields it has
	// the name in Settings.
	Begins *Beginning
	// Reacts is the orchestration of an automation that changes in the directory begin.
	// Runs have nothing to do with it.
	Reacts string
}

// Password says what initial passwords look like.
type Password = apply.Password

// Observer is told what happened, for metrics.
type Observer interface {
	RunEnded(automation, result string, took time.Duration)
	// Stands reports the results of the last run of the whole automation and
	// the end of the last success. The run's own result comes first, then the
	// others that apply too; there are none if it has not run. success is zero
	// if no run has succeeded.
	Stands(automation string, results []string, success time.Time)
	Records(dataSource, result string, n int)
	Change(automation, operation, result string)
	Quarantined(automation string, n int)
	// Held reports how many operations of a class wait for an approval; of the
	// class start, how many orchestrations.
	Held(automation, operation string, n int)
	// HeldSince reports since when the oldest of these has waited; zero if none
	// waits.
	HeldSince(automation string, oldest time.Time)
}

// Settings are what an Engine is built from.
type Settings struct {
	Store *store.Store
	// Connect opens the connection of one run, pinned to one DC. It uses the
	// preferred DC if that can be reached; "" means no preference.
	Connect func(ctx context.Context, prefer string) (Directory, error)
	// Catalog opens a global catalog of the forest; nil: none is configured.
	Catalog func(ctx context.Context) (Catalog, error)
	// Servers are the URLs of the DCs that Connect may use; none means any.
	Servers []string
	Rules   write.Rules
	Mirror  mirror.Spec // at first: see ReplaceMirror
	Writers int         // how many writes may be in progress at once
	// Objects are shared with everybody else who writes to the directory; nil:
	// nobody else does.
	Objects     *apply.Objects
	Automations map[string]Automation
	Broken      map[string]error // automations that cannot run, with the reason; the others still run
	// Follows returns the orchestrations that begin with an operation that was
	// carried out, as apply.Settings has it; nil: none do.
	Follows func(automation, by string, o ident.Outcome, password string) []store.NewInstance
	// Synced is called after each synchronisation of the mirror, whoever needed it. It
	// must return at once; nil: nobody listens.
	Synced   func(mirror.Report)
	Sealer   apply.Sealer // of the passwords that are handed over
	Observer Observer
	Log      *slog.Logger
	Now      func() time.Time
}

// Engine runs automations. Different automations may run at once: they fetch
// and write in parallel, but only one at a time plans (see promises). The change
// feed brings the mirror up to date beside them (see Follower).
type Engine struct {
	Settings
	turn       *turnstile
	promises   *promises
	gates      *gates
	warm       warm
	objects    *apply.Objects
	configured atomic.Pointer[configured]
	mirrors    atomic.Pointer[mirror.Spec]
	drafts     *atomic.Int64 // how many fetches belonged to no run
	resume     sync.Map      // by automation, the ident.Key at which the next run begins to fetch attachments
}

// draft returns a staging number for a fetch that belongs to no run. It is
// negative, so that it never equals a run's.
func (e *Engine) draft() int64 { return -e.drafts.Add(1) }

// New prepares an engine on a store that no other process has open. It ends
// leases and runs that a crash left behind.
func New(ctx context.Context, s Settings) (*Engine, error) {
	if err := s.Store.BreakLeases(ctx); err != nil {
		return nil, fmt.Errorf("end the leases of a former agent: %w", err)
	}
	if _, err := s.Store.InterruptRuns(ctx); err != nil {
		return nil, fmt.Errorf("close runs that were cut off: %w", err)
	}
	if s.Objects == nil {
		s.Objects = &apply.Objects{}
	}
	e := &Engine{Settings: s, turn: newTurnstile(), promises: newPromises(), gates: newGates(), objects: s.Objects, drafts: &atomic.Int64{}}
	e.Replace(s.Automations, s.Broken)
	e.ReplaceMirror(s.Mirror)
	return e, nil
}

// Under returns a view of e with another configuration, for dry runs: plans
// and trial links. It waits its turn like the runs of e and sees their
// promises. What e mirrors stays in the mirror, so that its next run need not
// read the directory anew.
func (e *Engine) Under(s Settings) *Engine {
	own := e.mirrors.Load()
	s.Mirror.Attributes, s.Synced = slices.Concat(own.Attributes, s.Mirror.Attributes), e.Synced
	s.Mirror.Optional, s.Mirror.EventsAsBefore = slices.Concat(own.Optional, s.Mirror.Optional), true
	s.Mirror.Named = slices.Concat(own.Named, s.Mirror.Named)
	other := &Engine{Settings: s, turn: e.turn, promises: e.promises, gates: e.gates, objects: e.objects, drafts: e.drafts}
	other.Replace(s.Automations, s.Broken)
	other.ReplaceMirror(s.Mirror)
	return other
}

// Plan makes a dry run and returns the plan. It writes nothing to the
// directory.
func (e *Engine) Plan(ctx context.Context, req Request) (ident.Plan, error) {
	if req.AcceptShrink && e.withoutRecords(req.Automation) {
		return e.acceptShrink(ctx, req.Automation)
	}
	a, err := e.automation(req.Automation)
	if err != nil {
		return ident.Plan{}, err
	}
	return e.dry(ctx, a, req, func(staging int64) (delivery, error) { return e.fetch(ctx, a, staging) })
}

// dry makes a plan of what fetch stages.
func (e *Engine) dry(ctx context.Context, a Automation, req Request, fetch func(staging int64) (delivery, error)) (ident.Plan, error) {
	d, err := fetch(e.draft())
	if err != nil {
		return ident.Plan{}, stoppedPlan(ctx, "automation "+req.Automation, err)
	}
	defer e.dropStaging(ctx, d.stagings()...)
	d.acceptShrink = req.AcceptShrink
	return e.dryOf(ctx, a, d)
}

// dryOf makes a plan of a delivery.
func (e *Engine) dryOf(ctx context.Context, a Automation, d delivery) (ident.Plan, error) {
	var made planned
	err := e.connected(ctx, func(client Directory) error {
		return e.alone(ctx, a.Settings.Automation, func() error {
			var err error
			if made, err = e.plan(ctx, a, client, d); err != nil {
				return err
			}
			return e.leaveUnsettled(ctx, &made.Plan)
		})
	})
	return made.Plan, stoppedPlan(ctx, "automation "+a.Settings.Automation, err)
}

// Request asks for a run.
type Request struct {
	Automation string
	Kind       store.Kind
	By         string // who asks, for the journal
	// AcceptShrink trusts the directory although it shows far fewer objects
	// than before.
	AcceptShrink bool

	orchestration string // that the run begins; "" for none
	keys          bool   // it is for single users, and has their automation's gate
}

// Run makes one run of an automation. The report says how far the run came,
// even if it ended with an error.
func (e *Engine) Run(ctx context.Context, req Request) (Report, error) {
	if b, begins := e.Beginning(req.Automation); begins {
		return e.beginRun(ctx, b, req)
	}
	a, err := e.automation(req.Automation)
	if err != nil {
		return e.unableToRun(ctx, req, err)
	}
	return e.record(ctx, a, req, func(ctx context.Context, r *run) error {
		return e.carryOut(ctx, a, r, req, func() (delivery, error) { return e.fetch(ctx, a, r.ID) })
	})
}

// carryOut fetches, plans, applies and records.
func (e *Engine) carryOut(ctx context.Context, a Automation, r *run, req Request, fetch func() (delivery, error)) error {
	d, err := fetch()
	if err != nil {
		return err
	}
	defer e.dropStaging(ctx, d.stagings()...)
	failpoint.Hit("fetched")
	d.acceptShrink = req.AcceptShrink
	r.delivered, r.chosen = true, d.chosen
	if d.chosen == nil {
		return e.connected(ctx, func(client Directory) error {
			if err := e.enter(ctx, r, client); err != nil {
				return err
			}
			return e.planAndApply(ctx, a, r, d)
		})
	}
	return e.connectedWarm(ctx, func(known *warmed) error {
		if err := known.prepare(ctx, e); err != nil {
			return err
		}
		if err := e.enterWith(ctx, r, known.client, known.writer); err != nil {
			return err
		}
		d.warm = known
		return e.planAndApply(ctx, a, r, d)
	})
}

// planAndApply plans what was fetched, applies it and records both.
func (e *Engine) planAndApply(ctx context.Context, a Automation, r *run, d delivery) error {
	var made planned
	var tasks []apply.Task
	defer e.promises.forget(r.ID)
	err := e.alone(ctx, a.Settings.Automation, func() (err error) {
		if made, err = e.plan(ctx, a, r.client, d); err != nil {
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
	if err := e.rememberKey(ctx, a); err != nil { // drops what was held under another key
		return err
	}
	if err := r.job.Apply(ctx, tasks); err != nil {
		return err
	}
	if err := e.remember(ctx, r, made); err != nil {
		return err
	}
	return e.settleDelivery(ctx, r, d, made)
}

// unableToRun returns the reason why an automation cannot run. A scheduled run
// is also recorded as failed, because nobody may be there to read the answer.
func (e *Engine) unableToRun(ctx context.Context, req Request, why error) (Report, error) {
	if req.Kind != store.KindScheduled || e.Unable(req.Automation) == nil {
		return Report{}, why
	}
	a := Automation{Settings: plan.Settings{Automation: req.Automation}}
	return e.record(ctx, a, req, func(context.Context, *run) error { return why })
}

// enter gives a run its connection and finishes what a crash left half done.
func (e *Engine) enter(ctx context.Context, r *run, client Directory) error {
	writer, err := e.writer(ctx, client)
	if err != nil {
		return err
	}
	return e.enterWith(ctx, r, client, writer)
}

func (e *Engine) writer(ctx context.Context, client Directory) (*write.Writer, error) {
	writer, err := write.New(ctx, client, e.Rules, e.Log)
	if err != nil {
		return nil, fmt.Errorf("prepare writing to the directory: %w", err)
	}
	return writer, nil
}

// enterWith is enter with a Writer for that connection.
func (e *Engine) enterWith(ctx context.Context, r *run, client Directory, writer *write.Writer) error {
	e.begin(r, client, writer)
	if err := r.job.Recover(ctx); err != nil || r.Kind == store.KindApproval {
		return err
	}
	return e.sameKey(ctx, r.automation) // a write that was cut off may have made a link
}

// begin gives a run its Job, which makes the writes.
func (e *Engine) begin(r *run, client Directory, writer apply.Writer) {
	r.client = client
	r.job = apply.Begin(apply.Settings{
		Store: e.Store, Objects: e.objects, Writers: e.Writers, Anchor: e.Rules.Anchor, Servers: e.Servers,
		Configured: func(automation string) bool { return e.configured.Load().has(automation) },
		Follows:    e.Follows, Sealer: e.Sealer, Log: e.Log, Now: e.Now,
	}, apply.Order{
		Run: r.ID, Automation: r.Automation, Application: r.automation.Settings.Application, Kind: r.automation.Settings.Kind,
		By: r.By, Lease: r.lease, Password: r.automation.Password, Seen: r.delivered,
		Directory: client, Writer: writer, Listener: listener{r, e.Observer},
	})
}

// leaveUnsettled removes users from a dry run if the result of an earlier
// write for them is not known yet.
func (e *Engine) leaveUnsettled(ctx context.Context, p *ident.Plan) error {
	notes, err := apply.Unsettled(ctx, e.Store, p.Space())
	if err != nil {
		return err
	}
	for _, n := range notes {
		p.Changes = slices.DeleteFunc(p.Changes, func(c ident.Change) bool { return c.Key == n.Key })
	}
	p.Notes = append(p.Notes, notes...)
	return nil
}

// connected calls do with a connection of its own.
func (e *Engine) connected(ctx context.Context, do func(Directory) error) error {
	prefer, err := e.preferred(ctx, e.turn.follow.Load() > 0) // another DC would mean to read everything, and again for the feed
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

// preferred returns the URL of the domain controller to connect to, "" for any: the one
// that knows about an open write; then, if stay is set or what differs from the mirror
// is an event, the one that the mirror is from, before a restart too. Another one may
// be behind it, and undo in the mirror what it has not heard of yet.
func (e *Engine) preferred(ctx context.Context, stay bool) (string, error) {
	prefer, err := apply.PreferredServer(ctx, e.Store)
	if err != nil || prefer != "" {
		return prefer, err
	}
	source, events, err := mirror.Source(ctx, e.Store)
	if err != nil || !stay && !events {
		return "", err
	}
	return source, nil
}
