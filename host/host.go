// Package host loads connectors, checks and limits them, and calls them: it is
// the host's side of the import module rollcall_v1. It delivers records to the
// agent and knows nothing of their use.
//
// A module passes several checks before it runs: signature, sections, imports
// and exports, rewriting, compilation in another process. Each step trusts the
// module more than the one before. docs/connector-abi.md says what each step
// promises.
package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"aead.dev/minisign"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/compiler"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Settings configure a Host. Zero values mean the defaults that the fields
// name.
type Settings struct {
	ModulesDir    string
	CacheDir      string        // compiled modules and large bodies, created with mode 0700; "": no cache, and the system's temporary folder
	TrustedKeys   []string      // minisign public keys
	AllowUnsigned bool          // accepts modules without a signature, or signed by an unknown key
	MemoryMiB     int           // of one running call; default 64
	CallTimeout   time.Duration // of guest code between two requests, and of one request; default 30 s
	FetchTimeout  time.Duration // of a whole fetch; default 6 h
	Version       string        // for the User-Agent; default "dev"
	// CompileTimeout and CompileMemoryMiB limit the process that compiles one
	// connector; default 60 s and 512.
	CompileTimeout   time.Duration
	CompileMemoryMiB int
	VersionsFile     string      // remembers which versions have served, so that an older one cannot replace a newer; "": not remembered
	AllowDowngrade   []string    // names of connectors that may be replaced by an older version
	TLS              *tls.Config // nil: the system's root certificates; never below TLS 1.2
	Ledger           Ledger      // nil: budgets and pauses are lost when the process ends
}

const (
	defaultMemoryMiB    = 64
	maxMemoryMiB        = 4096 // the most that WebAssembly can address
	defaultCallTimeout  = 30 * time.Second
	defaultFetchTimeout = 6 * time.Hour
	pagesPerMiB         = 16

	defaultCompileTimeout   = 60 * time.Second
	defaultCompileMemoryMiB = 512
	leastCompileMemoryMiB   = 64 // enough for a small module, with room to spare
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
	if s.CompileTimeout == 0 {
		s.CompileTimeout = defaultCompileTimeout
	}
	if s.CompileMemoryMiB == 0 {
		s.CompileMemoryMiB = defaultCompileMemoryMiB
	}
	if s.Version == "" {
		s.Version = "dev"
	}
	if s.CompileMemoryMiB < leastCompileMemoryMiB || s.CompileTimeout < 0 {
		return s, fmt.Errorf("compiling needs at least %d MiB, and a positive time-out", leastCompileMemoryMiB)
	}
	if s.MemoryMiB < 0 || s.MemoryMiB > maxMemoryMiB || s.CallTimeout < 0 || s.FetchTimeout < 0 {
		return s, fmt.Errorf("memory must be 1 to %d MiB, and time-outs positive", maxMemoryMiB)
	}
	return s, nil
}

// Ledger stores, across restarts, what an application has spent of its daily
// budget and how long it asked for a pause. Several goroutines use it at once.
type Ledger interface {
	// Load returns the text last saved for an application; "" when there is
	// none.
	Load(ctx context.Context, application string) (string, error)
	Save(ctx context.Context, application, text string) error
}

// Observer receives events for metrics. Several goroutines may call its methods
// at once.
type Observer interface {
	// HTTPRequest reports one request; status 0 means that there was no answer.
	HTTPRequest(application string, status int, took time.Duration)
	// RateLimited reports a request that waited for its turn.
	RateLimited(application string, waited time.Duration)
	// ConnectorCall reports one call. result is "ok" or the name of a kind of
	// error; memory is the size of the instance at its end, in bytes.
	ConnectorCall(connector, function, result string, took time.Duration, memory uint64)
}

// Host holds the connectors of one modules folder. It is safe for concurrent
// use.
type Host struct {
	settings Settings
	log      *slog.Logger
	observer Observer
	keys     []minisign.PublicKey
	runtime  wazero.Runtime
	loads    wazero.CompilationCache
	cache    *compiler.Cache
	scratch  string // a cache for this process only; "" when the settings name one
	catalog  *catalog
	versions *versions
	idle     idle
	started  atomic.Int64     // instances, for tests
	look     func(api.Memory) // for tests: sees a guest's memory at the end of its call; nil otherwise

	mu       sync.Mutex
	limiters map[string]limited // by application
}

