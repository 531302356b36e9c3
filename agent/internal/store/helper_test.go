package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// clock is a clock that tests turn.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// contextOf is a context for helpers that serve both: rapid's tests end with
// the call, so there is nothing to cancel.
func contextOf(tb) context.Context { return context.Background() }

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func must1[T any](t tb) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func openTest(t *testing.T, opts ...Option) *Store {
	t.Helper()
	return openAt(t, t.TempDir(), opts...)
}

func openAt(t *testing.T, dir string, opts ...Option) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, opts...)
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// begin takes the lease "staff" and starts a run under it.
func begin(t *testing.T, s *Store) (Lease, int64) {
	t.Helper()
	lease, err := s.AcquireLease(t.Context(), "staff", "test", time.Hour)
	must(t, err)
	run, err := s.StartRun(t.Context(), lease, Run{Automation: "staff", Application: "crm", Kind: KindManual, By: "ada"})
	must(t, err)
	return lease, run
}

// outcome is an outcome with all fields set.
func outcome(run int64, key ident.Key, class ident.Class, result ident.Result) ident.Outcome {
	return ident.Outcome{
		Run: run, Key: key, GUID: ident.GUID("guid-" + key), DN: ident.DN("CN=" + key + ",DC=c"), Name: "Name " + string(key),
		Operation: ident.Operation{
			Class: class, Reason: "because", Verdict: ident.VerdictApply, From: "CN=a,DC=c", To: "CN=b,DC=c",
			Attributes: []ident.AttributeChange{{Name: "sn", Old: []string{"<ä&>"}, New: []string{"b", "c"}, Drift: true}},
			Groups:     []ident.DN{"CN=g,DC=c"}, Digest: "digest-" + string(key),
		},
		Result: result, Code: 53, Cause: "cause", Next: "next", At: time.Date(2026, 3, 1, 11, 0, 0, 5, time.UTC),
	}
}

func commit(o ident.Outcome) Commit {
	return Commit{Outcome: o, Automation: "staff", Application: "crm", By: "ada"}
}

func link(key ident.Key, guid ident.GUID) ident.Link {
	return ident.Link{
		Application: "crm", Kind: ident.UserKind, Key: key, GUID: guid, Automation: "staff", Origin: ident.OriginCreated,
		Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
}

// creating is the intent of a create.
func creating(run int64, key ident.Key) Intent {
	return Intent{Run: run, Automation: "staff", Application: "crm", Key: key, Operation: ident.Operation{Class: ident.ClassCreate}}
}
