package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// opened counts the connections that an engine opens and that are open.
type opened struct{ all, open atomic.Int64 }

type counted struct {
	Directory
	of *opened
}

func (c counted) Close() error {
	c.of.open.Add(-1)
	return c.Directory.Close()
}

func (s *scene) counting() *opened {
	of, connect := &opened{}, s.Connect
	s.Connect = func(ctx context.Context, prefer string) (Directory, error) {
		d, err := connect(ctx, prefer)
		if err != nil {
			return nil, err
		}
		of.all.Add(1)
		of.open.Add(1)
		return counted{d, of}, nil
	}
	return of
}

// Runs of single users share a connection, which ends after an error, with the
// engine, and when it is old.
func TestRunsOfSingleUsersShareAConnection(t *testing.T) {
	s, f := keysScene(t, "warmone", person("1", "One"), person("2", "Two"))
	s.run("warmone")
	of := s.counting()
	for _, key := range []ident.Key{"1", "2", "1"} {
		s.instant("warmone", key)
	}
	if of.all.Load() != 1 || of.open.Load() != 1 {
		t.Errorf("%d connections were opened, %d are open", of.all.Load(), of.open.Load())
	}
	ctx, stop := context.WithCancel(t.Context())
	s.mapping(func() { stop() })
	if _, err := s.RunKeys(ctx, Request{Automation: "warmone", Kind: store.KindInstant, By: "x"}, []ident.Key{"1"}); err == nil {
		t.Error("a run that was stopped in the middle has not failed")
	}
	if of.open.Load() != 0 {
		t.Error("the connection of a run that failed is kept")
	}
	s.instant("warmone", "1")
	s.Now = func() time.Time { return time.Now().Add(2 * warmAge) }
	s.instant("warmone", "1")
	if of.all.Load() != 3 || of.open.Load() != 1 {
		t.Errorf("%d connections were opened, %d are open", of.all.Load(), of.open.Load())
	}
	s.Close()
	s.instant("warmone", "2")
	if of.open.Load() != 0 {
		t.Error("a connection is open after the engine was closed")
	}
	if len(f.one) == 0 {
		t.Error("nobody was asked for")
	}
}

// mapping calls do once, when the next run has read the directory.
func (s *scene) mapping(do func()) {
	s.Synced = func(mirror.Report) {
		s.Synced = nil
		do()
	}
}

// What is at hand from an earlier run decides nothing about protection: somebody
// who came into a privileged group a moment ago is not touched, and neither is
// somebody whose adminCount was set.
func TestWarmRunsSeeProtectionAsItIs(t *testing.T) {
	s, f := keysScene(t, "warmguard", person("1", "One"), person("2", "Two"), person("3", "Three"))
	s.run("warmguard")
	of := s.counting()
	s.instant("warmguard", "1") // makes everything warm
	s.dc.AddMember(t, "CN=Domain Admins,CN=Users,"+s.dc.BaseDN, s.account("warmguard:1").DN)
	s.dc.Replace(t, s.account("warmguard:2").DN, "adminCount", "1")
	for i, r := range f.records {
		f.records[i] = person(r.Key, r.Fields["name"].(string), "title", "Boss")
	}
	for _, key := range []ident.Key{"1", "2"} {
		if r := s.instant("warmguard", key); r.Result != store.RunQuarantined || len(r.Outcomes) != 0 {
			t.Errorf("%s: %s %+v", key, r.Result, r.Outcomes)
		}
		if got := s.account("warmguard:" + string(key)).Attributes.First("title"); got != "" {
			t.Errorf("%s: title %q", key, got)
		}
	}
	if r := s.instant("warmguard", "3"); r.Count(ident.ResultApplied) != 1 {
		t.Errorf("%+v", r.Outcomes)
	}
	if of.all.Load() != 1 {
		t.Errorf("%d connections", of.all.Load())
	}
}

// A domain controller that was restarted between two runs costs no run.
func TestAWarmConnectionThatBroke(t *testing.T) {
	f := &single{feed: &feed{records: []ident.Record{person("1", "One")}}}
	dc := dctest.Start(t)
	proxy := dc.Proxy(t)
	s := newSceneAt(t, dc, proxy.URL, map[string]*feed{"warmbroken": f.feed})
	a := s.Automations["warmbroken"]
	a.Source = f
	s.Automations["warmbroken"] = a
	s.run("warmbroken")
	s.instant("warmbroken", "1")
	proxy.Cut()
	f.records[0] = person("1", "One", "title", "Boss")
	if r := s.instant("warmbroken", "1"); r.Count(ident.ResultApplied) != 1 {
		t.Errorf("%s %+v %s", r.Result, r.Outcomes, r.Error)
	}
}
