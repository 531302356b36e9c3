package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host"
	wt "github.com/rollcall-agent/rollcall/host/internal/wasmtest"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// seen is what the guest found in its instance.
type seen struct {
	Instance string
	Calls    int
	Problem  int64
	Old      map[string]int64
	Open     int64
}

// mirror answers with the body of the request.
var mirror = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = w.Write(body)
})

func (f fixture) again(ctx context.Context, do string) (seen, error) {
	call := abi.InvokeCall{Webhook: abi.Webhook{Name: "again", Path: "/again", Params: map[string]string{"do": do}}}
	answer, err := f.conn.Invoke(ctx, f.app, call)
	if err != nil {
		return seen{}, err
	}
	var s seen
	err = json.Unmarshal(answer.Body, &s)
	return s, err
}

// must calls the guest and returns which call of its instance that was.
func (f fixture) must(t testing.TB, do string) int {
	t.Helper()
	s, err := f.again(t.Context(), do)
	if err != nil {
		t.Fatal(err)
	}
	return s.Calls
}

// TestReuse runs its tests in one host, because a guest takes long to load with
// the race detector. Each has an application of its own.
func TestReuse(t *testing.T) {
	f := start(t, host.Settings{}, mirror)
	for _, test := range []struct {
		name string
		run  func(*testing.T, fixture)
	}{
		{"invokes share an instance", invokesShare},
		{"nothing of a call outlives it", nothingOutlives},
		{"what ends an instance", endsInstance},
		{"applications share no instance", applicationsShareNone},
		{"credentials that cannot be compared", uncomparableCredentials},
		{"calls at the same time", sameTime},
		{"time", idleTime},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.conn.Host().EndIdle()
			f := f
			f.app.Name = test.name
			test.run(t, f)
		})
	}
}

func invokesShare(t *testing.T, f fixture) {
	for want := range 3 {
		if got := f.must(t, ""); got != want+1 {
			t.Errorf("call %d of the instance, want %d", got, want+1)
		}
	}
	before := f.conn.Host().Started()
	records, _, err := f.fetch(t.Context(), "again", nil)
	if err != nil || len(records) != 1 || records[0].Key != "1" {
		t.Errorf("a fetch in an instance of invokes: %v, %v", records, err)
	}
	if n := f.conn.Host().Started() - before; n != 1 || f.conn.Host().Idle() != 1 {
		t.Errorf("a fetch started %d instances, and %d wait", n, f.conn.Host().Idle())
	}
	if got := f.must(t, ""); got != 4 {
		t.Errorf("call %d after a fetch", got)
	}
}

// nothingOutlives has a guest keep a response's handle, and use it
// in its next call, which has a response of its own.
func nothingOutlives(t *testing.T, f fixture) {
	f.must(t, "no value") // leaves a last_error
	f.must(t, "keep")
	s, err := f.again(t.Context(), "replay")
	if err != nil {
		t.Fatal(err)
	}
	bad := int64(abi.CodeHandle)
	want := seen{Instance: s.Instance, Calls: 3, Open: 200, Old: map[string]int64{
		"http_status": bad, "http_header": bad, "json_get": bad, "body_read": bad, "body_size": bad, "respond": bad, "release": bad,
	}}
	if d := cmp.Diff(want, s); d != "" {
		t.Error(d)
	}
}

// endsInstance does something in the second call of an instance. The
// third call has another one.
func endsInstance(t *testing.T, f fixture) {
	for do, fails := range map[string]string{
		"fail": "as asked", "panic": "as asked", "exit": "exit status 0", "silent": "gave no answer",
		"refused": "", "goroutine": "", "grow": "",
	} {
		t.Run(do, func(t *testing.T) {
			before := f.must(t, "")
			_, err := f.again(t.Context(), do)
			if (fails == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), fails) {
				t.Errorf("%v, want %q", err, fails)
			}
			if n := f.conn.Host().Idle(); n != 0 {
				t.Errorf("%d instances wait", n)
			}
			if got := f.must(t, ""); got != 1 {
				t.Errorf("call %d of an instance, the one before was call %d", got, before+1)
			}
		})
	}
	t.Run("its caller leaves", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		f := f
		f.app.BaseURL = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("do") == "leave" {
				_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client leaves
				leave()
				<-r.Context().Done()
			}
			mirror(w, r)
		}))
		f.must(t, "")
		if _, err := f.again(ctx, "leave"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if got := f.must(t, ""); got != 1 {
			t.Errorf("call %d of an instance", got)
		}
	})
	t.Run("many calls", func(t *testing.T) {
		for range host.MaxCalls {
			f.must(t, "")
		}
		if got := f.must(t, ""); got > host.MaxCalls {
			t.Errorf("call %d of an instance", got)
		}
	})
}

