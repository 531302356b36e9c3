package host

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/jsonstream"
	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Connector is a loaded module. It is safe for concurrent use: each call has
// an instance of its own.
type Connector struct {
	host   *Host
	module Module
	wasm   []byte

	mu       sync.Mutex
	compiled wazero.CompiledModule
}

// Application is one configured use of a connector.
type Application struct {
	Name        string
	BaseURL     string         // of the configuration; wins over that of a token and of the manifest
	Settings    map[string]any // as the manifest declares them
	Hosts       []string       // more hosts that the configuration names: "name", "name:port" or "*.domain"
	Credentials Credentials    // nil: none
	RateLimit   string         // REQUESTS/DURATION; "" is the manifest's
}

// Record is one record that a connector delivered.
type Record struct {
	// Key is the primary key as text, numbers with the digits that were sent.
	// It is "" when Problem says why there is none: the record is to be set
	// aside, and somebody is present whose key is not known.
	Key     string
	Problem string
	// Fields holds nil, string, bool, json.Number, []any and map[string]any. A
	// field that was not delivered has no entry, one that is null a nil entry.
	Fields map[string]any
}

// Report tells what a fetch took.
type Report struct {
	Records  int64
	Requests int
	Bytes    int64         // of bodies
	Waited   time.Duration // that the connector asked for
	Took     time.Duration
	Memory   uint64 // of the instance at its end, in bytes
}

// Limits on a connector's own retries, unless the call says otherwise.
const (
	defaultAttempts = 5
	defaultMaxWait  = 5 * time.Minute
	// checkTimeout bounds a whole check, as a multiple of the call's time-out.
	checkTimeout = 4
)

// Manifest describes the connector.
func (c *Connector) Manifest() abi.Manifest { return c.module.Manifest }

// Prepare compiles the connector, which takes seconds when no compiled form is
// in the cache. Calls do it where it has not been done.
func (c *Connector) Prepare(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.compiled != nil {
		return nil
	}
	compiled, err := c.host.compile(ctx, c.wasm)
	if err != nil && c.host.cache != nil && strings.Contains(err.Error(), "compilationcache") {
		c.host.log.Warn("the cache of compiled connectors is damaged and is made again", "connector", c.module.Manifest.Name, "error", err)
		if err := clearDir(c.host.compiled()); err != nil {
			return fmt.Errorf("compile connector %s: %w", c.module.Manifest.Name, err)
		}
		compiled, err = c.host.compile(ctx, c.wasm)
	}
	if err != nil {
		return &CallError{
			Connector: c.module.Manifest.Name, Kind: abi.KindInternal, Err: err,
			Message: fmt.Sprintf("compile connector %s: %v", c.module.Manifest.Name, err),
			Next:    next(abi.KindInternal, ""),
		}
	}
	c.compiled, c.wasm = compiled, nil
	return nil
}

// compile turns a panic of the compiler into an error.
func (h *Host) compile(ctx context.Context, wasm []byte) (compiled wazero.CompiledModule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler cannot take it: %v", p)
		}
	}()
	return h.runtime.CompileModule(ctx, wasm)
}

// clearDir removes the files below a folder. The folders stay: the open cache
// writes into them.
func clearDir(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // it is only read
	return fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return root.Remove(path)
	})
}

// Fetch runs the connector over one endpoint and calls sink with each record,
// in the order in which they come. Records count only when the error is nil:
// the answer was whole. An error of sink ends the fetch and is returned as it
// is; other errors are a *CallError, or that of ctx.
func (c *Connector) Fetch(ctx context.Context, app Application, call abi.FetchCall, sink func(Record) error) (Report, error) {
	call.Endpoint.Normalize()
	if err := call.Endpoint.Validate(); err != nil {
		return Report{}, c.fault(app, abi.FunctionFetch, abi.KindConfig, fmt.Sprintf("endpoint %q: %v", call.Endpoint.Name, err))
	}
	key, err := jsonstream.ParsePointer(call.Endpoint.Key)
	if err != nil {
		return Report{}, c.fault(app, abi.FunctionFetch, abi.KindConfig, err.Error())
	}
	return c.call(ctx, app, job{
		input:   abi.Call{Function: abi.FunctionFetch, Endpoint: &call.Endpoint, Retry: call.Retry},
		export:  abi.ExportFetch,
		timeout: c.host.settings.FetchTimeout,
		spec:    jsonstream.Spec{Key: key, Keep: call.Keep, All: call.Keep == nil},
		sink:    func(r jsonstream.Record) error { return sink(Record(r)) },
	})
}

