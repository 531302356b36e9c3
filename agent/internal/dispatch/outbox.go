package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// application is the part of the outbox for one application. Nothing in it is
// shared with others, so that none waits for another.
type application struct {
	name    string
	sending chan struct{} // bounds the calls under way

	mu      sync.Mutex
	under   int // deliveries that were taken and not settled
	breaker breaker
}

// takeDue takes what is due for each application and has room there. It reports
// whether more may be due at once.
func (d *Dispatcher) takeDue(ctx context.Context, run *runner) bool {
	now := d.Now()
	most, probes := map[string]int{}, map[string]bool{}
	for name := range d.Sender.Applications() {
		if n, probe := d.application(name).room(now); n > 0 && d.Sender.Sends(name) {
			most[name], probes[name] = n, probe
		}
	}
	if len(most) == 0 {
		return false
	}
	list, err := d.Store.TakeDeliveries(ctx, d.held(), now, most)
	if err != nil {
		if ctx.Err() == nil {
			d.Log.Warn("the outbox could not take deliveries", "cause", err)
		}
		return false
	}
	of := d.instancesOf(ctx, list)
	for _, row := range list {
		a := d.application(row.Application)
		a.take()
		run.Go(func() {
			defer a.give(d)
			d.deliver(run.ctx, a, row, of, probes[row.Application])
		})
	}
	return len(list) > 0
}

// instancesOf reads the instances of deliveries at once. What it does not find is
// read for each delivery, which says what is wrong.
func (d *Dispatcher) instancesOf(ctx context.Context, list []store.Delivery) map[int64]store.Instance {
	ids := make([]int64, len(list))
	for n, row := range list {
		ids[n] = row.Instance
	}
	found, _ := d.Store.InstancesByID(ctx, ids)
	return found
}

func (d *Dispatcher) application(name string) *application {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.applications[name]
	if a == nil {
		a = &application{name: name, sending: make(chan struct{}, parallel)}
		d.applications[name] = a
	}
	return a
}

// room returns how many deliveries may be taken. It is none as long as more than
// half of what may be under way is, as to take few at once costs as much as many.
// probe reports whether the call is to find out if the application is back: that is
// decided here, as it may go down while deliveries are being taken.
func (a *application) room(now time.Time) (n int, probe bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.full() {
		return 0, false
	}
	return a.breaker.pass(now, taken-a.under, a.under), a.breaker.open()
}

// full reports whether enough is under way. a.mu is held.
func (a *application) full() bool { return a.under > taken/2 }

// take notes that a delivery was taken.
func (a *application) take() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.under++
}

func (a *application) give(d *Dispatcher) {
	a.mu.Lock()
	a.under--
	full := a.full()
	a.mu.Unlock()
	if !full {
		wake(d.deliveriesDue)
	}
}

// closedUntil is that of its breaker.
func (a *application) closedUntil(probe bool, now time.Time) (time.Time, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.breaker.closedUntil(now, probe)
}

// note tells the breaker how a call ended.
func (d *Dispatcher) note(a *application, r failure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !r.outage {
		if a.breaker.open() {
			d.Log.Info("an application is back, and its deliveries go on", "application", a.name)
		}
		a.breaker.answered()
		return
	}
	if a.breaker.outage(d.Now(), r.asked) {
		d.Log.Warn("an application is down: nothing is sent to it for a while", "application", a.name, "failures_in_a_row", a.breaker.failed,
			"until", a.breaker.until, "cause", r.text, "next", r.next)
	}
}

// giveBack puts a delivery back into the queue. It was not sent, and the attempt
// does not count.
func (d *Dispatcher) giveBack(ctx context.Context, row store.Delivery, at time.Time, cause string) {
	d.record(ctx, store.Instance{Orchestration: row.Orchestration, DN: row.DN}, func() error {
		_, err := d.settles.do(store.Settled{Delivery: row.ID, State: store.DeliveryQueued, NextAt: at, Cause: cause})
		return err
	})
}
