package host_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/testdata/kept"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const manifest = `
name = "guest"
version = "1.2.3"
abi = "rollcall_v1"
title = "Guest"
hosts = ["api.example.com", "*.example.net"]

[[settings]]
name = "region"
type = "string"
default = "eu"

[[settings]]
name = "limit"
type = "int"

[[auth]]
kind = "api_key"
header = "X-Api-Token"

[[endpoints]]
name = "users"
path = "/users"
records = "/data"
key = "/id"
audience = "customers"

[[endpoints.attributes]]
name = "everybody"
type = "string"

[[cannot]]
operation = "delete a user"
reason = "the API has no such call"
method = "DELETE"
path = "/users/*"

[[rates]]
path = "/rated"
limit = "1/1h"
`

// shared is what all tests of a run use: the built guest, and a cache, so that
// the guest is compiled once and not again in the next run.
var shared struct {
	dir   string
	cache string
	build func() ([]byte, error)
	// hostile builds the guest of the suite of hostile modules.
	hostile func() ([]byte, error)
}

func TestMain(m *testing.M) {
	if host.IsCompiler() {
		os.Exit(host.CompileMain(context.Background()))
	}
	if url := os.Getenv(streamURL); url != "" {
		os.Exit(streamChild(url))
	}
	if os.Getenv(nullServer) != "" {
		os.Exit(serveNull())
	}
	dir, err := os.MkdirTemp("", "rollcall-host-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared.dir = dir
	if shared.cache, err = kept.Folder("host"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared.build = sync.OnceValues(func() ([]byte, error) { return buildGuest("guest") })
	shared.hostile = sync.OnceValues(func() ([]byte, error) { return buildGuest("hostile") })
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// buildGuest builds a guest of testdata.
func buildGuest(name string) ([]byte, error) {
	// Reading what the guest is built from tells `go test` to run the tests
	// again when it changes: the build below is a process of its own.
	for _, pattern := range []string{"testdata/" + name + "/*.go", "../sdk/*.go", "../sdk/abi/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if _, err := os.ReadFile(f); err != nil {
				return nil, err
			}
		}
	}
	out := filepath.Join(shared.dir, name+".wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./testdata/"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build "+name+": %w\n%s", err, text)
	}
	return os.ReadFile(out)
}

// guest returns the test guest without a manifest.
func guest(t testing.TB) []byte {
	t.Helper()
	b, err := shared.build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func embedded(t testing.TB, text string) []byte {
	t.Helper()
	b, err := host.Embed(guest(t), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// logged collects the lines of a log.
type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }
func (l *logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logged) WithGroup(string) slog.Handler            { return l }
func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r.Message)
	return nil
}

func (l *logged) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

// fixture is a host with the guest loaded, and a server that it may ask.
type fixture struct {
	conn *host.Connector
	app  host.Application
	log  *logged
	seen *observed
}

// observed counts what an Observer is told.
type observed struct {
	mu     sync.Mutex
	counts map[string]int
}

func (o *observed) count(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts == nil {
		o.counts = map[string]int{}
	}
	o.counts[what]++
}

func (o *observed) HTTPRequest(application string, status int, _ time.Duration) {
	o.count(fmt.Sprint("http ", application, " ", status))
}

func (o *observed) RateLimited(application string, _ time.Duration) {
	o.count("limited " + application)
}

func (o *observed) ConnectorCall(connector, function, result string, _ time.Duration, _ uint64) {
	o.count("call " + connector + " " + function + " " + result)
}

// passing is a cache for small modules that no later run needs.
func passing() string { return filepath.Join(shared.dir, "cache") }

func open(t testing.TB, s host.Settings, files map[string][]byte, seen ...host.Observer) (*host.Host, *logged) {
	t.Helper()
	s.ModulesDir = t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.ModulesDir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s.CacheDir == "" {
		s.CacheDir = shared.cache
	}
	l := &logged{}
	var o host.Observer
	if len(seen) > 0 {
		o = seen[0]
	}
	h, err := host.Open(t.Context(), s, slog.New(l), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h, l
}

// start opens a separate host, for a test that examines more than its calls or
// runs in parallel.
func start(t testing.TB, s host.Settings, handler http.Handler) fixture {
	t.Helper()
	s.AllowUnsigned = true
	seen := &observed{}
	h, l := open(t, s, map[string][]byte{"guest.wasm": embedded(t, manifest)}, seen)
	f := load(t, h, handler)
	f.log, f.seen = l, seen
	return f
}

// usual opens the host that share uses. Reading a guest takes a second with the
// race detector.
var usual = sync.OnceValues(func() (*host.Host, error) {
	wasm, err := shared.build()
	if err == nil {
		wasm, err = host.Embed(wasm, []byte(manifest))
	}
	s := host.Settings{ModulesDir: filepath.Join(shared.dir, "usual"), CacheDir: shared.cache, AllowUnsigned: true}
	if err == nil {
		err = os.Mkdir(s.ModulesDir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(s.ModulesDir, "guest.wasm"), wasm, 0o600)
	}
	if err != nil {
		return nil, err
	}
	return host.Open(context.Background(), s, slog.New(slog.DiscardHandler), nil)
})

// share is start with the usual settings, for a test that only examines its
// calls and does not run in parallel: such tests share one host.
func share(t testing.TB, handler http.Handler) fixture {
	t.Helper()
	h, err := usual()
	if err != nil {
		t.Fatal(err)
	}
	f := load(t, h, handler)
	h.Forget(f.app.Name)
	return f
}

func load(t testing.TB, h *host.Host, handler http.Handler) fixture {
	t.Helper()
	conn, err := h.Connector("guest")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	creds, err := host.NewStaticCredentials(conn.Manifest().Auth[0], "", "secret-api-token")
	if err != nil {
		t.Fatal(err)
	}
	return fixture{conn: conn, app: host.Application{Name: "app", BaseURL: srv.URL, Credentials: creds}}
}

// fetch runs the guest's users endpoint; do says what the guest does.
func (f fixture) fetch(ctx context.Context, do string, change func(*abi.FetchCall)) ([]host.Record, host.Report, error) {
	e, _ := f.conn.Manifest().Endpoint("users")
	if do != "" {
		e.Params = map[string]string{"do": do}
	}
	call := abi.FetchCall{Endpoint: e}
	if change != nil {
		change(&call)
	}
	var records []host.Record
	report, err := f.conn.Fetch(ctx, f.app, call, func(r host.Record) error {
		records = append(records, r)
		return nil
	})
	return records, report, err
}

func answer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, text)
	}
}

func serve(t testing.TB, handler http.Handler) string {
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return srv.URL
}

func asCallError(t *testing.T, err error) *host.CallError {
	t.Helper()
	var e *host.CallError
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is not a CallError", err, err)
	}
	return e
}

// limit is the shortest time-out of a Go guest that is to get anything done: on
// a busy machine with the race detector it takes a while to start.
const limit = 5 * time.Second