// Check makes the connector's own cheap request, to see whether the
// application accepts the credentials.
func (c *Connector) Check(ctx context.Context, app Application) error {
	_, err := c.call(ctx, app, job{
		input:   abi.Call{Function: abi.FunctionCheck},
		export:  abi.ExportCheck,
		timeout: checkTimeout * c.host.settings.CallTimeout,
	})
	return err
}

// job is what one call is to do.
type job struct {
	input   abi.Call
	export  string
	timeout time.Duration
	spec    jsonstream.Spec
	sink    func(jsonstream.Record) error
}

// call prepares a call, runs it and reports it.
func (c *Connector) call(ctx context.Context, app Application, j job) (Report, error) {
	if err := c.Prepare(ctx); err != nil {
		return Report{}, err
	}
	client, err := c.client(app)
	if err != nil {
		return Report{}, c.fault(app, j.input.Function, abi.KindConfig, err.Error())
	}
	defer client.Close()
	if j.input.Settings, err = settings(c.module.Manifest, app.Settings); err != nil {
		return Report{}, c.fault(app, j.input.Function, abi.KindConfig, err.Error())
	}
	if j.input.Retry.Attempts == 0 {
		j.input.Retry.Attempts = defaultAttempts
	}
	if j.input.Retry.MaxWaitMS == 0 {
		j.input.Retry.MaxWaitMS = defaultMaxWait.Milliseconds()
	}
	j.input.Application = app.Name
	input, err := json.Marshal(j.input)
	if err != nil {
		return Report{}, fmt.Errorf("encode call: %w", err)
	}
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, j.timeout, errTimeout)
	defer cancel()
	state := &abi1.Call{
		Context: ctx, Input: input, Spec: j.spec, Sink: j.sink, Client: client,
		Log: c.host.log.With("connector", c.module.Manifest.Name, "application", app.Name),
	}
	defer state.Close()
	end := c.run(state, j.export)
	report := Report{
		Records: state.Records, Requests: state.Requests, Bytes: state.Bytes,
		Waited: state.Waited, Took: time.Since(start), Memory: end.memory,
	}
	err = c.verdict(state, app, j, end)
	c.observe(j.input.Function, err, report)
	return report, err
}

func (c *Connector) client(app Application) (*web.Client, error) {
	m := c.module.Manifest
	var urls []string
	if app.BaseURL != "" {
		urls = append(urls, app.BaseURL)
	}
	rules, err := web.NewRules(m.Hosts, app.Hosts, urls)
	if err != nil {
		return nil, err
	}
	limit := app.RateLimit
	if limit == "" {
		limit = m.RateLimit
	}
	limiter, err := c.host.limiter(app.Name, limit)
	if err != nil {
		return nil, fmt.Errorf("rate_limit: %w", err)
	}
	var profiles []string
	for _, p := range m.Auth {
		profiles = append(profiles, p.Name)
	}
	s := web.Settings{
		Rules: rules, Configured: app.BaseURL, Manifest: m.BaseURL, Profiles: profiles,
		Limiter: limiter, Timeout: c.host.settings.CallTimeout, SpoolDir: c.host.settings.CacheDir,
		UserAgent: "rollcall/" + c.host.settings.Version, MaxBody: abi.MaxBodySize, TLS: c.host.settings.TLS,
	}
	if app.Credentials != nil {
		s.Credentials = app.Credentials
	}
	if o := c.host.observer; o != nil {
		s.Observe = func(status int, took time.Duration) { o.HTTPRequest(app.Name, status, took) }
		s.ObserveLimit = func(waited time.Duration) { o.RateLimited(app.Name, waited) }
	}
	return web.New(s), nil
}

// settings checks what the configuration sets against the manifest.
func settings(m abi.Manifest, set map[string]any) (map[string]any, error) {
	all := map[string]any{}
	known := map[string]bool{}
	for _, s := range m.Settings {
		known[s.Name] = true
		v, ok := set[s.Name]
		switch {
		case ok:
			if err := s.Check(v); err != nil {
				return nil, fmt.Errorf("setting %s: %w", s.Name, err)
			}
			all[s.Name] = v
		case s.Required:
			return nil, fmt.Errorf("setting %s is required: %s", s.Name, s.Title)
		case s.Default != nil:
			all[s.Name] = s.Default
		}
	}
	for name := range set {
		if !known[name] {
			return nil, fmt.Errorf("setting %s is not one that the connector declares", name)
		}
	}
	return all, nil
}

func (c *Connector) observe(function string, err error, r Report) {
	if c.host.observer == nil {
		return
	}
	c.host.observer.ConnectorCall(c.module.Manifest.Name, function, resultOf(err), r.Took, r.Memory)
}