func idleTime(t *testing.T, f fixture) {
	f.conn.Host().RestFor(time.Millisecond)
	f.must(t, "")
	soak.Await(t, "the idle instance is still there", func() bool { return f.conn.Host().Idle() == 0 })
}

// TestALoopEndsAnInstance: a call that is stopped at its deadline leaves none.
func TestALoopEndsAnInstance(t *testing.T) {
	f := start(t, host.Settings{CallTimeout: limit}, mirror)
	f.must(t, "")
	if _, err := f.again(t.Context(), "loop"); err == nil || !strings.Contains(err.Error(), "ran for more than") {
		t.Errorf("%v", err)
	}
	if got := f.must(t, ""); got != 1 {
		t.Errorf("call %d of an instance", got)
	}
}

// applicationsShareNone: an instance serves one application as it is
// configured.
func applicationsShareNone(t *testing.T, f fixture) {
	other := f
	other.app.Name = "other"
	for want := range 2 {
		if a, b := f.must(t, ""), other.must(t, ""); a != want+1 || b != want+1 {
			t.Errorf("calls %d and %d of their instances, want %d", a, b, want+1)
		}
	}
	credentials, err := host.NewStaticCredentials(f.conn.Manifest().Auth[0], "", "another-api-token")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*host.Application){
		"setting":     func(a *host.Application) { a.Settings = map[string]any{"region": "us"} },
		"base url":    func(a *host.Application) { a.BaseURL += "/v2" },
		"host":        func(a *host.Application) { a.Hosts = []string{"files.example.com"} },
		"credentials": func(a *host.Application) { a.Credentials = credentials },
		"reference":   func(a *host.Application) { a.Configured = "another" },
		"none":        func(a *host.Application) { a.Credentials = nil },
		"secret":      func(a *host.Application) { a.Secrets = map[string]func(context.Context) (string, error){"x": nil} },
	} {
		t.Run(name, func(t *testing.T) {
			f.must(t, "")
			changed := f
			change(&changed.app)
			if name == "secret" { // the guest has none: only the instance is looked at
				_, _ = changed.again(t.Context(), "")
			} else if got := changed.must(t, ""); got != 1 {
				t.Errorf("call %d of an instance of the former configuration", got)
			}
			if got := f.must(t, ""); got != 1 {
				t.Errorf("call %d: the former configuration's instance was kept", got)
			}
		})
	}
	if got := other.must(t, ""); got != 3 {
		t.Errorf("call %d of the other application, which did not change", got)
	}
}

// uncomparable are credentials that cannot be told from others.
type uncomparable struct {
	host.StaticCredentials
	_ []string
}

func uncomparableCredentials(t *testing.T, f fixture) {
	f.app.Credentials = uncomparable{StaticCredentials: f.app.Credentials.(host.StaticCredentials)}
	for range 2 {
		if got := f.must(t, ""); got != 1 {
			t.Errorf("call %d of an instance that cannot be told from another application's", got)
		}
	}
}

// sameTime keeps calls in flight together.
func sameTime(t *testing.T, f fixture) {
	const n = host.MaxEach + 2
	var together sync.WaitGroup
	f.app.BaseURL = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("do") == "together" {
			together.Done()
			together.Wait()
		}
		mirror(w, r)
	}))
	for range 3 {
		together.Add(n)
		var mu sync.Mutex
		instances := map[string]bool{}
		var calls sync.WaitGroup
		for range n {
			calls.Go(func() {
				s, err := f.again(t.Context(), "together")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				instances[s.Instance] = true
			})
		}
		calls.Wait()
		if len(instances) != n || f.conn.Host().Idle() != host.MaxEach {
			t.Errorf("%d instances for %d calls at the same time, and %d wait, want %d", len(instances), n, f.conn.Host().Idle(), host.MaxEach)
		}
	}
	for i := range host.MaxIdle {
		other := f
		other.app.Name = fmt.Sprint("other", i)
		other.must(t, "")
	}
	if n := f.conn.Host().Idle(); n != host.MaxIdle {
		t.Errorf("%d instances wait, want %d", n, host.MaxIdle)
	}
}

