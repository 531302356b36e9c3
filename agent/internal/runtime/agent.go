// Package runtime is the agent itself: its locked state, its connectors, and
// what follows from its configuration. The configuration and everything
// derived from it form a Snapshot, which never changes and is replaced as a
// whole; an Agent holds what lives longer. Run is the daemon.
//
// The package is used by package service, which answers questions, and by the
// command that starts an agent. It decides nothing about people (packages plan
// and engine do) and knows nothing of the socket.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"github.com/rollcall-agent/rollcall/agent/internal/apply"
	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/feed"
	"github.com/rollcall-agent/rollcall/agent/internal/dirstep"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/subscription"
	"github.com/rollcall-agent/rollcall/host"
)

// Settings say how an agent is opened.
type Settings struct {
	Log     *slog.Logger
	Version string // of this program
	// Answers reports whether another process serves this state folder. It is
	// called while waiting for the lock; nil means that no process can.
	Answers func() (bool, error)
}

// Agent is an agent in this process. It is opened in two steps: Lock takes the
// state folder, and Open reads what is in it. Run calls Open itself. The
// connectors are loaded when first needed.
type Agent struct {
	parts
	lock    *flock.Flock
	serving atomic.Bool // this is the daemon, and commands come through its socket
	now     atomic.Pointer[Snapshot]
	outbox  atomic.Pointer[dispatch.Dispatcher] // nil: this process carries no orchestrations out
	feed    atomic.Pointer[feed.Feed]           // nil: this process does not see changes in the directory at once

	reacting reacting

	mu     sync.Mutex // guards the fields below, and the replacement of now
	host   *host.Host
	engine *engine.Engine
}

// parts live as long as the agent and are shared by its snapshots.
type parts struct {
	log      *slog.Logger
	version  string
	stateDir string
	store    *store.Store
	vault    *Vault
	secrets  *secrets.Resolver
	metrics  *metrics.Metrics
	people   *people

	population *population    // for limits.start
	refusals   *refusals      // of the agent's account
	writing    *apply.Objects // for whoever writes to the directory
	begun      *dirstep.Begun // of directory steps, for their limits
	keeper     *subscription.Keeper
}

// Lock takes the lock of the state folder and keeps it until Close. It returns
// ErrServed if another process turns out to serve the folder.
func Lock(ctx context.Context, cfg *config.Config, s Settings) (*Agent, error) {
	if err := statedir.Make(cfg.Agent.StateDir); err != nil {
		return nil, err
	}
	lock, err := lockState(ctx, cfg.Agent.StateDir, s.Answers)
	if err != nil {
		return nil, err
	}
	a := &Agent{parts: parts{log: s.Log, version: s.Version, stateDir: cfg.Agent.StateDir, people: newPeople()}, lock: lock}
	a.population = newPopulation()
	a.population.made = a.eventsFound
	a.refusals = newRefusals()
	a.refusals.over = a.reached
	a.writing, a.begun = &apply.Objects{}, &dirstep.Begun{}
	a.now.Store(&Snapshot{parts: &a.parts, config: cfg, credentials: &credentials{}})
	return a, nil
}

// Open opens the state.
func (a *Agent) Open(ctx context.Context) error {
	if err := a.openStore(ctx); err != nil {
		return err
	}
	return a.openSecrets(ctx)
}

func (a *Agent) openStore(ctx context.Context) (err error) {
	limit := int64(a.Config().Store.StagingMiB) << 20
	if a.store, err = store.Open(ctx, a.stateDir, store.WithLogger(a.log), store.WithStagingLimit(limit), store.WithDue(a.wake)); err != nil {
		return err
	}
	a.keeper = subscription.New(a.store, time.Now)
	// Runs that were in progress when this process took the lock have ended.
	if _, err := a.store.InterruptRuns(ctx); err != nil {
		return fmt.Errorf("close runs that were cut off: %w", err)
	}
	a.metrics = metrics.New(a.version, func() float64 {
		size, err := a.store.Size(context.WithoutCancel(ctx))
		if err != nil {
			return 0
		}
		return float64(size)
	})
	a.metrics.Outbox(func() (metrics.Outbox, error) { return a.outboxNow(context.WithoutCancel(ctx)) })
	return nil
}

