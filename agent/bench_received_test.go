package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// BenchmarkReceived changes one user of the application after the other, and tells the
// receiver of a running agent as the vendor does: from when the request is sent until
// the domain controller shows the change to somebody else. The agent stores the
// delivery, fetches the user through the connector, plans, and writes.
func BenchmarkReceived(b *testing.B) {
	people, changes := soak.Size(100, 1_000), 400
	if testing.Short() {
		changes = 100
	}
	w := newWorld(b, people)
	w.rollcall("apply", "staff") // two names are too long
	links := w.links()
	keys := slices.Sorted(maps.Keys(links))
	d, address := w.receiving("create = 1000", "create = 1000, update = 100000",
		`connector = "pipedrive"`, `connector = "pipedrive"`+"\nrate_limit = \"100000/1s\"") // the vendor's would pass 20 a second
	var took []time.Duration
	var answered []float64
	for i := range changes + 1 {
		key := keys[i%len(keys)]
		mail := w.remail(string(key), i)
		began := time.Now()
		if status := w.tell(address, fmt.Sprint("d-", i), "change", string(key), receiverPassword); status != http.StatusOK {
			b.Fatalf("delivery %d: %d\n%s", i, status, d.said())
		}
		told := time.Since(began)
		account := ident.DN("<GUID=" + string(links[key].GUID) + ">")
		for w.dc.Get(b, account, "mail").Attributes.First("mail") != mail {
			if time.Since(began) > hang {
				b.Fatalf("user %s never changed\n%s", key, d.said())
			}
			time.Sleep(2 * time.Millisecond)
		}
		if i > 0 { // the first starts what the others find warm
			took, answered = append(took, time.Since(began)), append(answered, float64(told.Microseconds())/1000)
		}
	}
	d.stop()
	slices.Sort(took)
	slices.Sort(answered)
	var ms []float64
	for _, t := range took {
		ms = append(ms, float64(t.Microseconds())/1000)
	}
	for name, at := range map[string]float64{"p50-ms": 0.5, "p90-ms": 0.9, "p99-ms": 0.99, "max-ms": 1} {
		b.ReportMetric(quantile(ms, at), name)
	}
	b.ReportMetric(quantile(answered, 0.99), "answered-p99-ms")
	b.ReportMetric(0, "ns/op")
	b.Log("\n" + histogram(took))
}

// remail gives a user of the application another mail address, and returns it.
func (w *world) remail(key string, n int) string {
	w.Helper()
	id, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		w.Fatal(err)
	}
	mail := fmt.Sprintf("u%d.%d@crm.test", id, n)
	mustPerson(w)(w.sim.Change(id, func(u *sim.User) { u.Email = sim.Some(mail) }))
	return mail
}