// Open reads the modules folder. A module that cannot be used does not stop the
// others; Modules says why. Open compiles nothing, and only Watch notices later
// changes. The caller must close the Host.
func Open(ctx context.Context, s Settings, log *slog.Logger, o Observer) (*Host, error) {
	s, err := s.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open connectors: %w", err)
	}
	h := &Host{settings: s, log: log, observer: o, catalog: newCatalog(), limiters: map[string]limited{}, idle: idle{last: idleFor}}
	if h.keys, err = parseKeys(s.TrustedKeys); err != nil {
		return nil, fmt.Errorf("open connectors: %w", err)
	}
	if h.versions, err = readVersions(s.VersionsFile); err != nil {
		return nil, fmt.Errorf("open connectors: %w", err)
	}
	if err := errors.Join(h.load(), h.start(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("open connectors: %w", err), h.Close(ctx))
	}
	return h, nil
}

func (h *Host) start(ctx context.Context) error {
	dir, err := h.cacheDir()
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	pages := uint32(h.settings.MemoryMiB * pagesPerMiB)
	limits := compiler.Limits{Time: h.settings.CompileTimeout, MemoryMiB: h.settings.CompileMemoryMiB}
	if h.cache, err = compiler.OpenCache(dir, pages, limits, h.log); err != nil {
		return err
	}
	if h.loads, err = wazero.NewCompilationCacheWithDir(dir); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	h.runtime = wazero.NewRuntimeWithConfig(ctx, compiler.Config(pages).WithCompilationCache(h.loads))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, h.runtime); err != nil {
		return fmt.Errorf("register WASI: %w", err)
	}
	return abi1.Register(ctx, h.runtime)
}

// cacheDir creates the folder for compiled modules and returns its path.
func (h *Host) cacheDir() (string, error) {
	dir := h.settings.CacheDir
	if dir == "" {
		var err error
		h.scratch, err = os.MkdirTemp("", "rollcall-connectors-")
		return h.scratch, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return filepath.Join(dir, "compiled"), os.Chmod(dir, 0o700) //nolint:gosec // a folder needs its x bit
}

// Close frees the compiled modules. All calls must have ended.
func (h *Host) Close(ctx context.Context) error {
	var errs []error
	h.idle.close()
	h.disconnect()
	if h.runtime != nil {
		errs = append(errs, h.runtime.Close(ctx))
	}
	if h.loads != nil {
		errs = append(errs, h.loads.Close(ctx))
	}
	if h.scratch != "" {
		errs = append(errs, os.RemoveAll(h.scratch))
	}
	return errors.Join(errs...)
}

// Modules lists the files of the modules folder in any state, by name.
func (h *Host) Modules() []Module { return h.catalog.list() }

// Connector returns the connector with a name in its manifest.
func (h *Host) Connector(name string) (*Connector, error) {
	if v := h.catalog.serves(name); v != nil {
		return &Connector{host: h, module: v.module}, nil
	}
	return nil, h.missing(name)
}

// missing returns the error for a name without a connector.
func (h *Host) missing(name string) error {
	var there []string
	for _, m := range h.catalog.list() {
		if m.State != Serving && (m.Manifest.Name == name || strings.TrimSuffix(filepath.Base(m.File), moduleSuffix) == name) {
			was := "was refused"
			if m.State == Waiting {
				was = "is not ready"
			}
			return &CallError{
				Connector: name, Kind: abi.KindConfig,
				Message: fmt.Sprintf("connector %q: %s %s: %s", name, m.File, was, m.Reason),
				Next:    "put a module that can be used in its place, then look at `rollcall connectors`",
			}
		}
		if m.State == Serving {
			there = append(there, m.Manifest.Name)
		}
	}
	list := "there is none"
	if len(there) > 0 {
		list = "there are: " + strings.Join(there, ", ")
	}
	return &CallError{
		Connector: name, Kind: abi.KindConfig,
		Message: fmt.Sprintf("no connector %q in %s; %s", name, h.settings.ModulesDir, list),
		Next:    fmt.Sprintf("put %s.wasm and its signature into the folder, or correct the name", name),
	}
}
