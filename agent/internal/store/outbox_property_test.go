package store

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// pair is what deliveries keep their order within.
type pair struct {
	application string
	guid        ident.GUID
}

// model is what the outbox must be.
type model struct {
	*rapid.T
	s     *Store
	dir   string
	lease Lease
	clock *clock

	instance map[int64]int64 // of each delivery
	pair     map[int64]pair
	state    map[int64]DeliveryState
	kept     map[int64]bool // its call is on disk
	again    map[int64]bool // must be taken with Again
}

// TestOutboxKeepsOrderAndLosesNothing queues, takes, settles, decides and is
// killed at random. At every moment a delivery is where it should be, the first
// open one of a pair is the only one that is taken, and what was being sent when
// the process died is taken again.
func TestOutboxKeepsOrderAndLosesNothing(t *testing.T) {
	soak.Check(t, 25, 200, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "outbox")
		must(rt, err)
		m := &model{
			T: rt, dir: dir, clock: newClock(), instance: map[int64]int64{}, pair: map[int64]pair{},
			state: map[int64]DeliveryState{}, again: map[int64]bool{}, kept: map[int64]bool{},
		}
		m.open()
		defer func() { _ = m.s.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"queue": m.queue, "take": m.take, "settle": m.settle, "kill": m.kill, "decide": m.decide, "": m.check,
		})
		m.drain()
		must(rt, m.s.VerifyJournal(context.Background()))
	})
}

func (m *model) open() {
	ctx := context.Background()
	m.s = must1[*Store](m)(Open(ctx, m.dir, WithClock(m.clock.Now)))
	must(m, m.s.BreakLeases(ctx))
	m.lease = outbox(m, m.s)
	sending := m.in(DeliverySending)
	same(m, "recovered", len(sending), must1[int](m)(m.s.RecoverDeliveries(ctx, m.lease)))
	for _, id := range sending {
		m.state[id], m.again[id] = DeliveryRetrying, m.again[id] || m.kept[id]
	}
}

func (m *model) in(states ...DeliveryState) (ids []int64) {
	for _, id := range slices.Sorted(maps.Keys(m.state)) {
		if slices.Contains(states, m.state[id]) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *model) queue(t *rapid.T) {
	p := pair{rapid.SampledFrom([]string{"crm", "sms"}).Draw(t, "application"), ident.GUID(fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "guid")))}
	i, d := queue(t, m.s, m.lease, p.application, p.guid)
	m.instance[d], m.pair[d], m.state[d] = i, p, DeliveryQueued
}

func (m *model) take(t *rapid.T) {
	most := map[string]int{}
	for _, a := range []string{"crm", "sms"} {
		if n := rapid.IntRange(0, 3).Draw(t, a); n > 0 {
			most[a] = n
		}
	}
	for _, d := range m.taken(most) {
		if rapid.Bool().Draw(t, "rendered") {
			must(m, m.s.SaveCalls(context.Background(), m.lease, []Call{{Delivery: d.ID, Call: []byte("call")}}))
			m.kept[d.ID] = true
		}
	}
}

// taken takes deliveries, and compares them with those whose turn it is.
func (m *model) taken(most map[string]int) []Delivery {
	got := must1[[]Delivery](m)(m.s.TakeDeliveries(context.Background(), m.lease, m.clock.Now(), most))
	turn := map[int64]bool{}
	ready := map[string]int{}
	for p, id := range m.first() {
		if s := m.state[id]; s == DeliveryQueued || s == DeliveryRetrying {
			turn[id] = true
			ready[p.application]++
		}
	}
	n := map[string]int{}
	for _, d := range got {
		if !turn[d.ID] || d.Again != m.again[d.ID] {
			m.Fatalf("delivery %d (%s) was taken with again %v: %v, %v", d.ID, m.state[d.ID], d.Again, m.pair[d.ID], m.state)
		}
		n[d.Application]++
		m.state[d.ID] = DeliverySending
	}
	for a, count := range most {
		same(m, "taken for "+a, min(count, ready[a]), n[a])
	}
	return got
}

// first is the first open delivery of each pair.
func (m *model) first() map[pair]int64 {
	first := map[pair]int64{}
	for _, id := range slices.Sorted(maps.Keys(m.state)) {
		if _, found := first[m.pair[id]]; !found && !m.state[id].Ended() {
			first[m.pair[id]] = id
		}
	}
	return first
}

func (m *model) settle(t *rapid.T) {
	var list []Settled
	for _, id := range m.in(DeliverySending) {
		state := rapid.SampledFrom([]DeliveryState{DeliveryDone, DeliveryRetrying, DeliveryDead, DeliveryQueued, ""}).Draw(t, "state")
		if state != "" {
			list = append(list, m.settled(id, state, rapid.Bool().Draw(t, "again")))
		}
	}
	settle(t, m.s, m.lease, list...)
}

func (m *model) settled(id int64, state DeliveryState, again bool) Settled {
	d := Settled{Delivery: id, State: state, Again: again}
	switch state {
	case DeliveryDone:
		d.Advance = after(m, m.s, m.instance[id], InstanceDone)
	case DeliveryDead:
		d.Advance = after(m, m.s, m.instance[id], InstanceBlocked)
	}
	m.state[id] = state
	m.again[id] = m.again[id] || again
	return d
}

func (m *model) kill(*rapid.T) {
	must(m, m.s.Close())
	m.open()
}

func (m *model) decide(t *rapid.T) {
	ids := m.in(DeliveryQueued, DeliveryRetrying, DeliveryDead)
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "delivery")
	ctx := context.Background()
	switch decision := rapid.SampledFrom([]string{"retry", "discard", "cancel"}).Draw(t, "decision"); {
	case decision == "discard":
		must(m, m.s.DropDelivery(ctx, id, "ada"))
		m.state[id] = DeliveryDropped
	case decision == "cancel":
		must(m, m.s.CancelInstance(ctx, m.instance[id], "ada"))
		m.state[id] = DeliveryDropped
	case m.state[id] != DeliveryQueued:
		must(m, m.s.RetryDelivery(ctx, id, "ada", true))
		m.state[id] = DeliveryRetrying
		m.kept[id] = m.kept[id] && m.again[id] // it is rendered anew
	}
}

func (m *model) check(*rapid.T) {
	same(m, "states", m.state, states(m, m.s))
}

// drain ends everything, one pair after the other in order.
func (m *model) drain() {
	for _, id := range m.in(DeliveryDead) {
		must(m, m.s.RetryDelivery(context.Background(), id, "ada", false))
		m.state[id] = DeliveryRetrying
	}
	for len(m.in(DeliveryQueued, DeliveryRetrying, DeliverySending)) > 0 {
		m.taken(map[string]int{"crm": 100, "sms": 100})
		var list []Settled
		for _, id := range m.in(DeliverySending) {
			list = append(list, m.settled(id, DeliveryDone, false))
		}
		if len(list) == 0 {
			m.Fatalf("nothing is taken any more: %v", m.state)
		}
		settle(m, m.s, m.lease, list...)
		m.check(nil)
	}
}
