package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// heard is what arrived at the application about one account.
type heard struct {
	n  int // the number that was written to the account
	at time.Time
}

// ears answer what the agent tells of accounts, and remember when.
type ears struct {
	http.Handler // answers everything else

	mu   sync.Mutex
	came map[string][]heard // by sAMAccountName
	all  int
}

func (e *ears) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	at := time.Now()
	who, ok := strings.CutPrefix(r.URL.Path, "/v1/tell/")
	if !ok {
		e.Handler.ServeHTTP(to, r)
		return
	}
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	e.mu.Lock()
	e.came[who] = append(e.came[who], heard{n, at})
	e.all++
	e.mu.Unlock()
	to.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(to, `{"success": true, "data": {}}`)
}

func (e *ears) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.all
}

// last returns what was told last about an account.
func (e *ears) last(who string) heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	if list := e.came[who]; len(list) > 0 {
		return list[len(list)-1]
	}
	return heard{}
}

// listened is a world whose agent tells the application of each new title, with n
// accounts of which there is nothing else to tell.
func listened(b *testing.B, people, n int) (*world, *ears, []ident.DN) {
	b.Helper()
	w := newWorld(b, people, `create = 1000`, `create = 100000`, `    = "*/15 * * * *"`, `    = "0 3 1 1 *"`, "[automations.staff]\n", `[webhooks.tell]
application = "pipedrive"
method      = "GET"
path        = "/v1/tell/{{ ad.sAMAccountName }}"
params      = { n = "{{ ad.title }}" }

[orchestrations.tell]
[[orchestrations.tell.steps]]
webhook = "tell"

[automations.titles]
trigger       = "directory"
on            = ["modified(title)"]
orchestration = "tell"
limits        = { start = 1000000 }

[automations.staff]
`, `connector = "pipedrive"`, `connector = "pipedrive"`+"\nrate_limit = \"100000/1s\"")
	e := &ears{Handler: w.sim, came: map[string][]heard{}}
	w.front.Store(&gateway{e})
	accounts := make([]ident.DN, n)
	for i := range accounts {
		accounts[i] = w.dc.OU("Staff").Child("Titled " + strconv.Itoa(i))
		w.dc.Add(b, accounts[i], map[string][]string{
			"objectClass": {"user"}, "sAMAccountName": {"titled" + strconv.Itoa(i)}, "userAccountControl": {"546"},
		})
	}
	return w, e, accounts
}

// followed starts the agent and waits until changes are told.
func (w *world) followed(e *ears, account ident.DN) *daemon {
	w.Helper()
	d := w.start()
	n := 1_000_000
	soak.Await(w, "the first change is told", func() bool {
		n++
		w.dc.Replace(w, account, "title", strconv.Itoa(n))
		time.Sleep(200 * time.Millisecond)
		return e.count() > 0
	})
	soak.Await(w, "the last of them is told", func() bool { return e.last("titled0").n == n })
	return d
}

// BenchmarkFeed measures, at a real domain controller and with the connector as it is
// shipped, how long it takes from when the domain controller has a change until the
// first request about it: with nothing else to do, and while an automation creates
// accounts. dc-ms is how long the domain controller took for one exchange meanwhile, the
// change itself: a change needs three exchanges until it is told. By its default Samba
// serves connections that share a process one after the other, so that all of them wait
// behind one that creates accounts; ROLLCALL_DC_MODEL=standard avoids that.
func BenchmarkFeed(b *testing.B) {
	changes, people := 1000, 5000
	if testing.Short() {
		changes, people = 200, 200
	}
	w, e, accounts := listened(b, people, 200)
	d := w.followed(e, accounts[0])
	if os.Getenv("ROLLCALL_BENCH_LOG") == "" {
		b.Run("idle", func(b *testing.B) { d.idle(b) })
	}
	b.Run("changes", func(b *testing.B) {
		latencies(b, w, e, accounts, 0, func(done int) bool { return done < changes })
	})
	b.Run("changes-beside-creates", func(b *testing.B) {
		ended := make(chan answer, 1)
		began := time.Now()
		go func() { ended <- w.rollcall("apply", "staff") }()
		over := false
		latencies(b, w, e, accounts, changes, func(done int) bool {
			select {
			case a := <-ended:
				b.ReportMetric(float64(people)/time.Since(began).Seconds(), "creates/s")
				if over = true; a.code != 0 && a.code != 4 {
					b.Errorf("apply: %d\n%s", a.code, a.stderr)
				}
			default:
			}
			return done < changes || !over
		})
	})
	if os.Getenv("ROLLCALL_BENCH_LOG") != "" {
		_, page := d.get("/metrics")
		fmt.Fprintln(os.Stderr, d.said()+page)
	}
	d.stop()
}

