package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func limiter(t interface{ Fatal(...any) }, set Limits, to Ledger) *Limiter {
	l := NewLimiter("crm", to, nil)
	if err := l.Configure(set); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLimitsThatCannotBe(t *testing.T) {
	for _, bad := range []Limits{{Rate: "fast"}, {Rates: []abi.Rate{{Path: "/x", Limit: "fast"}}}, {PerDay: -1}, {Reset: "25:00"}, {Reset: "noon"}} {
		if err := NewLimiter("crm", nil, nil).Configure(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, Limits{Rate: "2/1s"}, nil)
		start := time.Now()
		for i, want := range []time.Duration{0, 0, time.Second, time.Second, 2 * time.Second} {
			if _, err := l.Wait(t.Context(), Turn{Cost: 1}); err != nil || time.Since(start) != want {
				t.Errorf("request %d after %s (%v), want %s", i, time.Since(start), err, want)
			}
		}
		time.Sleep(10 * time.Second)
		if waited, err := l.Wait(t.Context(), Turn{Cost: 1}); waited != 0 || err != nil {
			t.Errorf("after a rest: %s %v", waited, err)
		}
		if err := l.Configure(Limits{Rate: "1/1m"}); err != nil { // the request of a moment ago counts
			t.Fatal(err)
		}
		if waited, err := l.Wait(t.Context(), Turn{Cost: 1}); waited != time.Minute || err != nil {
			t.Errorf("with a lower limit: %s %v", waited, err)
		}
	})
}

// TestALowerLimitLooksBack: what was sent under a higher one counts.
func TestALowerLimitLooksBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, Limits{Rate: "5/1m"}, nil)
		start := time.Now()
		for range 3 {
			_, _ = l.Wait(t.Context(), Turn{Cost: 1})
			time.Sleep(10 * time.Second)
		}
		if err := l.Configure(Limits{Rate: "1/1m"}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Wait(t.Context(), Turn{Cost: 1}); err != nil || time.Since(start) != 80*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// TestATurnThatIsNotUsed: a request that is cancelled at the moment of its turn
// leaves place and tokens to others.
func TestATurnThatIsNotUsed(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 64 { // select may see either first
		l := limiter(t, Limits{Rate: "1/1h", Rates: []abi.Rate{{Path: "/x", Limit: "1/1h"}}, PerDay: 1}, nil)
		turn := Turn{Cost: 1, Path: "/x"}
		w := &waiter{Turn: turn, done: make(chan error, 1)}
		l.enter(w, inbound, time.Now())
		if l.await(gone, w, inbound) == nil {
			continue
		}
		soon, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if waited, err := l.Wait(soon, turn); waited != 0 || err != nil {
			t.Errorf("%s %v", waited, err)
		}
		return
	}
	t.Error("it was never seen")
}

// TestNoWindowHoldsTooMany: whatever the limit, and whichever requests are
// cancelled, no span of time holds more requests than allowed, and none waits
// without need.
func TestNoWindowHoldsTooMany(t *testing.T) {
	soak.Check(t, 30, 100, func(r *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(r, "requests")
		per := time.Duration(rapid.IntRange(1, 9).Draw(r, "seconds")) * time.Second
		type request struct {
			at, patience time.Duration
			delivers     bool
		}
		requests := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) request {
			return request{
				time.Duration(rapid.IntRange(0, 20).Draw(r, "at")) * time.Second, time.Duration(rapid.IntRange(0, 30).Draw(r, "patience")) * time.Second,
				rapid.Bool().Draw(r, "delivers"),
			}
		}), 1, 25).Draw(r, "all")
		var mu sync.Mutex
		var sent []time.Duration
		synctest.Test(t, func(t *testing.T) {
			l := limiter(t, Limits{Rate: fmt.Sprintf("%d/%s", n, per)}, nil)
			start := time.Now()
			for i, q := range requests {
				go func() {
					time.Sleep(q.at)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if i%2 == 0 { // a deadline is known beforehand, a cancel is not
						ctx, cancel = context.WithTimeout(ctx, q.patience)
						defer cancel()
					} else {
						time.AfterFunc(q.patience, cancel)
					}
					if _, err := l.Wait(ctx, Turn{Delivers: q.delivers, Cost: 1}); err == nil {
						mu.Lock()
						sent = append(sent, time.Since(start))
						mu.Unlock()
					}
				}()
			}
			time.Sleep(100 * time.Second)
			synctest.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			if left := len(l.waiting[0]) + len(l.waiting[1]); left > 0 {
				t.Errorf("%d still wait", left)
			}
		})
		slices.Sort(sent)
		for i := n; i < len(sent); i++ {
			if sent[i]-sent[i-n] < per {
				r.Fatalf("%d requests within %s: %v", n+1, per, sent)
			}
		}
	})
}

// TestInTurn: one side cannot starve the other, and each keeps its order.
func TestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, Limits{Rate: "1/1s"}, nil)
		if _, err := l.Wait(t.Context(), Turn{Cost: 1}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		enter := func(name string, delivers bool) {
			go func() {
				if _, err := l.Wait(t.Context(), Turn{Delivers: delivers, Cost: 1}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			}()
			synctest.Wait()
		}
		for i := range 5 {
			enter(fmt.Sprint("in", i), false)
		}
		for i := range 3 {
			enter(fmt.Sprint("out", i), true)
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(order, " "); got != "out0 in0 out1 in1 out2 in2 in3 in4" {
			t.Error(got)
		}
	})
}

// TestPlacesGivenBack: a cancelled request does not delay those behind it, and
// a request that cannot be served in time fails at once.
func TestPlacesGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, Limits{Rate: "1/10s"}, nil)
		if _, err := l.Wait(t.Context(), Turn{Cost: 1}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		impatient, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		time.AfterFunc(5*time.Second, func() { cancel(gone) })
		first := make(chan error)
		go func() {
			_, err := l.Wait(impatient, Turn{Cost: 1})
			first <- err
		}()
		synctest.Wait()
		second := make(chan time.Duration)
		go func() {
			_, _ = l.Wait(t.Context(), Turn{Cost: 1})
			second <- time.Since(start)
		}()
		synctest.Wait()
		short, stop := context.WithTimeout(t.Context(), 25*time.Second) // the turn after two others is in 30 s
		defer stop()
		waited, err := l.Wait(short, Turn{Cost: 1})
		wantCode(t, err, abi.CodeRateLimited, "rate limit of 1/10s is used up")
		if waited != 0 || time.Since(start) != 0 {
			t.Errorf("it took %s to say so", time.Since(start))
		}
		err = <-first
		wantCode(t, err, abi.CodeDeadline, "gone")
		if !errors.Is(err, gone) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if took := <-second; took != 10*time.Second {
			t.Errorf("the second went after %s", took)
		}
	})
}
