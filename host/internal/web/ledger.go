package web

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Ledger keeps a text for each application; see host.Ledger.
type Ledger interface {
	Load(ctx context.Context, application string) (string, error)
	Save(ctx context.Context, application, text string) error
}

const (
	// saveEvery and saveTokens bound what a crash can make forget of a day's
	// spending. The beginning of a pause is saved before anything else is done.
	saveEvery  = time.Second
	saveTokens = 100
	// ledgerTime bounds one use of the ledger: requests do not wait longer for
	// one that hangs.
	ledgerTime = 5 * time.Second
	// ledgerRest is how long a ledger that failed is not tried again.
	ledgerRest = 5 * time.Second
	maxWhy     = 500
)

// ledger is the use that a Limiter makes of a Ledger. One use at a time.
type ledger struct {
	to      Ledger
	turn    chan struct{} // holds one token while nobody uses it
	loaded  bool          // guarded by the Limiter's mutex
	again   time.Time     // not before, after a failure; guarded as well
	failing bool          // it has been logged; guarded as well
}

func newLedger(to Ledger) ledger {
	l := ledger{to: to, turn: make(chan struct{}, 1), loaded: to == nil}
	l.turn <- struct{}{}
	return l
}

// account is what is kept of an application.
type account struct {
	Day    time.Time `json:"day"`
	Spent  int64     `json:"spent"`
	Until  time.Time `json:"until,omitzero"` // the end of a pause
	Why    string    `json:"why,omitempty"`
	Budget int64     `json:"budget,omitempty"` // not 0: the pause is that of a budget; PerDay then, or -1
}

// use runs f while nobody else uses the ledger.
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

// load reads what is known from before, once. When it cannot be read requests
// go on, and it is tried again before anything is saved.
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

// merge adds what an account says, as far as it can be true.
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
		other := a.Budget != 0 && a.Budget != l.limits.budget() // what is left is counted anew
		if !other && a.Until.After(l.pause.until) {
			l.pause = pause{until: a.Until, why: a.Why, budget: a.Budget != 0}
		}
	}
}

// save sees to it that what has changed is saved: at once when a pause has
// begun, otherwise soon.
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

// Flush saves what has not been saved yet. What goes wrong is logged, once
// until it goes well again: it must not cost records.
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
