package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// said is what the engine has logged.
type said struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan struct{} // one token a line, as far as there is room
}

func (l *said) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.lines <- struct{}{}:
	default:
	}
	return l.text.Write(line)
}

func (l *said) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns when the log has the text.
func (l *said) wait(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(l.String(), text) {
		select {
		case <-l.lines:
		case <-t.Context().Done():
			t.Fatalf("%q was never logged", text)
		}
	}
}

// logged has the engine log into memory.
func (s *scene) logged() *said {
	log := &said{lines: make(chan struct{}, 1)}
	s.Engine.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	return log
}

// A panic of a run is its result, and the next run goes on.
func TestAPanicEndsOneRun(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Calm One")}}
	s := newScene(t, map[string]*feed{"panics": f})
	log := s.logged()
	f.block = func(context.Context) error { panic("the source fell down") }
	r, err := s.Run(t.Context(), Request{Automation: "panics", Kind: store.KindManual, By: "test"})
	var crash *rescue.Error
	if !errors.As(err, &crash) || r.Result != store.RunFailed || !strings.Contains(r.Error, "internal error of rollcall: the source fell down; next: report it") {
		t.Errorf("%s %q, %v", r.Result, r.Error, err)
	}
	if text := log.String(); strings.Count(text, "stack=") != 1 || !strings.Contains(text, "panic_test.go") || !strings.Contains(text, "automation=panics") {
		t.Errorf("logged %s", text)
	}
	f.block = nil
	s.run("panics")
	s.account("panics:1")
}

// bursting is an Observer that panics about the first change.
type bursting struct {
	silent
	changes atomic.Int64
}

func (b *bursting) Change(string, string, string) {
	if b.changes.Add(1) == 1 {
		panic("the metrics fell down")
	}
}

// A panic while one operation is applied sets that user aside; the others get
// what is theirs, and the next run finds everything in order.
func TestAPanicInOneOperation(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Calm One"), person("2", "Calm Two"), person("3", "Calm Three")}}
	s := newScene(t, map[string]*feed{"bursts": f})
	s.Observer = &bursting{}
	log := s.logged()
	r := s.run("bursts")
	if r.Result != store.RunPartial || len(r.Summary.Quarantined) != 1 || !strings.HasPrefix(r.Summary.Quarantined[0].Cause, "internal error of rollcall in create: the metrics fell down") {
		t.Errorf("%s, %+v", r.Result, r.Summary.Quarantined)
	}
	if items, err := s.Store.Quarantine(t.Context(), "bursts"); err != nil || len(items) != 1 {
		t.Errorf("%+v, %v", items, err)
	}
	if text := log.String(); strings.Count(text, "stack=") != 1 || !strings.Contains(text, "operation=create") {
		t.Errorf("logged %s", text)
	}
	for _, key := range []string{"1", "2", "3"} {
		s.account("bursts:" + key)
	}
	if r := s.run("bursts"); r.Result != store.RunOK || len(r.Outcomes) != 0 {
		t.Errorf("the next run: %s, %+v", r.Result, r.Outcomes)
	}
}
