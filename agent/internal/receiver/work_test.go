package receiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// came stores receipts as the server does.
func (w *world) came(application string, keys ...string) {
	w.t.Helper()
	for _, key := range keys {
		r := store.NewReceipt{
			Application: application, Delivery: fmt.Sprint("d-", time.Now().UnixNano()), Kind: "change", Records: "user", Key: ident.Key(key), Body: []byte("{}"),
		}
		kept, err := w.store.KeepReceipts(context.Background(), store.ReceiptBounds{Open: 1000, Bytes: 1 << 20}, []store.NewReceipt{r})
		if err != nil || kept[0] != store.KeptNew {
			w.t.Fatal(kept, err)
		}
	}
	w.Wake()
}

// about lists what became of the receipts about a key: state, automations, cause.
func (w *world) about(application, key string) []string {
	w.t.Helper()
	list, err := w.store.ReceiptsAbout(context.Background(), application, "", ident.Key(key), 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, r := range list {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.State, strings.Join(r.Ran, ","), r.Cause)))
	}
	return all
}

func (w *world) ended(application string) func() bool {
	return func() bool { return len(w.open(application)) == 0 }
}

func TestWhatCameIsRun(t *testing.T) {
	w := newWorld(t)
	w.came("pipedrive", "11", "12", "11") // before the start of the worker
	w.came("hr", "7")
	w.work()
	until(t, "everything has ended", func() bool { return w.ended("pipedrive")() && w.ended("hr")() })
	made := w.runs.all()
	slices.Sort(made)
	if d := cmp.Diff([]string{"people by application hr: 7", "staff by application pipedrive: 11 12"}, made); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"done staff", "done staff"}, w.about("pipedrive", "11")); d != "" {
		t.Error(d)
	}
}

// TestSeveralAutomationsReadTheSameRecords: each runs once for a receipt, one that
// fails is tried again alone.
func TestSeveralAutomationsReadTheSameRecords(t *testing.T) {
	w := newWorld(t)
	w.reads["pipedrive/user"] = []string{"staff", "groups"}
	var failed atomic.Int32
	w.runs.set(func(_ context.Context, automation string, _ []ident.Key) error {
		if automation == "groups" && failed.Add(1) <= 2 {
			return errors.New("the application is down")
		}
		return nil
	})
	w.came("pipedrive", "11")
	w.work()
	until(t, "both have run", w.ended("pipedrive"))
	made := w.runs.all()
	slices.Sort(made)
	if d := cmp.Diff([]string{"groups by application pipedrive: 11", "staff by application pipedrive: 11"}, made); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"done groups,staff"}, w.about("pipedrive", "11")); d != "" {
		t.Error(d)
	}
}

// TestEachAutomationHasItsOwnAttempts: one that fails for ever, or waits long before it
// tries again, takes neither attempts nor time of another one.
func TestEachAutomationHasItsOwnAttempts(t *testing.T) {
	for name, backoff := range map[string]time.Duration{"attempts": time.Millisecond, "time": time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *Settings) { s.limits.attempts, s.limits.backoff = 3, backoff })
			w.reads["pipedrive/user"] = []string{"staff", "groups"}
			var staff, groups atomic.Int32
			w.runs.set(func(_ context.Context, automation string, _ []ident.Key) error {
				switch {
				case automation == "staff":
					staff.Add(1)
					return errors.New("no right to write")
				case backoff == time.Hour && staff.Load() < 1, backoff < time.Hour && staff.Load() < 3:
					return fmt.Errorf("run: %w", &store.LeasedError{Name: "groups", Owner: "schedule"})
				case backoff < time.Hour && groups.Add(1) < 3:
					return errors.New("the application is down")
				}
				return nil
			})
			w.came("pipedrive", "11")
			w.work()
			until(t, "the other one has run", func() bool { return len(w.runs.all()) == 1 })
			if d := cmp.Diff([]string{"groups by application pipedrive: 11"}, w.runs.all()); d != "" {
				t.Error(d)
			}
			if backoff < time.Hour {
				until(t, "it is given up", w.ended("pipedrive"))
			}
			if got := w.about("pipedrive", "11"); backoff < time.Hour && (len(got) != 1 || !strings.HasPrefix(got[0], "failed groups,staff automation staff: ")) {
				t.Error(got)
			}
		})
	}
}

// TestARunIsUnderWay: what came waits until it has ended, and none of it is lost,
// as the run may have fetched the record before the change.
func TestARunIsUnderWay(t *testing.T) {
	w := newWorld(t)
	var asked atomic.Int32
	w.runs.set(func(context.Context, string, []ident.Key) error {
		if asked.Add(1) < 5 {
			return fmt.Errorf("run: %w", &store.LeasedError{Name: "staff", Owner: "schedule"})
		}
		return nil
	})
	w.came("pipedrive", "11")
	w.work()
	until(t, "the run has ended", w.ended("pipedrive"))
	if got := w.about("pipedrive", "11"); !slices.Equal(got, []string{"done staff"}) || strings.Contains(w.log.String(), "failed") {
		t.Errorf("%v %s", got, w.log)
	}
}