// Close releases what the agent holds. Everything that uses it must have
// ended.
func (a *Agent) Close() {
	if a.engine != nil {
		a.engine.Close()
	}
	if a.host != nil {
		_ = a.host.Close(context.Background())
	}
	if r := a.reacting.reactor; r != nil {
		r.Close(context.Background())
		a.population.work.Wait()
		a.reacting.read.close()
	}
	if a.store != nil {
		if err := a.store.Close(); err != nil {
			a.log.Warn("close the state", "cause", err)
		}
	}
	_ = a.lock.Unlock()
}

// Config returns the configuration that the agent runs with. It must not be
// changed.
func (a *Agent) Config() *config.Config { return a.now.Load().config }

// Log returns the agent's logger.
func (a *Agent) Log() *slog.Logger { return a.log }

// Store returns the agent's state.
func (a *Agent) Store() *store.Store { return a.store }

// Metrics returns the agent's metrics.
func (a *Agent) Metrics() *metrics.Metrics { return a.metrics }

// Snapshot returns the present snapshot, with its connectors loaded.
func (a *Agent) Snapshot(ctx context.Context) (*Snapshot, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.loaded(ctx)
}

// Modules lists the files of the modules folder.
func (a *Agent) Modules(ctx context.Context) ([]host.Module, error) {
	h, err := a.connectors(ctx)
	if err != nil {
		return nil, err
	}
	return h.Modules(), nil
}

func (a *Agent) connectors(ctx context.Context) (*host.Host, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.openHost(ctx)
	return a.host, err
}

// Engine returns the engine with every automation. It is made on the first
// call.
func (a *Agent) Engine(ctx context.Context) (*engine.Engine, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.engine != nil {
		return a.engine, nil
	}
	now, err := a.loaded(ctx)
	if err != nil {
		return nil, err
	}
	a.metrics.Servers(now.config.Directory.URLs)
	settings := now.engineSettings()
	settings.Follows, settings.Sealer, settings.Synced = a.follows, a.vault, a.synced
	e, err := engine.New(ctx, settings)
	if err != nil {
		return nil, err
	}
	a.engine = e
	return e, nil
}

// ObserveHeld sets the metrics of what an automation holds, after a decision that
// the engine did not make; "" is no automation. Without an engine nobody scrapes.
func (a *Agent) ObserveHeld(ctx context.Context, automation string) error {
	a.mu.Lock()
	e := a.engine
	a.mu.Unlock()
	if e == nil || automation == "" {
		return nil
	}
	return e.ObserveHeld(ctx, automation)
}

// loaded returns the present snapshot once the connectors are loaded.
func (a *Agent) loaded(ctx context.Context) (*Snapshot, error) {
	now := a.now.Load()
	if now.connectors != nil {
		return now, nil
	}
	if err := a.openHost(ctx); err != nil {
		return nil, err
	}
	now = now.with(ctx, a.host)
	a.now.Store(now)
	return now, nil
}

// openHost loads the connectors once.
func (a *Agent) openHost(ctx context.Context) error {
	if a.host != nil {
		return nil
	}
	cfg := a.Config()
	m := cfg.Modules
	h, err := host.Open(context.WithoutCancel(ctx), host.Settings{
		ModulesDir: cfg.Agent.ModulesDir, CacheDir: filepath.Join(a.stateDir, "module-cache"),
		TrustedKeys: m.TrustedKeys, AllowUnsigned: m.AllowUnsigned, MemoryMiB: m.MemoryMiB,
		CallTimeout: m.CallTimeout, FetchTimeout: m.FetchTimeout, Version: a.version,
		CompileTimeout: m.CompileTimeout, CompileMemoryMiB: m.CompileMemoryMiB,
		VersionsFile: filepath.Join(a.stateDir, "connector-versions.json"), AllowDowngrade: m.AllowDowngrade,
		Ledger: ledger{a.store},
	}, a.log, a.metrics)
	if at := new(fs.PathError); errors.As(err, &at) && filepath.Dir(absolute(at.Path)) == absolute(a.stateDir) {
		err = statedir.Explain("use", at.Path, err)
	}
	if err != nil {
		return fmt.Errorf("load the connectors: %w", err)
	}
	a.host = h
	return nil
}
