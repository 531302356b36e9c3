package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// run is a run in progress.
type run struct {
	store.Run
	automation Automation
	lease      store.Lease
	client     Directory
	job        *apply.Job // makes the writes; nil before the run has a connection
	plan       ident.Plan
	tally      tally
	delivered  bool         // the record being linked has just been delivered and is in scope
	began      *BeginCounts // of a run that begins an orchestration
	chosen     *chosen      // the only users that the run is about; nil: everybody

	mu    sync.Mutex
	aside []ident.QuarantineItem // what a person must know and the plan does not report yet
}

// advance returns how many operations of a run are done, and how many there
// are in all.
func (r *run) advance() (done, of int64) {
	if r.job == nil {
		return 0, 0
	}
	return r.job.Advance()
}

// listener passes the operations of a run to its report and to the metrics.
type listener struct {
	*run
	observer Observer
}

var _ apply.Listener = listener{}

func (l listener) Recorded(o ident.Outcome) {
	l.tally.add(o)
	l.observer.Change(l.Automation, string(o.Operation.Class), string(o.Result))
}

func (l listener) Tell(item ident.QuarantineItem, failed bool) {
	l.tell(item)
	if failed {
		l.tally.crashed(item)
	}
}

// leaseTime is how long a lease lasts without renewal.
const leaseTime = 2 * time.Minute

// LogRunEnded is the log message at the end of a run.
const LogRunEnded = "run ended"

// record calls do with a lease and a row in the history, and closes both
// afterwards.
func (e *Engine) record(ctx context.Context, a Automation, req Request, do func(context.Context, *run) error) (Report, error) {
	name := a.Settings.Automation
	what := "automation " + name
	if name == "" {
		what = "orchestration " + req.orchestration
	}
	lease, err := e.takeLease(ctx, what, req)
	if err != nil {
		return Report{}, err
	}
	defer e.release(ctx, lease)
	r := &run{
		automation: a, lease: lease,
		Run: store.Run{
			Automation: name, Application: a.Settings.Application, Orchestration: req.orchestration,
			Kind: req.Kind, By: req.By, Started: e.Now(),
		},
	}
	if r.ID, err = e.Store.StartRun(ctx, lease, r.Run); err != nil {
		return Report{}, fmt.Errorf("start a run of %s: %w", what, err)
	}
	log := r.logger(e.Log)
	log.Info("run started", "run", r.ID, "kind", r.Kind, "by", r.By)
	err = e.leased(ctx, lease, func(ctx context.Context) error {
		return rescue.Do(e.Log, func() error { return do(ctx, r) }, "automation", name, "run", r.ID)
	})
	return e.finish(ctx, r, err)
}

// takeLease is acquire at the gate of an automation.
func (e *Engine) takeLease(ctx context.Context, what string, req Request) (store.Lease, error) {
	if req.keys || req.Automation == "" {
		return e.acquire(ctx, what, req.By)
	}
	leave, err := e.gates.enter(ctx, req.Automation)
	if err != nil {
		return store.Lease{}, err
	}
	defer leave()
	return e.acquire(ctx, what, req.By)
}

// acquire takes the lease of "automation NAME", or of an orchestration that a person
// begins.
func (e *Engine) acquire(ctx context.Context, what, by string) (store.Lease, error) {
	lease, err := e.Store.AcquireLease(ctx, strings.Replace(what, " ", "/", 1), by, leaseTime)
	var taken *store.LeasedError
	if errors.As(err, &taken) {
		return lease, fmt.Errorf("another run of %s is under way, started by %s: "+
			"wait until it has ended (`rollcall runs` shows it): %w", what, taken.Owner, err)
	}
	if err != nil {
		return lease, fmt.Errorf("start a run of %s: %w", what, err)
	}
	return lease, nil
}

func (e *Engine) release(ctx context.Context, lease store.Lease) {
	if err := e.Store.ReleaseLease(context.WithoutCancel(ctx), lease); err != nil {
		e.Log.Warn("lease was not released; it ends by itself", "lease", lease.Name, "cause", err)
	}
}

// leased calls do with a context that is cancelled when the lease is lost.
func (e *Engine) leased(ctx context.Context, lease store.Lease, do func(context.Context) error) error {
	leased, lost := context.WithCancelCause(ctx)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		tick := time.NewTicker(leaseTime / 4)
		defer tick.Stop()
		for {
			select {
			case <-leased.Done():
				return
			case <-tick.C:
				renew := func() error { _, err := e.Store.RenewLease(leased, lease, leaseTime); return err }
				if err := rescue.Do(e.Log, renew, "lease", lease.Name); err != nil && leased.Err() == nil {
					lost(fmt.Errorf("the lease of the automation was lost: %w", err))
				}
			}
		}
	}()
	err := do(leased)
	lost(nil)
	<-renewing
	return err
}

// finish closes the row in the history whatever happened, even after a
// cancellation.
func (e *Engine) finish(ctx context.Context, r *run, failure error) (Report, error) {
	stopped := ctx.Err() != nil
	failure = r.stopped(ctx, failure)
	ctx = context.WithoutCancel(ctx)
	if err := e.reportAside(ctx, r); err != nil && failure == nil {
		failure = err
	}
	if err := e.countHeld(ctx, r); err != nil && failure == nil {
		failure = err
	}
	ended := e.Now()
	r.Ended = &ended
	r.Result, r.Error = r.tally.result(r.plan, failure, stopped)
	var err error
	summary := r.summary()
	summary.Began = r.began
	summary.Besides = r.tally.besides(r.plan, r.Result)
	if r.Plan, err = json.Marshal(summary); err != nil {
		return Report{}, fmt.Errorf("encode the summary of run %d: %w", r.ID, err)
	}
	if err := e.Store.FinishRun(ctx, r.lease, r.Run); err != nil && failure == nil {
		failure = fmt.Errorf("close run %d: %w", r.ID, err)
	}
	if r.Automation != "" {
		if r.Kind != store.KindInstant && r.Kind != store.KindChosen { // a run of single users says nothing about how whole ones go
			e.Observer.RunEnded(r.Automation, string(r.Result), ended.Sub(r.Started))
		}
		if err := e.observe(ctx, r.Automation); err != nil && failure == nil {
			failure = err
		}
	}
	report, err := ReadReport(ctx, e.Store, r.ID)
	if err != nil && failure == nil {
		failure = err
	}
	if r.Kind != store.KindScheduled { // scheduled runs are reported by the scheduler
		log := r.logger(e.Log)
		log.Log(ctx, LevelOf(r.Result), LogRunEnded, "run", r.ID, "kind", r.Kind, "by", r.By, "result", r.Result, "cause", r.Error)
	}
	return report, failure
}

// logger says in each line what the run was made for.
func (r *run) logger(log *slog.Logger) *slog.Logger {
	if r.Automation != "" {
		log = log.With("automation", r.Automation)
	}
	if r.Orchestration != "" {
		log = log.With("orchestration", r.Orchestration)
	}
	return log
}

// planTasks lists the operations that the limits allow.
func planTasks(p ident.Plan) []apply.Task {
	var tasks []apply.Task
	for i := range p.Changes {
		for _, op := range p.Changes[i].Operations {
			if op.Verdict == ident.VerdictApply {
				tasks = append(tasks, apply.Task{Change: &p.Changes[i], Op: op})
			}
		}
	}
	return tasks
}
