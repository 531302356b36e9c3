package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/internal/rescue"
)

// logged has the engine log into a buffer, which is read when a run has ended.
func (s *scene) logged() *bytes.Buffer {
	var log bytes.Buffer
	s.Engine.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return &log
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
	if text := log.String(); strings.Count(text, "the source fell down") != 1 || !strings.Contains(text, "panic_test.go") || !strings.Contains(text, "automation=panics") {
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
	if r.Result != store.RunQuarantined || len(r.Summary.Quarantined) != 1 || !strings.HasPrefix(r.Summary.Quarantined[0].Cause, "internal error of rollcall in create: the metrics fell down") {
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
