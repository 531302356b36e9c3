package host_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"aead.dev/minisign"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// life is a host that watches a folder.
type life struct {
	testing.TB
	dir     string
	host    *host.Host
	log     *logged
	changes atomic.Int32
}

func watch(t testing.TB, s host.Settings, files map[string][]byte) *life {
	t.Helper()
	l := &life{TB: t, log: &logged{}, dir: s.ModulesDir}
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	s.ModulesDir, s.CacheDir = l.dir, passing()
	for name, content := range files {
		l.write(name, content)
	}
	var err error
	if l.host, err = host.Open(t.Context(), s, slog.New(l.log), nil); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.host.Watch(ctx, func() { l.changes.Add(1) }) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, l.host.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *life) path(name string) string { return filepath.Join(l.dir, name) }

func (l *life) write(name string, content []byte) {
	l.Helper()
	if err := os.WriteFile(l.path(name), content, 0o600); err != nil {
		l.Fatal(err)
	}
}

func (l *life) remove(name string) {
	l.Helper()
	if err := os.Remove(l.path(name)); err != nil {
		l.Fatal(err)
	}
}

// rename puts a file into place in one step.
func (l *life) rename(name string, content []byte) {
	l.Helper()
	l.write("."+name+".part", content)
	if err := os.Rename(l.path("."+name+".part"), l.path(name)); err != nil {
		l.Fatal(err)
	}
}

// module returns what the host says about a file.
func (l *life) module(name string) host.Module {
	for _, m := range l.host.Modules() {
		if m.File == l.path(name) {
			return m
		}
	}
	return host.Module{}
}

