package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// gate stands before an application and lets writes pass, or not.
type gate struct {
	behind http.Handler

	mu     sync.Mutex
	mood   string // "busy": 429 with Retry-After, to two calls; "closed": 403; "": all passes
	writes []time.Time
	both   chan struct{} // closed when the two calls are there; neither is answered before
}

// asked is how long the application asks to be left alone.
const asked = 3 * time.Second

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		g.behind.ServeHTTP(w, r)
		return
	}
	g.mu.Lock()
	g.writes = append(g.writes, time.Now())
	mood := g.mood
	if len(g.writes) == 2 {
		g.mood = "closed"
		close(g.both)
	}
	g.mu.Unlock()
	switch mood {
	case "busy":
		select {
		case <-g.both:
		case <-r.Context().Done():
		}
		w.Header().Set("Retry-After", fmt.Sprint(int(asked.Seconds())))
		http.Error(w, `{"success":false,"error":"too many requests"}`, http.StatusTooManyRequests)
	case "closed":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"success":false,"error":"only an administrator may do this","error_info":""}`))
	default:
		g.behind.ServeHTTP(w, r)
	}
}

func (g *gate) set(mood string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mood = mood
}

// arrived returns when each write came.
func (g *gate) arrived() []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.writes)
}

// instances lists those of all orchestrations, by their ids.
func (w *world) instances() map[string]store.Instance {
	w.Helper()
	byID := map[string]store.Instance{}
	for _, i := range w.allInstances() {
		byID[fmt.Sprint(i.ID)] = i
	}
	return byID
}

func (w *world) allInstances() (list []store.Instance) {
	w.Helper()
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "orchestrations", "--all").stdout), &list); err != nil {
		w.Fatal(err)
	}
	return list
}

// allEnded waits until each orchestration has ended or needs a person, and lists them.
func (w *world) allEnded() (list []store.Instance) {
	w.Helper()
	soak.Await(w, "all have come to an end", func() bool {
		list = w.allInstances()
		return !slices.ContainsFunc(list, func(i store.Instance) bool { return i.Status != store.InstanceBlocked && i.Ended.IsZero() })
	})
	return list
}

// delayed lets the delay of every orchestration be over. The agent must not run.
func (w *world) delayed() {
	w.Helper()
	now := time.Now().UTC()
	w.exec(`UPDATE instances SET next_at = ?, state_json = json_set(state_json, '$.next', ?) WHERE status = 'waiting'`,
		now.UnixNano(), now.Format(time.RFC3339Nano))
}

// TestAnApplicationThatIsBusyAndThenRefuses: of three orchestrations with a delay
// one is cancelled, the agent is restarted meanwhile, the application asks to be
// left alone and then refuses: both calls end as dead letters, which a person lets
// go on once that is put right.
func TestAnApplicationThatIsBusyAndThenRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, "[automations.staff]", `[orchestrations.joined]
[[orchestrations.joined.steps]]
delay = "1h"
[[orchestrations.joined.steps]]
webhook = "pipedrive/deactivate_user"
retry = { attempts = 3, backoff = "1s", max = "1s" }

[automations.staff]
after = { created = "joined" }`)
	g := &gate{behind: w.sim, mood: "busy", both: make(chan struct{})}
	w.front.Store(&gateway{g})
	d := w.start()
	w.apply(0)
	w.want(0, "orchestrations", "cancel", "3")
	soak.Await(t, "both wait", func() bool {
		all := w.instances()
		return all["1"].Status == store.InstanceWaiting && all["2"].Status == store.InstanceWaiting
	})
	d.stop()
	if all := w.instances(); all["1"].Status != store.InstanceWaiting || all["3"].Status != store.InstanceCancelled {
		t.Fatalf("%+v", all)
	}
	w.delayed()
	d = w.start()
	soak.Await(t, "both are dead letters", func() bool {
		all := w.instances()
		return all["1"].Status == store.InstanceBlocked && all["2"].Status == store.InstanceBlocked
	})
	writes := g.arrived()
	if len(writes) != 4 {
		t.Fatalf("%d calls, want two that are turned away and two that are refused", len(writes))
	}
	for _, at := range writes[2:] {
		if after := at.Sub(writes[1]); after < asked {
			t.Errorf("a call came after %s, and the application had asked for %s", after, asked)
		}
	}
	if code, body := d.get("/readyz"); code != http.StatusOK {
		t.Errorf("not ready because of an application: %d %s", code, body)
	}
	soak.Await(t, "/metrics counts the dead letters", func() bool { // after they are recorded
		_, page := d.get("/metrics")
		return strings.Contains(page, `rollcall_deliveries_total{result="dead",webhook="pipedrive/deactivate_user"} 2`)
	})
	shown := w.want(0, "queue", "show", "1").stdout
	for _, want := range []string{"dead", "403", "only an administrator may do this", "rollcall queue retry"} {
		if !strings.Contains(shown, want) {
			t.Errorf("queue show does not say %q:\n%s", want, shown)
		}
	}
	t.Logf("queue show 1:\n%s", shown)
	t.Logf("orchestrations show 1:\n%s", w.want(0, "orchestrations", "show", "1").stdout)
	g.set("")
	var first store.Delivery
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "queue", "retry", "1").stdout), &first); err != nil {
		t.Fatal(err)
	}
	other := fmt.Sprint(3 - first.Instance)
	w.want(0, "orchestrations", "resume", other)
	soak.Await(t, "both are done", func() bool {
		all := w.instances()
		return all["1"].Status == store.InstanceDone && all["2"].Status == store.InstanceDone
	})
	t.Logf("orchestrations show %s:\n%s", other, w.want(0, "orchestrations", "show", other).stdout)
	t.Logf("orchestrations show 3:\n%s", w.want(0, "orchestrations", "show", "3").stdout)
	if active := w.sim.Count().Active; active != 1 {
		t.Errorf("%d people are active at the application, want the one whose orchestration was cancelled", active)
	}
	d.stop()
}