// TestAVersionThatIsReplacedKeepsNoInstance replaces a module while its
// instance waits for another call.
func TestAVersionThatIsReplacedKeepsNoInstance(t *testing.T) {
	dir := t.TempDir()
	put := func(text string) {
		part := filepath.Join(dir, "part")
		if err := errors.Join(os.WriteFile(part, embedded(t, text), 0o600), os.Rename(part, filepath.Join(dir, "guest.wasm"))); err != nil {
			t.Fatal(err)
		}
	}
	put(manifest)
	h, err := host.Open(t.Context(), host.Settings{ModulesDir: dir, CacheDir: shared.cache, AllowUnsigned: true}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- h.Watch(ctx, func() {}) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-watched, h.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	f := load(t, h, mirror)
	f.must(t, "")
	if got := f.must(t, ""); got != 2 {
		t.Errorf("call %d of an instance", got)
	}
	put(strings.Replace(manifest, "1.2.3", "1.2.4", 1))
	soak.Await(t, "the new version does not serve", func() bool { return f.conn.Manifest().Version == "1.2.4" })
	soak.Await(t, "the old version's instance is still there", func() bool { return h.Idle() == 0 })
	if got := f.must(t, ""); got != 1 {
		t.Errorf("call %d of an instance of the old version", got)
	}
}

// invoking is a module that carries out a webhook, and then runs code when it
// is asked whether it can serve another call; nil: it has no such export.
func invoking(reusable ...byte) []byte {
	const request = `{"path":"/x"}`
	m := &wt.Module{}
	status := m.Type(nil, []byte{wt.I32})
	send := m.Import(abi.Module, "http_send", m.Type([]byte{wt.I32, wt.I32}, []byte{wt.I64}))
	respond := m.Import(abi.Module, "respond", m.Type([]byte{wt.I64}, []byte{wt.I32}))
	m.Memory(1, 1)
	m.Data(0, []byte(request))
	m.Export(abi.ExportMemory, wt.KindMemory, 0)
	m.Export(abi.ExportInvoke, wt.KindFunction, m.Func(status, nil,
		wt.Cat(wt.I32Const(0), wt.I32Const(int32(len(request))), wt.Call(send), wt.Call(respond))...))
	if reusable != nil {
		m.Export(abi.ExportReusable, wt.KindFunction, m.Func(status, nil, reusable...))
	}
	return m.Bytes()
}

// TestModulesThatLieAboutReuse: what a module does when it is asked harms no
// webhook that was carried out.
func TestModulesThatLieAboutReuse(t *testing.T) {
	for name, c := range map[string]struct {
		code []byte
		idle int
	}{
		"reusable":      {wt.I32Const(1), 1},
		"not reusable":  {wt.I32Const(0), 0},
		"another value": {wt.I32Const(-1), 0},
		"no answer":     {nil, 0},
		"a trap":        {[]byte{wt.Unreachable}, 0},
		"a loop":        {wt.Cat([]byte{wt.Loop, wt.Void, wt.Br, 0, wt.End}, wt.I32Const(1)), 0},
		"a request":     {wt.Cat(wt.I32Const(0), wt.I32Const(13), wt.Call(0), []byte{0x50}), 0}, // 1 when the handle is 0: it is not
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := open(t, host.Settings{AllowUnsigned: true, CacheDir: passing()},
				map[string][]byte{"guest.wasm": with(invoking(c.code...), manifest)})
			asked := atomic.Int32{}
			f := load(t, h, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
			for n := range int32(2) {
				if _, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "w", Path: "/x"}}); err != nil {
					t.Error(err)
				}
				if h.Idle() != c.idle || asked.Load() != n+1 {
					t.Errorf("%d instances wait, want %d; %d requests", h.Idle(), c.idle, asked.Load())
				}
			}
		})
	}
}