// until waits for a state of a file; "" means that the file is unknown.
func (l *life) until(name string, state host.State, version string) host.Module {
	l.Helper()
	start := time.Now()
	var m host.Module
	for time.Since(start) < soak.Patience {
		if m = l.module(name); m.State == state && m.Manifest.Version == version {
			l.Logf("%s: %s %s after %s", name, state, version, time.Since(start).Round(time.Millisecond))
			return m
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.Fatalf("%s is %+v, want %s %s; log %q", name, m, state, version, l.log.all())
	return m
}

func (l *life) said(what string) int {
	n := 0
	for _, line := range l.log.all() {
		if strings.Contains(line, what) {
			n++
		}
	}
	return n
}

// serving is the version that serves under a name; "" for none.
func (l *life) serving(name string) string {
	c, err := l.host.Connector(name)
	if err != nil {
		return ""
	}
	return c.Manifest().Version
}

// named is a small module with a name and version.
func named(name, version string) []byte {
	text := strings.Replace(manifest, `name = "guest"`, fmt.Sprintf("name = %q", name), 1)
	return with(tiny("rollcall_fetch", nil, returnZero...), strings.Replace(text, "1.2.3", version, 1))
}

func call(t testing.TB, c *host.Connector, url string) ([]host.Record, error) {
	t.Helper()
	e, _ := c.Manifest().Endpoint("users")
	var records []host.Record
	_, err := c.Fetch(t.Context(), host.Application{Name: "app", BaseURL: url}, abi.FetchCall{Endpoint: e},
		func(r host.Record) error { records = append(records, r); return nil })
	return records, err
}

const nowhere = "http://127.0.0.1:1"

var unsigned = host.Settings{AllowUnsigned: true}

func TestFilesThatComeChangeAndGo(t *testing.T) {
	t.Parallel()
	l := watch(t, unsigned, nil)
	_, err := l.host.Connector("guest")
	if err == nil {
		t.Fatal("there is a connector in an empty folder")
	}
	l.write("guest.wasm", named("guest", "1.0.0"))
	l.until("guest.wasm", host.Serving, "1.0.0")
	held, err := l.host.Connector("guest")
	if err != nil {
		t.Fatal(err)
	}
	l.rename("guest.wasm", named("guest", "1.1.0"))
	l.until("guest.wasm", host.Serving, "1.1.0")
	if v := held.Manifest().Version; v != "1.1.0" {
		t.Errorf("who holds the connector sees version %s", v)
	}
	if _, err := call(t, held, nowhere); err != nil {
		t.Error(err)
	}
	l.remove("guest.wasm")
	l.until("guest.wasm", "", "")
	_, err = call(t, held, nowhere)
	if e := asCallError(t, err); !strings.Contains(e.Message, `no connector "guest"`) {
		t.Errorf("a call after the removal: %v", err)
	}
	if n := l.changes.Load(); n != 3 {
		t.Errorf("%d changes were told, want 3", n)
	}
	if n := l.said("refused"); n != 0 {
		t.Errorf("log %q", l.log.all())
	}
}

// TestWaysToPutAFile covers how people and tools replace a file. No file may be
// judged half way.
func TestWaysToPutAFile(t *testing.T) {
	t.Parallel()
	next := named("guest", "1.1.0")
	for name, put := range map[string]func(l *life){
		"rename": func(l *life) { l.rename("guest.wasm", next) },
		"over":   func(l *life) { l.write("guest.wasm", next) },
		"chunks": func(l *life) {
			f, err := os.Create(l.path("guest.wasm"))
			if err != nil {
				l.Fatal(err)
			}
			for part := range slices.Chunk(next, len(next)/8) {
				if _, err := f.Write(part); err != nil {
					l.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if err := f.Close(); err != nil {
				l.Fatal(err)
			}
		},
		"stalled copy": func(l *life) {
			l.write("guest.wasm", next[:len(next)/2])
			time.Sleep(800 * time.Millisecond) // longer than a file must be at rest
			l.write("guest.wasm", next)
		},
		"delete, then copy": func(l *life) {
			l.remove("guest.wasm")
			time.Sleep(100 * time.Millisecond)
			l.write("guest.wasm", next)
		},
		"link": func(l *life) {
			l.write("new", next)
			if err := errors.Join(os.Symlink(l.path("new"), l.path("link")), os.Rename(l.path("link"), l.path("guest.wasm"))); err != nil {
				l.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := watch(t, unsigned, map[string][]byte{"guest.wasm": named("guest", "1.0.0")})
			stop, ended := make(chan struct{}), make(chan struct{})
			var gap atomic.Bool
			go func() { // it serves all the time
				defer close(ended)
				for {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
					}
					if l.serving("guest") == "" {
						gap.Store(true)
						return
					}
				}
			}()
			begin := time.Now()
			put(l)
			late := time.Since(begin) > host.Grace // on a busy machine: then it is judged half way
			l.until("guest.wasm", host.Serving, "1.1.0")
			close(stop)
			<-ended
			if gap.Load() && !late {
				t.Error("nothing serves")
			}
			if n := l.said("refused"); n != 0 && !late {
				t.Errorf("log %q", l.log.all())
			}
		})
	}
}

func TestABadFileLeavesTheOldOneServing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wasm []byte
		want string
	}{
		"text":         {[]byte("#!/bin/sh"), "not a WebAssembly module"},
		"invalid code": {with(tiny("rollcall_fetch", nil, 0x6A), strings.Replace(manifest, "1.2.3", "1.3.0", 1)), "compile: invalid function"},
		"older":        {named("guest", "1.2.2"), "version 1.2.2 is lower than 1.2.3, which has served before"},
		"other name":   {named("other", "1.0.0"), `connector "other" serves from`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := watch(t, unsigned, map[string][]byte{"guest.wasm": named("guest", "1.2.3"), "other.wasm": named("other", "1.0.0")})
			held, err := l.host.Connector("guest")
			if err != nil {
				t.Fatal(err)
			}
			if err := held.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.write("guest.wasm", tc.wasm)
			var m host.Module
			soak.Await(t, "it is refused", func() bool { m = l.module("guest.wasm"); return m.State == host.Refused })
			if !strings.Contains(m.Reason, tc.want) || m.Before != "1.2.3" {
				t.Errorf("%+v", m)
			}
			if _, err := call(t, held, nowhere); err != nil || held.Manifest().Version != "1.2.3" {
				t.Errorf("the old one: %s, %v", held.Manifest().Version, err)
			}
			time.Sleep(1200 * time.Millisecond) // a poll more
			if n := l.said("connector refused"); n != 1 {
				t.Errorf("it was logged %d times", n)
			}
			l.rename("guest.wasm", named("guest", "1.2.4"))
			l.until("guest.wasm", host.Serving, "1.2.4")
		})
	}
}

func TestTheSignatureComesLater(t *testing.T) {
	t.Parallel()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	first, second := named("guest", "1.0.0"), named("guest", "1.1.0")
	l := watch(t, host.Settings{TrustedKeys: []string{public.String()}}, nil)

	late := false // a busy machine took longer than the host waits for a signature
	begin := time.Now()
	l.write("guest.wasm", first)
	soak.Await(t, "it is seen", func() bool { return l.module("guest.wasm").State != "" })
	m := l.module("guest.wasm")
	_, err = l.host.Connector("guest")
	late = late || time.Since(begin) > host.Grace
	if m.State != host.Waiting && !late || m.State == host.Waiting && !strings.Contains(m.Reason, "waiting for its signature") {
		t.Errorf("before its signature: %+v", m)
	}
	if e := asCallError(t, err); !strings.Contains(e.Message, "is not ready: waiting for its signature") && !late {
		t.Errorf("%v", err)
	}
	l.write("guest.wasm.minisig", minisign.Sign(private, first))
	l.until("guest.wasm", host.Serving, "1.0.0")

	// Replaced: for a moment the old signature lies beside the new file.
	begin = time.Now()
	l.write("guest.wasm", second)
	soak.Await(t, "it is seen", func() bool { return l.module("guest.wasm").State != host.Serving })
	time.Sleep(600 * time.Millisecond) // until it is at rest
	m = l.module("guest.wasm")
	late = late || time.Since(begin) > host.Grace
	if m.State != host.Waiting && !late || m.Before != "1.0.0" {
		t.Errorf("between: %+v", m)
	}
	l.write("guest.wasm.minisig", minisign.Sign(private, second))
	late = late || time.Since(begin) > host.Grace
	if m := l.until("guest.wasm", host.Serving, "1.1.0"); m.Signature != fmt.Sprintf("key %X", public.ID()) {
		t.Errorf("%+v", m)
	}
	if n := l.said("refused"); n != 0 && !late {
		t.Errorf("it was judged early: %q", l.log.all())
	}

	// One that does not come is refused, and is not too late afterwards.
	third := named("guest", "1.2.0")
	l.remove("guest.wasm.minisig")
	l.write("guest.wasm", third)
	if m := l.until("guest.wasm", host.Refused, ""); !strings.Contains(m.Reason, "unsigned") || m.Before != "1.1.0" {
		t.Errorf("%+v", m)
	}
	l.write("guest.wasm.minisig", minisign.Sign(private, third))
	l.until("guest.wasm", host.Serving, "1.2.0")
}