// latencies changes one account after the other, from the number from on, as long as
// more says so, and reports how long it took until each was told.
func latencies(b *testing.B, w *world, e *ears, accounts []ident.DN, from int, more func(done int) bool) {
	b.Helper()
	shown := map[int]time.Time{}
	var modifies []float64 // how long the domain controller takes for an exchange meanwhile
	done := 0
	for ; more(done); done++ {
		n := from + done + 1
		began := time.Now()
		w.dc.Replace(b, accounts[n%len(accounts)], "title", strconv.Itoa(n))
		shown[n] = time.Now()
		modifies = append(modifies, float64(shown[n].Sub(began).Microseconds())/1000)
		time.Sleep(time.Duration(rand.Int64N(int64(100 * time.Millisecond))))
	}
	soak.Await(b, "all is told", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		for n := from + done - min(done, len(accounts)) + 1; n <= from+done; n++ {
			list := e.came["titled"+strconv.Itoa(n%len(accounts))]
			if len(list) == 0 || list[len(list)-1].n != n {
				return false
			}
		}
		return true
	})
	var took []float64
	came := map[int]time.Time{}
	for _, list := range e.came {
		for _, t := range list {
			if at, ok := shown[t.n]; ok && came[t.n].IsZero() {
				took = append(took, max(0, float64(t.at.Sub(at).Microseconds())/1000))
				came[t.n] = t.at
			}
		}
	}
	w.stages(b, shown, came)
	slices.Sort(took)
	slices.Sort(modifies)
	for name, at := range map[string]float64{"p50-ms": 0.5, "p90-ms": 0.9, "p99-ms": 0.99, "max-ms": 1} {
		b.ReportMetric(quantile(took, at), name)
	}
	b.ReportMetric(quantile(modifies, 0.5), "dc-p50-ms")
	b.ReportMetric(quantile(modifies, 0.99), "dc-p99-ms")
	b.ReportMetric(float64(done), "changes")
	b.ReportMetric(float64(len(shown)-len(came)), "overtaken") // by a later change of the same account, before it was read
}

// quantile returns the value below which that part of sorted values lies.
func quantile(sorted []float64, at float64) float64 {
	return sorted[min(int(at*float64(len(sorted))), len(sorted)-1)]
}

// idle reports what the feed costs while nothing happens.
func (d *daemon) idle(b *testing.B) {
	b.Helper()
	look := func() (cpu, exchanges float64) {
		_, page := d.get("/metrics")
		for _, s := range scrape(b, page) {
			switch s.name {
			case "process_cpu_seconds_total":
				cpu = s.value
			case "rollcall_ldap_requests_total":
				exchanges += s.value
			}
		}
		return cpu, exchanges
	}
	began := time.Now()
	cpu, exchanges := look()
	time.Sleep(20 * time.Second)
	cpuAfter, exchangesAfter := look()
	seconds := time.Since(began).Seconds()
	b.ReportMetric((cpuAfter-cpu)/seconds*100, "%-of-a-core")
	b.ReportMetric((exchangesAfter-exchanges)/seconds, "exchanges/s")
}

// BenchmarkFeedFlood makes 10,000 changes as fast as the domain controller takes
// them, and reports the memory of the agent meanwhile. Whatever was told of an account
// was told in order, and the last of it is how it is.
func BenchmarkFeedFlood(b *testing.B) {
	objects, rounds := 1000, 10
	if testing.Short() {
		objects = 100
	}
	w, e, accounts := listened(b, 1, objects)
	d := w.followed(e, accounts[0])
	started := e.count()
	memory := func() float64 {
		_, page := d.get("/metrics")
		return value(scrape(b, page), "process_resident_memory_bytes") / (1 << 20)
	}
	before, most := memory(), 0.0
	began := time.Now()
	for round := 1; round <= rounds; round++ {
		for _, account := range accounts {
			w.dc.Replace(b, account, "title", strconv.Itoa(2_000_000+round))
		}
		most = max(most, memory())
	}
	made := time.Since(began)
	soak.Await(b, "the last of each account is told", func() bool {
		most = max(most, memory())
		for i := range accounts {
			if e.last("titled"+strconv.Itoa(i)).n != 2_000_000+rounds {
				return false
			}
		}
		return true
	})
	var latest time.Time
	disordered := 0
	e.mu.Lock()
	for _, list := range e.came {
		latest = later(latest, list[len(list)-1].at)
		if !slices.IsSortedFunc(list, func(x, y heard) int { return x.n - y.n }) {
			disordered++
		}
	}
	told := e.all - started
	e.mu.Unlock()
	b.ReportMetric(float64(objects*rounds)/made.Seconds(), "changes/s")
	b.ReportMetric(float64(told), "told")
	b.ReportMetric(float64(disordered), "disordered")
	b.ReportMetric(latest.Sub(began.Add(made)).Seconds()*1000, "last-ms")
	b.ReportMetric(before, "MiB-before")
	b.ReportMetric(most, "MiB-most")
	if disordered > 0 {
		b.Errorf("%d accounts were told of out of order", disordered)
	}
	d.stop()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
