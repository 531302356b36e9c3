package web

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Ledger stores a text for each application; see host.Ledger.
type Ledger interface {
	Load(ctx context.Context, application string) (string, error)
	Save(ctx context.Context, application, text string) error
}

const (
	// saveEvery and saveTokens limit how much of a day's spending a crash can
	// lose. The beginning of a pause is saved before anything else happens.
	saveEvery  = time.Second
	saveTokens = 100
	// ledgerTime limits one access to the ledger: requests wait no longer for a
	// ledger that hangs.
	ledgerTime = 5 * time.Second
	// ledgerRest is the wait before another attempt after the ledger failed.
	ledgerRest = 5 * time.Second
	maxWhy     = 500
)

// ledger is a Limiter's access to a Ledger, one at a time.
type ledger struct {
	to      Ledger
	turn    chan struct{} // holds one token while nobody uses the ledger
	loaded  bool          // guarded by the Limiter's mutex
	again   time.Time     // after a failure, not before this time; guarded as well
	failing bool          // the failure was logged; guarded as well
}

func newLedger(to Ledger) ledger {
	l := ledger{to: to, turn: make(chan struct{}, 1), loaded: to == nil}
	l.turn <- struct{}{}
	return l
}

// account is what the ledger stores for an application.
type account struct {
	Day    time.Time `json:"day"`
	Spent  int64     `json:"spent"`
	Until  time.Time `json:"until,omitzero"` // end of the pause
	Why    string    `json:"why,omitempty"`
	Budget int64     `json:"budget,omitempty"` // not 0: the pause is due to a budget, identified by this: PerDay, or -1
}

// use runs f with exclusive access to the ledger.
func (l *Limiter) use(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, ledgerTime)
	defer cancel()
	select {
	case <-l.ledger.turn:
		defer func() { l.ledger.turn <- struct{}{} }()
		f(ctx)
	case <-ctx.Done():
	}
}

// load reads the stored account once. If that fails, requests go on, and the
// next attempt comes before anything is saved.
func (l *Limiter) load(ctx context.Context) {
	l.mu.Lock()
	due := l.due()
	l.mu.Unlock()
	if due {
		l.use(ctx, l.loadNow)
	}
}

func (l *Limiter) due() bool { return !l.ledger.loaded && !time.Now().Before(l.ledger.again) }

func (l *Limiter) loadNow(ctx context.Context) {
	l.mu.Lock()
	due := l.due()
	l.mu.Unlock()
	if !due {
		return
	}
	text, err := l.ledger.to.Load(ctx, l.name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.ledger.again = time.Now().Add(ledgerRest)
		l.complain("what an application has spent of its daily budget cannot be read; it is counted from now on", err)
		return
	}
	l.ledger.loaded, l.ledger.failing = true, false
	if text == "" {
		return
	}
	var a account
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		l.complain("what an application has spent of its daily budget cannot be understood; it is counted from now on", err)
		return
	}
	l.merge(a, time.Now())
}

// merge adds a stored account, as far as it is plausible.
func (l *Limiter) merge(a account, now time.Time) {
	l.turnDay(now)
	if a.Spent > 0 && !a.Day.Before(l.day.begin) && a.Day.Before(l.tomorrow()) {
		l.day.spent += min(a.Spent, 1<<50)
	}
	if a.Until.After(now) && len(a.Why) <= maxWhy {
		longest := now.Add(longestDay)
		if a.Until.After(longest) {
			a.Until = longest
		}
		other := a.Budget != 0 && a.Budget != l.limits.budget() // a different budget is counted anew
		if !other && a.Until.After(l.pause.until) {
			l.pause = pause{until: a.Until, why: a.Why, budget: a.Budget != 0}
		}
	}
}

// save saves changes: at once when a pause has begun, otherwise soon.
func (l *Limiter) save(ctx context.Context) {
	l.mu.Lock()
	now := (l.urgent || l.unsaved >= saveTokens) && !time.Now().Before(l.ledger.again)
	if l.ledger.to == nil {
		l.urgent, l.unsaved, now = false, 0, false
	}
	if !now && l.unsaved > 0 && l.later == nil {
		ctx := context.WithoutCancel(ctx)
		l.later = time.AfterFunc(saveEvery, func() { l.Flush(ctx) })
	}
	l.mu.Unlock()
	if now {
		l.Flush(context.WithoutCancel(ctx))
	}
}

// Flush saves everything unsaved. A failure is only logged, and only once until
// saving works again, because it must not cost records.
func (l *Limiter) Flush(ctx context.Context) {
	if l == nil {
		return
	}
	l.mu.Lock()
	if l.later != nil {
		l.later.Stop()
		l.later = nil
	}
	clean := l.clean()
	l.mu.Unlock()
	if clean {
		return
	}
	l.use(ctx, func(ctx context.Context) {
		l.loadNow(ctx)
		l.write(ctx)
	})
}

func (l *Limiter) clean() bool { return l.unsaved == 0 && !l.urgent }

func (l *Limiter) write(ctx context.Context) {
	l.mu.Lock()
	if l.clean() || !l.ledger.loaded {
		l.mu.Unlock()
		return
	}
	unsaved, urgent := l.unsaved, l.urgent
	l.unsaved, l.urgent = 0, false
	l.turnDay(time.Now())
	why := l.pause.why
	if len(why) > maxWhy {
		why = why[:maxWhy]
	}
	a := account{Day: l.day.begin, Spent: l.day.spent, Until: l.pause.until.UTC(), Why: why}
	if l.pause.budget {
		a.Budget = l.limits.budget()
	}
	text, err := json.Marshal(a)
	l.mu.Unlock()
	if err == nil {
		err = l.ledger.to.Save(ctx, l.name, string(text))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.ledger.failing = false
		return
	}
	l.unsaved, l.urgent = l.unsaved+unsaved, l.urgent || urgent
	l.ledger.again = time.Now().Add(ledgerRest)
	l.complain("what an application has spent of its daily budget cannot be saved; a restart would forget it", err)
}

// complain logs a failure of the ledger, once until it works again.
func (l *Limiter) complain(what string, err error) {
	if l.ledger.failing || l.log == nil {
		return
	}
	l.ledger.failing = true
	l.log.Error(what, "application", l.name, "cause", fmt.Sprint(err))
}