func TestWhoServesUnderAName(t *testing.T) {
	t.Parallel()
	l := watch(t, unsigned, map[string][]byte{"a.wasm": named("guest", "1.0.0")})
	l.write("b.wasm", named("guest", "1.1.0"))
	if m := l.until("b.wasm", host.Refused, "1.1.0"); !strings.Contains(m.Reason, `serves from `+l.path("a.wasm")) {
		t.Errorf("%+v", m)
	}
	if v := l.serving("guest"); v != "1.0.0" {
		t.Errorf("version %s serves", v)
	}
	l.remove("a.wasm")
	l.until("b.wasm", host.Serving, "1.1.0")
	if err := os.Rename(l.path("b.wasm"), l.path("c.wasm")); err != nil {
		t.Fatal(err)
	}
	l.until("c.wasm", host.Serving, "1.1.0")
	// A file that takes another name frees its old one.
	l.write("d.wasm", named("guest", "1.2.0"))
	l.until("d.wasm", host.Refused, "1.2.0")
	l.write("c.wasm", named("other", "1.0.0"))
	l.until("c.wasm", host.Serving, "1.0.0")
	l.until("d.wasm", host.Serving, "1.2.0")
}

func TestTheFolderGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "modules")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := unsigned
	s.ModulesDir = dir
	l := watch(t, s, map[string][]byte{"guest.wasm": named("guest", "1.0.0")})
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Fatal(err)
	}
	soak.Await(t, "its absence is told", func() bool { return l.said("cannot be read") > 0 })
	if l.serving("guest") != "1.0.0" {
		t.Error("a folder that is away takes its connectors with it")
	}
	if err := os.Mkdir(dir, 0o700); err != nil { // no event tells of this one
		t.Fatal(err)
	}
	l.write("guest.wasm", named("guest", "1.1.0"))
	l.until("guest.wasm", host.Serving, "1.1.0")
	if n := l.said("cannot be read"); n != 1 {
		t.Errorf("it was logged %d times", n)
	}
}

func TestVersionsThatHaveServedAreRemembered(t *testing.T) {
	t.Parallel()
	s := host.Settings{AllowUnsigned: true, VersionsFile: filepath.Join(t.TempDir(), "versions.json")}
	use := func(s host.Settings, version, want string) {
		t.Helper()
		h, _ := open(t, s, map[string][]byte{"guest.wasm": named("guest", version)})
		m := h.Modules()[0]
		if want == "" && m.Reason != "" || !strings.Contains(m.Reason, want) {
			t.Errorf("%s: %q, want %q", version, m.Reason, want)
		}
		if c, err := h.Connector("guest"); err == nil {
			if err := c.Prepare(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	use(s, "1.9.0", "")
	use(s, "1.10.0", "")
	use(s, "1.10.0", "")
	use(s, "1.9.0", `version 1.9.0 is lower than 1.10.0, which has served before; to go back on purpose set allow_downgrade = ["guest"]`)
	allowed := s
	allowed.AllowDowngrade = []string{"other"}
	use(allowed, "1.9.0", "is lower than")
	allowed.AllowDowngrade = []string{"guest"}
	use(allowed, "1.9.0", "")
	use(s, "1.9.0", "") // what was allowed once is what counts now
	use(s, "1.8.9", "is lower than 1.9.0")
	if err := os.WriteFile(s.VersionsFile, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.ModulesDir = t.TempDir()
	if _, err := host.Open(t.Context(), s, slog.New(&logged{}), nil); err == nil || !strings.Contains(err.Error(), s.VersionsFile) {
		t.Errorf("a damaged file: %v", err)
	}
}