// TestWhatComesDuringARun: it is not taken for seen.
func TestWhatComesDuringARun(t *testing.T) {
	w := newWorld(t)
	fetched, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.runs.set(func(context.Context, string, []ident.Key) error {
		once.Do(func() { close(fetched); <-goOn })
		return nil
	})
	w.came("pipedrive", "11")
	w.work()
	<-fetched
	w.came("pipedrive", "11", "12")
	close(goOn)
	until(t, "all have ended", w.ended("pipedrive"))
	if d := cmp.Diff([]string{"staff by application pipedrive: 11", "staff by application pipedrive: 11 12"}, w.runs.all()); d != "" {
		t.Error(d)
	}
}

// hopeless is an error that another attempt cannot mend.
type hopeless struct{ error }

func (hopeless) Hopeless() bool { return true }

func TestARunThatFailsForEver(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		tries int32
	}{
		"again and again": {errors.New("the application is down"), 3},
		"hopeless":        {fmt.Errorf("run: %w", hopeless{errors.New("no such endpoint")}), 1},
		"a panic":         {nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *Settings) { s.limits.attempts = 3 })
			w.reads["pipedrive/user"] = []string{"staff", "groups"}
			var tries atomic.Int32
			w.runs.set(func(_ context.Context, automation string, _ []ident.Key) error {
				if automation != "staff" {
					return nil
				}
				tries.Add(1)
				if c.err == nil {
					panic("the sky")
				}
				return c.err
			})
			w.came("pipedrive", "11")
			w.came("hr", "7")
			w.work()
			until(t, "it is given up, and the others have run", func() bool { return w.ended("pipedrive")() && w.ended("hr")() })
			got := w.about("pipedrive", "11")
			if len(got) != 1 || !strings.HasPrefix(got[0], "failed groups,staff automation staff: ") || tries.Load() != c.tries {
				t.Errorf("%q after %d tries", got, tries.Load())
			}
			if !strings.Contains(w.log.String(), "given up") || !strings.Contains(w.log.String(), "rollcall apply staff") {
				t.Error(w.log)
			}
			if got := w.about("hr", "7"); !slices.Equal(got, []string{"done people"}) {
				t.Error(got)
			}
		})
	}
}

// partly is an error about one key.
type partly struct{ key ident.Key }

func (p partly) Error() string             { return "the path of " + string(p.key) + " is refused" }
func (p partly) Unread(key ident.Key) bool { return key == p.key }

// TestOneKeyOfManyCannotBeRead: the others are seen, and this one is tried again
// alone until it is given up.
func TestOneKeyOfManyCannotBeRead(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.limits.attempts = 3 })
	var mu sync.Mutex
	var asked []string
	w.runs.set(func(_ context.Context, _ string, keys []ident.Key) error {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, fmt.Sprint(keys))
		if slices.Contains(keys, "..") {
			return fmt.Errorf("run: %w", partly{".."})
		}
		return nil
	})
	w.came("pipedrive", "1", "..", "2", "1")
	w.work()
	until(t, "all have ended", w.ended("pipedrive"))
	if d := cmp.Diff([]string{"[1 .. 2]", "[..]", "[..]"}, asked); d != "" {
		t.Error(d)
	}
	for key, want := range map[string]string{"1": "done staff", "2": "done staff", "..": "failed staff automation staff: run: the path of .. is refused"} {
		if got := w.about("pipedrive", key); got[0] != want {
			t.Errorf("%s: %q", key, got)
		}
	}
}

func TestNobodyReadsIt(t *testing.T) {
	w := newWorld(t)
	w.reads = map[string][]string{}
	w.came("pipedrive", "11")
	w.came("gone", "1") // an application that is in the configuration no more
	w.work()
	until(t, "they have ended", func() bool { return w.ended("pipedrive")() && w.ended("gone")() })
	for _, got := range [][]string{w.about("pipedrive", "11"), w.about("gone", "1")} {
		if len(got) != 1 || !strings.HasPrefix(got[0], "ignored") {
			t.Error(got)
		}
	}
}

// TestTheConnectorIsBeingReplaced: what came waits for it, however long that takes,
// and has all its attempts afterwards.
func TestTheConnectorIsBeingReplaced(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.limits.attempts = 3 })
	w.unserved = true
	var runs atomic.Int32
	w.runs.set(func(context.Context, string, []ident.Key) error {
		if runs.Add(1) < 3 {
			return errors.New("the application is down")
		}
		return nil
	})
	w.came("pipedrive", "11")
	w.work()
	until(t, "it was asked several times whether it serves", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.asked > 12
	})
	list, err := w.store.ReceiptsAbout(t.Context(), "pipedrive", "", "11", 1)
	if err != nil || list[0].Attempts != 0 || !strings.Contains(list[0].Cause, "does not serve") {
		t.Errorf("%+v, %v", list, err)
	}
	w.mu.Lock()
	w.unserved = false
	w.mu.Unlock()
	until(t, "it has ended", w.ended("pipedrive"))
	if got := w.about("pipedrive", "11"); !slices.Equal(got, []string{"done staff"}) {
		t.Error(got)
	}
}

