package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
)

// app is an agent in this process: its state under lock, and what it builds
// from the configuration when it is first needed.
type app struct {
	config  *config.Config
	log     *slog.Logger
	lock    *flock.Flock
	store   *store.Store
	vault   *vault
	secrets *secrets.Resolver
	metrics *metrics.Metrics
	used    inUse
	serving bool // this is the agent, and commands come through its socket
	trial   bool // this is an agent under the configuration that a command names

	mu         sync.Mutex
	loadedHost *host.Host
	loaded     *engine.Engine
}

// lockWait is how long a command waits for another that uses the same state.
const lockWait = 5 * time.Second

// lockPoll is how often it looks whether it may.
const lockPoll = 50 * time.Millisecond

// lockApp takes the lock of the state folder.
func lockApp(ctx context.Context, cfg *config.Config, log *slog.Logger) (*app, error) {
	if err := statedir.Make(cfg.Agent.StateDir); err != nil {
		return nil, err
	}
	lock, err := lockState(ctx, cfg.Agent.StateDir, noAgent)
	if err != nil {
		return nil, err
	}
	return &app{config: cfg, log: log, lock: lock}, nil
}

// open opens the state.
func (a *app) open(ctx context.Context) error {
	if err := a.openStore(ctx); err != nil {
		return err
	}
	return a.openSecrets(ctx)
}

func (a *app) openStore(ctx context.Context) (err error) {
	if a.store, err = store.Open(ctx, a.config.Agent.StateDir, store.WithLogger(a.log), store.WithStagingLimit(int64(a.config.Store.StagingMiB)<<20)); err != nil {
		return err
	}
	// Whatever was running when this process took the lock is running no more.
	if _, err := a.store.InterruptRuns(ctx); err != nil {
		return fmt.Errorf("close runs that were cut off: %w", err)
	}
	a.metrics = metrics.New(version, func() float64 {
		size, err := a.store.Size(context.WithoutCancel(ctx))
		if err != nil {
			return 0
		}
		return float64(size)
	})
	return nil
}

// lockState waits until it has the lock. It is nil without an error when an
// agent answers meanwhile: it has the lock, and can do what is wanted.
func lockState(ctx context.Context, dir string, answers func() (bool, error)) (*flock.Flock, error) {
	deadline, notice := time.After(lockWait), time.After(lockWait/4)
	for {
		lock, err := statedir.Lock(dir)
		if err != nil || lock != nil {
			return lock, err
		}
		if there, err := answers(); there || err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("nothing was done: %w", context.Cause(ctx))
		case <-deadline:
			return nil, fmt.Errorf("the state folder %s is in use by another rollcall, %s: wait until it is done, or ask the running agent as the user that it runs as", absolute(dir), statedir.Holder(dir))
		case <-notice:
			progress.Tell(ctx, progress.Step{Phase: "waiting for another rollcall that uses the state folder, " + statedir.Holder(dir), Notice: true})
		case <-time.After(lockPoll):
		}
	}
}

// noAgent reports that no agent runs, for the process that becomes the agent.
func noAgent() (bool, error) { return false, nil }

func (a *app) openSecrets(ctx context.Context) error {
	keeper, err := a.openKeeper(ctx)
	if err != nil {
		return err
	}
	a.vault = &vault{keeper}
	a.secrets = secrets.NewResolver(os.LookupEnv, keeper)
	return nil
}

func (a *app) openKeeper(ctx context.Context) (*secrets.Keeper, error) {
	ref := a.config.Secrets.MasterKey
	if ref.IsZero() {
		return secrets.OpenWithKeyFile(ctx, a.config.Agent.StateDir, a.store, a.log)
	}
	master, err := resolve(ctx, secrets.NewResolver(os.LookupEnv, nil), ref)
	if err != nil {
		return nil, fmt.Errorf("master key of the secrets: %w", err)
	}
	return secrets.OpenWithKey(ctx, a.store, master, ref.Reference.String(), a.log)
}

