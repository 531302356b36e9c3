package dispatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// arrival is one call as an application got it.
type arrival struct {
	path, body string
	again      bool
	answered   int
}

// receiver is all applications, and the mail server. It remembers what arrives, in
// order, and turns one call in twenty away.
type receiver struct {
	count atomic.Int64

	mu   sync.Mutex
	list []arrival
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the child was killed while it sent: nothing has arrived
	}
	a := arrival{req.URL.Path, string(body), req.Header.Get("Again") == "true", http.StatusOK}
	n := r.count.Add(1)
	if n%20 == 0 {
		a.answered = http.StatusConflict // refused: nothing was done
	}
	r.mu.Lock()
	r.list = append(r.list, a)
	r.mu.Unlock()
	w.WriteHeader(a.answered)
}

// child is a process that dispatches.
type child struct {
	*exec.Cmd
	said   bytes.Buffer
	server *httptest.Server
}

// launch starts a child that sends to a server of its own.
func (r *receiver) launch(t *testing.T, p plan) *child {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	p.URL = server.URL
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: exec.CommandContext(t.Context(), os.Args[0]), server: server}
	c.Env = append(os.Environ(), crashPlan+"="+string(text))
	c.Stderr = &c.said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// ended waits for the end of a child, and of all that it has sent: nothing of it may
// be taken for a call of the next child.
func (c *child) ended() error {
	err := c.Wait()
	c.server.Close()
	return err
}

// killed waits for the end of a child, which must have been killed.
func (c *child) killed(t *testing.T) {
	t.Helper()
	if err := c.ended(); err == nil || c.said.Len() > 0 {
		t.Fatalf("the child ended by itself: %v\n%s", err, &c.said)
	}
}

// finish lets a last child send all that is left, and checks what arrived.
func (r *receiver) finish(t *testing.T, dir string, life, kills int) {
	t.Helper()
	c := r.launch(t, plan{Dir: dir, Life: life})
	if err := c.ended(); err != nil {
		t.Fatalf("the last child: %v\n%s", err, &c.said)
	}
	s, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.VerifyJournal(t.Context()); err != nil {
		t.Error(err)
	}
	l := newLedger(t, s)
	for _, a := range r.list {
		l.arrived(a)
	}
	l.complete()
	t.Logf("%d kills: %d calls arrived for %d deliveries and %d mails of %d orchestrations; after a kill %d deliveries and %d mails came again",
		kills, len(r.list), len(l.deliveries), l.mails, len(l.kinds), l.repeated, l.mailsAgain)
}

// ledger holds what arrived against what the store says.
type ledger struct {
	*testing.T
	kinds      map[string]store.Instance // by the name of the instance
	deliveries map[string]store.Delivery // by "KIND/STEP"
	last       map[string]int64          // the delivery that arrived last, by application and object
	seen       map[string]arrival        // the last arrival, by path
	repeated   int
	mails      int
	mailsAgain int
}

func newLedger(t *testing.T, s *store.Store) *ledger {
	t.Helper()
	l := &ledger{
		T: t, kinds: map[string]store.Instance{}, deliveries: map[string]store.Delivery{}, last: map[string]int64{}, seen: map[string]arrival{},
	}
	kinds := map[int64]string{}
	err := s.Instances(t.Context(), store.InstanceFilter{}, func(i store.Instance) error {
		kinds[i.ID] = kindOf(i)
		l.kinds[kindOf(i)+" "+i.Name] = i
		if i.Status != store.InstanceDone {
			t.Errorf("instance %d is %s: %s", i.ID, i.Status, i.Cause)
		}
		return nil
	})
	if err == nil {
		err = s.Deliveries(t.Context(), store.DeliveryFilter{}, func(d store.Delivery) error {
			if d.State != store.DeliveryDone || d.Failed {
				t.Errorf("delivery %d is %s: %s", d.ID, d.State, d.Cause)
			}
			key := strings.Join([]string{d.Application, kinds[d.Instance], strings.TrimPrefix(d.Step, "call"), d.Name}, "/")
			if other, twice := l.deliveries[key]; twice {
				t.Errorf("%s is delivery %d and %d", key, other.ID, d.ID)
			}
			l.deliveries[key] = d
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// arrived checks one call: in order for its application and object, the same to
// the byte each time, and marked when it may have arrived before.
func (l *ledger) arrived(a arrival) {
	l.Helper()
	application, kind, step := stepOf(a.path)
	name, _, _ := strings.Cut(a.body, " ")
	place := a.path + " " + name
	before, again := l.seen[place]
	l.seen[place] = a
	if again && before.body != a.body {
		l.Errorf("%s arrived as %q and as %q", place, before.body, a.body)
	}
	if again && before.answered == http.StatusOK && !a.again {
		l.Errorf("%s was done, and is sent again without saying so", place)
	}
	done := again && before.answered == http.StatusOK
	if application == "mail" {
		l.mails += one(!again)
		l.mailsAgain += one(done)
		return
	}
	l.repeated += one(done)
	d, known := l.deliveries[strings.Join([]string{application, kind, step, name}, "/")]
	if !known {
		l.Errorf("%s arrived, and no delivery is known of it", place)
		return
	}
	at := application + " " + name
	if d.ID < l.last[at] {
		l.Errorf("%s is delivery %d, and arrived after delivery %d", place, d.ID, l.last[at])
	}
	l.last[at] = d.ID
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// complete checks that each step of each instance arrived, and was done.
func (l *ledger) complete() {
	l.Helper()
	for key, i := range l.kinds {
		kind, name, _ := strings.Cut(key, " ")
		for _, place := range []string{"/crm/" + kind + "/1", "/mail/" + kind + "/2", "/sms/" + kind + "/3", "/crm/" + kind + "/4"} {
			if a, there := l.seen[place+" "+name]; !there || a.answered != http.StatusOK {
				l.Errorf("instance %d for %s: %s is lost: %+v", i.ID, i.Name, place, a)
			}
		}
	}
	if want := 3 * len(l.kinds); len(l.deliveries) != want || want == 0 {
		l.Errorf("%d deliveries of %d instances", len(l.deliveries), len(l.kinds))
	}
}

// TestKilledAtEachPoint: whatever the dispatcher has just done or is about to do
// when it dies, the next one goes on: nothing is lost, nothing overtakes another
// about the same object, and what may have arrived says so.
func TestKilledAtEachPoint(t *testing.T) {
	random := soak.Rand(t)
	dir, r := t.TempDir(), &receiver{}
	life := 0
	for range soak.Size(1, 10) {
		for _, point := range points {
			life++
			nth := 1
			if !strings.HasSuffix(point, "recover") {
				nth += random.IntN(8)
			}
			r.launch(t, plan{Dir: dir, Life: life, Start: -1, Point: point, Nth: nth}).killed(t)
		}
	}
	r.finish(t, dir, life+1, life)
}

// TestKilledAgainAndAgain kills a process under load: after a number of calls, and
// at full size every second for five minutes.
func TestKilledAgainAndAgain(t *testing.T) {
	random := soak.Rand(t)
	dir, r := t.TempDir(), &receiver{}
	kills := soak.Size(5, 300)
	for life := range kills {
		c := r.launch(t, plan{Dir: dir, Life: life + 1, Start: -1})
		if soak.Full() {
			time.Sleep(time.Second)
		} else {
			until := r.count.Load() + int64(1+random.IntN(200))
			soak.Await(t, fmt.Sprintf("%d calls", until), func() bool { return r.count.Load() >= until })
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.killed(t)
	}
	r.finish(t, dir, kills+1, kills)
}
