// Package host loads connectors, checks and limits them, and calls them: it is
// the other side of the import module rollcall_v1. It delivers records and
// knows nothing of what is done with them.
//
// It is not yet a sandbox for modules from unknown hands: that is what their
// signatures are for. docs/connector-abi.md lists the limits of this version.
package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Settings of a Host. Zero values are the defaults that the fields name.
type Settings struct {
	ModulesDir    string
	CacheDir      string        // compiled modules and large bodies, made 0700; "": no cache, and the system's temporary folder
	TrustedKeys   []string      // minisign public keys
	AllowUnsigned bool          // a module without a signature, or with one by an unknown key, is loaded
	MemoryMiB     int           // of one running call; default 64
	CallTimeout   time.Duration // of guest code between two requests, and of one request; default 30 s
	FetchTimeout  time.Duration // of a whole fetch; default 6 h
	Version       string        // for the User-Agent; default "dev"
	TLS           *tls.Config   // nil: the system's roots; TLS 1.2 is the least in any case
	Ledger        Ledger        // nil: budgets and pauses are forgotten with the process
}

const (
	defaultMemoryMiB    = 64
	maxMemoryMiB        = 4096 // what WebAssembly can address
	defaultCallTimeout  = 30 * time.Second
	defaultFetchTimeout = 6 * time.Hour
	pagesPerMiB         = 16
)

func (s Settings) withDefaults() (Settings, error) {
	if s.MemoryMiB == 0 {
		s.MemoryMiB = defaultMemoryMiB
	}
	if s.CallTimeout == 0 {
		s.CallTimeout = defaultCallTimeout
	}
	if s.FetchTimeout == 0 {
		s.FetchTimeout = defaultFetchTimeout
	}
	if s.Version == "" {
		s.Version = "dev"
	}
	if s.MemoryMiB < 0 || s.MemoryMiB > maxMemoryMiB || s.CallTimeout < 0 || s.FetchTimeout < 0 {
		return s, fmt.Errorf("memory must be 1 to %d MiB, and time-outs positive", maxMemoryMiB)
	}
	return s, nil
}

// Ledger keeps what an application has spent of its daily budget, and until
// when it asked to be left alone, over restarts. It is used from several
// goroutines at once.
type Ledger interface {
	// Load returns the text that was last saved for an application; "" when
	// there is none.
	Load(ctx context.Context, application string) (string, error)
	Save(ctx context.Context, application, text string) error
}

// Observer is told what happened, for metrics. Its methods may be called from
// several goroutines at once.
type Observer interface {
	// HTTPRequest is one request; status 0 means that there was no answer.
	HTTPRequest(application string, status int, took time.Duration)
	// RateLimited is a request that waited for its turn.
	RateLimited(application string, waited time.Duration)
	// ConnectorCall is one call; result is "ok" or the name of a kind of error,
	// memory what the instance had at its end, in bytes.
	ConnectorCall(connector, function, result string, took time.Duration, memory uint64)
}

// Host holds the connectors of one modules folder. It is safe for concurrent
// use.
type Host struct {
	settings Settings
	log      *slog.Logger
	observer Observer
	runtime  wazero.Runtime
	cache    wazero.CompilationCache

	modules    []Module
	connectors map[string]*Connector

	mu       sync.Mutex
	limiters map[string]limited // by application
}

// Open reads the modules folder. A module that cannot be used does not stop
// the others: Modules says why. Nothing is compiled yet. Close the Host.
func Open(ctx context.Context, s Settings, log *slog.Logger, o Observer) (*Host, error) {
	s, err := s.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open connectors: %w", err)
	}
	h := &Host{
		settings: s, log: log, observer: o,
		connectors: map[string]*Connector{}, limiters: map[string]limited{},
	}
	keys, err := parseKeys(s.TrustedKeys)
	if err != nil {
		return nil, fmt.Errorf("open connectors: %w", err)
	}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open connectors: %w", err), h.Close(ctx))
	}
	if err := h.load(keys); err != nil {
		return nil, errors.Join(fmt.Errorf("open connectors: %w", err), h.Close(ctx))
	}
	return h, nil
}

func (h *Host) start(ctx context.Context) error {
	config := wazero.NewRuntimeConfig().
		WithCloseOnContextDone(true).
		WithMemoryLimitPages(uint32(h.settings.MemoryMiB * pagesPerMiB)).
		WithDebugInfoEnabled(false)
	if dir := h.settings.CacheDir; dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("cache folder: %w", err)
		}
		if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x bit
			return fmt.Errorf("cache folder: %w", err)
		}
		cache, err := wazero.NewCompilationCacheWithDir(h.compiled())
		if err != nil {
			return fmt.Errorf("cache folder: %w", err)
		}
		h.cache = cache
		config = config.WithCompilationCache(cache)
	}
	if a := runtime.GOARCH; a != "amd64" && a != "arm64" {
		h.log.Warn("connectors are interpreted on this processor: 40 to 100 times slower", "arch", a)
	}
	h.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, h.runtime); err != nil {
		return fmt.Errorf("register WASI: %w", err)
	}
	return abi1.Register(ctx, h.runtime)
}

// compiled is the folder of compiled modules.
func (h *Host) compiled() string { return filepath.Join(h.settings.CacheDir, "compiled") }

// Close frees the compiled modules. Calls must have ended.
func (h *Host) Close(ctx context.Context) error {
	var errs []error
	h.disconnect()
	if h.runtime != nil {
		errs = append(errs, h.runtime.Close(ctx))
	}
	if h.cache != nil {
		errs = append(errs, h.cache.Close(ctx))
	}
	return errors.Join(errs...)
}

// Modules lists the files of the modules folder, usable or refused, by name.
func (h *Host) Modules() []Module { return slices.Clone(h.modules) }

// Connector finds a connector by the name in its manifest.
func (h *Host) Connector(name string) (*Connector, error) {
	if c, ok := h.connectors[name]; ok {
		return c, nil
	}
	var there []string
	for _, m := range h.modules {
		if m.Reason != "" && (m.Manifest.Name == name || strings.TrimSuffix(filepath.Base(m.File), moduleSuffix) == name) {
			return nil, &CallError{
				Connector: name, Kind: abi.KindConfig,
				Message: fmt.Sprintf("connector %q: %s was refused: %s", name, m.File, m.Reason),
				Next:    "put a module that can be used in its place, then look at `rollcall connectors`",
			}
		}
		if m.Reason == "" {
			there = append(there, m.Manifest.Name)
		}
	}
	list := "there is none"
	if len(there) > 0 {
		list = "there are: " + strings.Join(there, ", ")
	}
	return nil, &CallError{
		Connector: name, Kind: abi.KindConfig,
		Message: fmt.Sprintf("no connector %q in %s; %s", name, h.settings.ModulesDir, list),
		Next:    fmt.Sprintf("put %s.wasm and its signature into the folder, or correct the name", name),
	}
}