func (a *app) close() {
	if a.loadedHost != nil {
		_ = a.loadedHost.Close(context.Background())
	}
	if a.store != nil {
		if err := a.store.Close(); err != nil {
			a.log.Warn("close the state", "error", err)
		}
	}
	_ = a.lock.Unlock()
}

// host loads the connectors once.
func (a *app) host(ctx context.Context) (*host.Host, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.openHost(ctx)
}

func (a *app) openHost(ctx context.Context) (*host.Host, error) {
	if a.loadedHost != nil {
		return a.loadedHost, nil
	}
	m := a.config.Modules
	h, err := host.Open(context.WithoutCancel(ctx), host.Settings{
		ModulesDir: a.config.Agent.ModulesDir, CacheDir: filepath.Join(a.config.Agent.StateDir, "module-cache"),
		TrustedKeys: m.TrustedKeys, AllowUnsigned: m.AllowUnsigned, MemoryMiB: m.MemoryMiB,
		CallTimeout: m.CallTimeout, FetchTimeout: m.FetchTimeout, Version: version,
		CompileTimeout: m.CompileTimeout, CompileMemoryMiB: m.CompileMemoryMiB,
		VersionsFile: filepath.Join(a.config.Agent.StateDir, "connector-versions.json"), AllowDowngrade: m.AllowDowngrade,
		Ledger: ledger{a.store},
	}, a.log, a.metrics)
	if at := new(fs.PathError); errors.As(err, &at) && filepath.Dir(absolute(at.Path)) == absolute(a.config.Agent.StateDir) {
		err = statedir.Explain("use", at.Path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("load the connectors: %w", err)
	}
	a.loadedHost = h
	return h, nil
}

// engine builds the engine with every automation once.
func (a *app) engine(ctx context.Context) (*engine.Engine, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.loaded != nil {
		return a.loaded, nil
	}
	h, err := a.openHost(ctx)
	if err != nil {
		return nil, err
	}
	a.metrics.Servers(a.config.Directory.URLs)
	e, err := engine.New(ctx, a.engineSettings(ctx, h))
	if err != nil {
		return nil, err
	}
	a.loaded = e
	return e, nil
}

func newLogger(cfg config.Log, to io.Writer) *slog.Logger {
	levels := map[config.LogLevel]slog.Level{
		config.LogDebug: slog.LevelDebug, config.LogInfo: slog.LevelInfo,
		config.LogWarn: slog.LevelWarn, config.LogError: slog.LevelError,
	}
	opts := &slog.HandlerOptions{Level: levels[cfg.Level]}
	if cfg.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(to, opts))
	}
	return slog.New(slog.NewTextHandler(to, opts))
}

// resolve reads the secret of a field of the configuration.
func resolve(ctx context.Context, r *secrets.Resolver, field config.SecretRef) (secrets.Secret, error) {
	s, err := r.Resolve(ctx, field.Reference)
	if err != nil {
		return secrets.Secret{}, fmt.Errorf("%s: %w", field.Pos, err)
	}
	return s, nil
}

// vault gives the OAuth tokens and the commands access to the encrypted store.
type vault struct{ *secrets.Keeper }

// vaultBy is the vault in the hands of somebody: what they change is journalled.
func (a *app) vaultBy(who control.Caller, application string) *vault {
	return &vault{a.vault.Over(a.store.SecretsBy(string(who), application))}
}

// Get implements oauth.Vault.
func (v *vault) Get(ctx context.Context, name string) ([]byte, bool, error) {
	s, err := v.Keeper.Get(ctx, name)
	if errors.Is(err, secrets.ErrNoSecret) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return []byte(s.Reveal()), true, nil
}

// Set implements oauth.Vault.
func (v *vault) Set(ctx context.Context, name string, value []byte) error {
	return v.Keeper.Set(ctx, name, secrets.New(string(value)))
}