// TestManyKeys: a run is for a bounded number of people, and all get one.
func TestManyKeys(t *testing.T) {
	w := newWorld(t)
	var keys []string
	for i := range mostKeys + 50 {
		keys = append(keys, fmt.Sprint(i))
	}
	w.came("pipedrive", append(keys, "0")...)
	w.work()
	until(t, "all have ended", w.ended("pipedrive"))
	made := w.runs.all()
	if len(made) != 2 || len(strings.Fields(made[0])) != 4+mostKeys || len(strings.Fields(made[1])) != 4+50 {
		t.Errorf("%d runs: %s", len(made), made)
	}
}

// TestStoppingDuringARun: what its run has not ended is open, and the next start
// takes it up.
func TestStoppingDuringARun(t *testing.T) {
	w := newWorld(t)
	began := make(chan struct{})
	w.runs.set(func(ctx context.Context, _ string, _ []ident.Key) error { close(began); <-ctx.Done(); return ctx.Err() })
	w.came("pipedrive", "11")
	stop := w.work()
	<-began
	stop()
	list, err := w.store.OpenReceipts(t.Context(), "pipedrive", time.Now())
	if err != nil || len(list) != 1 || list[0].Attempts != 0 || strings.Contains(w.log.String(), "failed") {
		t.Fatalf("a stop counts as a failure: %+v, %v, %s", list, err, w.log)
	}
	again := worldOf(t, w.store)
	again.work()
	until(t, "it has ended", again.ended("pipedrive"))
	if got := again.about("pipedrive", "11"); !slices.Equal(got, []string{"done staff"}) {
		t.Error(got)
	}
}

// brokenStore cannot be read for a while.
type brokenStore struct {
	Store
	broken atomic.Int32
}

func (s *brokenStore) OpenReceiptCounts(ctx context.Context) ([]store.OpenCount, error) {
	if s.broken.Add(-1) >= 0 {
		return nil, errors.New("the disk has a pause")
	}
	return s.Store.OpenReceiptCounts(ctx)
}

func TestTheStateComesBack(t *testing.T) {
	broken := &brokenStore{}
	broken.broken.Store(3)
	w := newWorld(t, func(s *Settings) { broken.Store, s.Store = s.Store, broken })
	w.came("pipedrive", "11")
	w.work()
	until(t, "it has ended", w.ended("pipedrive"))
	if !strings.Contains(w.log.String(), "the disk has a pause") {
		t.Error(w.log)
	}
}

// TestKilled: what was answered with success is there after a kill -9, and is run
// once the agent is back. The child is this test in another process.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("RECEIVER_TEST_STATE"); dir != "" {
		child(t, dir)
		return
	}
	dir := newState(t)
	answered := map[string]bool{}
	for life := range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$") // itself
		cmd.Env = append(os.Environ(), "RECEIVER_TEST_STATE="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, "address")
		var base string
		until(t, "the child listens", func() bool {
			text, err := os.ReadFile(at)
			base = string(text)
			return err == nil && strings.HasSuffix(base, "\n")
		})
		base = strings.TrimSpace(base)
		var senders sync.WaitGroup
		var mu sync.Mutex
		for i := range 40 {
			senders.Go(func() {
				id := fmt.Sprintf("%d-%d", life, i)
				status, _, _, err := request{body: sent(id, "change", "user", id, time.Now())}.try(base)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && status == 200 {
					answered[id] = true
				}
				if i == 25 {
					_ = cmd.Process.Kill()
				}
			})
		}
		senders.Wait()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.Remove(at)
	}
	if len(answered) == 0 {
		t.Fatal("the child answered nothing")
	}
	w := worldOf(t, openStore(t, dir))
	w.work()
	until(t, "all have ended", w.ended("pipedrive"))
	for id := range answered {
		if got := w.about("pipedrive", id); !slices.Equal(got, []string{"done staff"}) {
			t.Errorf("%s was answered: %v", id, got)
		}
	}
}

// child takes deliveries until it is killed, and begins runs that never end.
func child(t *testing.T, dir string) {
	w := worldOf(t, openStore(t, dir))
	w.runs.set(func(ctx context.Context, _ string, _ []ident.Key) error { <-ctx.Done(); return ctx.Err() })
	w.work()
	base := w.serve(nil)
	if err := os.WriteFile(filepath.Join(dir, "address"), []byte(base+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	select {
	case <-t.Context().Done():
	case <-time.After(5 * time.Minute): // nobody killed it
	}
}
