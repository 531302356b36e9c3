package receiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// Hopeless is implemented by errors of a Runner that another attempt cannot mend.
type Hopeless interface{ Hopeless() bool }

// Partly is implemented by errors of a Runner whose run has looked at all records
// but some, which are tried again.
type Partly interface{ Unread(key ident.Key) bool }

// mostKeys bounds how many people one run is for.
const mostKeys = 200

// Work has runs made for what came, until ctx ends, and waits for those under way.
// What is open when it starts, it takes up first.
func (r *Receiver) Work(ctx context.Context) {
	w := &worker{Receiver: r, busy: map[string]bool{}, ended: map[string]int{}}
	defer w.running.Wait()
	trim := time.NewTicker(time.Hour)
	defer trim.Stop()
	for {
		next := r.limits.poll
		err := rescue.Do(r.Log, func() error {
			until, err := w.look(ctx)
			next = min(next, until)
			return err
		})
		if err != nil && ctx.Err() == nil {
			r.Log.Error("what applications sent cannot be looked at; it is kept", "cause", err, "next", "the agent tries again by itself")
		}
		timer := time.NewTimer(max(next, 10*time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-trim.C:
			r.trim(ctx)
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// trim removes receipts that have ended when there are too many, but none whose
// delivery would be taken a second time.
func (r *Receiver) trim(ctx context.Context) {
	if _, err := r.Store.TrimReceipts(ctx, r.Now().Add(-r.MaxAge-future-time.Hour), mostEnded); err != nil && ctx.Err() == nil {
		r.Log.Warn("old receipts were not removed; tried again in an hour", "cause", err)
	}
}

// worker makes runs for receipts, one at a time for each automation.
type worker struct {
	*Receiver
	running sync.WaitGroup

	mu    sync.Mutex
	busy  map[string]bool // automations that a run is made of
	ended map[string]int  // how many runs of each have ended
}

// group is what one run is about.
type group struct {
	automation  string
	application string
	receipts    []store.Receipt
	done        []int64 // those for which no other automation has to run
}

// look begins runs for what is open and due, and returns when to look again.
func (w *worker) look(ctx context.Context) (time.Duration, error) {
	counts, err := w.Store.OpenReceiptCounts(ctx)
	if err != nil {
		return w.limits.poll, err
	}
	next := w.limits.poll
	for _, c := range counts {
		if until := c.Next.Sub(w.Now()); until > 0 {
			next = min(next, until)
			continue
		}
		before := w.endedRuns()
		groups, err := w.groups(ctx, c.Application)
		if err != nil {
			return next, fmt.Errorf("application %s: %w", c.Application, err)
		}
		for _, g := range groups {
			w.start(ctx, g, before[g.automation])
		}
	}
	return next, nil
}

// groups sorts the open receipts of an application by the automations that have
// yet to run for them. Those that none has to run for end.
func (w *worker) groups(ctx context.Context, application string) ([]group, error) {
	receipts, err := w.Store.OpenReceipts(ctx, application, w.Now())
	if err != nil {
		return nil, err
	}
	all := map[string]*group{}
	var seen, unread, later []int64
	waiting := map[time.Time][]int64{} // by when the first of their automations tries again
	for _, receipt := range receipts {
		automations, known := w.Applications.Reads(application, receipt.Records)
		if !known {
			later = append(later, receipt.ID)
			continue
		}
		left := slices.DeleteFunc(slices.Clone(automations), func(a string) bool { return slices.Contains(receipt.Ran, a) })
		switch {
		case len(left) == 0 && len(receipt.Ran) > 0:
			seen = append(seen, receipt.ID)
		case len(left) == 0:
			unread = append(unread, receipt.ID)
		}
		due, next := dueOf(receipt, left, w.Now())
		if len(due) == 0 && len(left) > 0 {
			waiting[next] = append(waiting[next], receipt.ID)
		}
		for _, automation := range due {
			g := all[automation]
			if g == nil {
				g = &group{automation: automation, application: application}
				all[automation] = g
			}
			g.receipts = append(g.receipts, receipt)
			if len(left) == 1 {
				g.done = append(g.done, receipt.ID)
			}
		}
	}
	var groups []group
	for _, automation := range slices.Sorted(maps.Keys(all)) {
		groups = append(groups, *all[automation])
	}
	for next, ids := range waiting {
		if err := w.Store.PutOffReceipts(ctx, ids, next, ""); err != nil {
			return nil, err
		}
	}
	return groups, w.settle(ctx, seen, unread, later)
}

// dueOf returns those automations that have to run for a receipt and need not wait
// after a failure, and when the first of the others tries again.
func dueOf(receipt store.Receipt, left []string, now time.Time) (due []string, next time.Time) {
	for _, automation := range left {
		at := receipt.Tries[automation].Next
		switch {
		case !at.After(now):
			due = append(due, automation)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return due, next
}

// settle ends what no automation has to run for, and lets wait what cannot be told
// now.
func (w *worker) settle(ctx context.Context, seen, unread, later []int64) error {
	if err := w.Store.ReceiptsSeen(ctx, "", 0, nil, seen); err != nil {
		return err
	}
	const nobody = "no automation reads such records of the application, or it may not tell of changes any more"
	if err := w.Store.EndReceipts(ctx, unread, store.ReceiptIgnored, nobody); err != nil {
		return err
	}
	return w.Store.PutOffReceipts(ctx, later, w.Now().Add(w.limits.unserved), "the connector of the application does not serve")
}

// endedRuns says for each automation how many runs have ended.
func (w *worker) endedRuns() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.ended)
}

// start makes a run for a group, unless one of its automation is being made, or
// has ended since the group was read: what is open then is looked at after it.
func (w *worker) start(ctx context.Context, g group, ended int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[g.automation] || w.ended[g.automation] != ended {
		return
	}
	w.busy[g.automation] = true
	w.running.Go(func() {
		defer func() {
			w.mu.Lock()
			delete(w.busy, g.automation)
			w.ended[g.automation]++
			w.mu.Unlock()
			w.Wake()
		}()
		if err := rescue.Do(w.Log, func() error { return w.run(ctx, g) }, "automation", g.automation); err != nil && ctx.Err() == nil {
			w.Log.Error("what applications sent is kept, as the state cannot be written", "automation", g.automation, "cause", err,
				"next", "the agent tries again by itself")
			w.pause(ctx, w.limits.backoff)
		}
	})
}

// run makes one run for the first keys of a group and records what came of it.
func (w *worker) run(ctx context.Context, g group) error {
	g, keys := g.first(mostKeys)
	run, err := w.runKeys(ctx, g, keys)
	settle := context.WithoutCancel(ctx) // what has happened is recorded
	var leased *store.LeasedError
	var partly Partly
	switch {
	case err == nil:
		return w.seen(settle, g, run)
	case ctx.Err() != nil:
		return nil // stopped: all of it is open for the next start
	case errors.As(err, &leased):
		w.pause(ctx, w.limits.busy) // the run under way may have fetched before the change
		return nil
	case errors.As(err, &partly):
		if err := w.seen(settle, g.only(func(r store.Receipt) bool { return !partly.Unread(r.Key) }), run); err != nil {
			return err
		}
		g = g.only(func(r store.Receipt) bool { return partly.Unread(r.Key) })
	}
	return w.failed(settle, g, err)
}

// seen records that a run has looked at the records of a group.
func (w *worker) seen(ctx context.Context, g group, run int64) error {
	for _, receipt := range g.receipts {
		w.Observer.Seen(g.application, max(w.Now().Sub(receipt.At), 0))
	}
	return w.Store.ReceiptsSeen(ctx, g.automation, run, idsOf(g.receipts), g.done)
}

// runKeys turns a panic of a run into its failure.
func (w *worker) runKeys(ctx context.Context, g group, keys []ident.Key) (run int64, err error) {
	err = rescue.Do(w.Log, func() (err error) {
		run, err = w.Runner.RunKeys(ctx, g.automation, "application "+g.application, keys)
		return err
	}, "automation", g.automation)
	return run, err
}

// failed has a run tried again later, or gives it up.
func (w *worker) failed(ctx context.Context, g group, err error) error {
	var hopeless Hopeless
	over := errors.As(err, &hopeless) && hopeless.Hopeless()
	later := map[int][]int64{} // by the number of attempts so far
	given := group{}
	last := map[int64]bool{}
	for _, id := range g.done {
		last[id] = true
	}
	for _, receipt := range g.receipts {
		if attempts := receipt.Tries[g.automation].Attempts; !over && attempts+1 < w.limits.attempts {
			later[attempts] = append(later[attempts], receipt.ID)
			continue
		}
		given.receipts = append(given.receipts, receipt)
		if last[receipt.ID] {
			given.done = append(given.done, receipt.ID)
		}
	}
	cause := fmt.Sprintf("automation %s: %s", g.automation, shorten(err.Error()))
	for _, attempts := range slices.Sorted(maps.Keys(later)) {
		if err := w.Store.ReceiptsTried(ctx, g.automation, later[attempts], w.Now().Add(w.backoff(attempts)), cause); err != nil {
			return err
		}
	}
	if len(later) > 0 && w.quiet.may("later "+g.automation) {
		w.Log.Warn("a run for what an application sent failed; it is tried again",
			"application", g.application, "automation", g.automation, "cause", err)
	}
	if len(given.receipts) > 0 && w.quiet.may("given up "+g.automation) {
		w.Log.Error("no run for what an application sent: given up",
			"application", g.application, "automation", g.automation, "records", len(given.receipts), "cause", err, "next",
			fmt.Sprintf("the next run by the schedule sees these records; `rollcall apply %s` does it now", g.automation))
	}
	return w.Store.GiveUpReceipts(ctx, g.automation, cause, idsOf(given.receipts), given.done)
}

// mostBackoff bounds the time between two attempts.
const mostBackoff = 15 * time.Minute

// backoff returns how long to wait after so many attempts before the last one.
func (w *worker) backoff(attempts int) time.Duration {
	return min(w.limits.backoff<<min(attempts, 20), mostBackoff)
}

func (w *worker) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// first cuts a group down to what is about the first keys, and lists them. All
// receipts about one key are seen by one run.
func (g group) first(most int) (group, []ident.Key) {
	taken := map[ident.Key]bool{}
	var keys []ident.Key
	some := g.only(func(receipt store.Receipt) bool {
		if !taken[receipt.Key] && len(keys) < most {
			taken[receipt.Key], keys = true, append(keys, receipt.Key)
		}
		return taken[receipt.Key]
	})
	return some, keys
}

// only returns a group of some of the receipts.
func (g group) only(of func(store.Receipt) bool) group {
	some := group{automation: g.automation, application: g.application}
	taken := map[int64]bool{}
	for _, receipt := range g.receipts {
		if of(receipt) {
			some.receipts, taken[receipt.ID] = append(some.receipts, receipt), true
		}
	}
	for _, id := range g.done {
		if taken[id] {
			some.done = append(some.done, id)
		}
	}
	return some
}

func idsOf(receipts []store.Receipt) []int64 {
	ids := make([]int64, len(receipts))
	for i, r := range receipts {
		ids[i] = r.ID
	}
	return ids
}

// shorten cuts a cause for the state.
func shorten(text string) string {
	const most = 1000
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " ..."
	}
	return text
}
