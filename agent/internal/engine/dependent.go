package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// DependentFetcher is a Fetcher that may be asked once for each record of another endpoint,
// its parents, in place of once for all.
type DependentFetcher interface {
	Fetcher
	// Parent names the other endpoint; "" when it is asked once for all.
	Parent() string
	// FetchFor returns what belongs to a parent, under the key of the parent. It may be
	// called for several parents at once. An error is a SingleError when others may be asked
	// for all the same.
	FetchFor(ctx context.Context, parent ident.Record) ([]ident.Record, error)
	// State is the same while FetchFor would return the same for a parent; "" when only
	// asking tells.
	State(parent ident.Record) string
}

// dependent returns a Fetcher as one that depends on another endpoint, and the name of that;
// "" when it does not.
func dependent(f Fetcher) (DependentFetcher, string) {
	if d, may := f.(DependentFetcher); may {
		return d, d.Parent()
	}
	return nil, ""
}

// mostAtOnce is how many parents are asked for at once: the rate limit of the application
// bounds them all together, and each call takes the memory of one instance.
const mostAtOnce = 4

// mostRefused is how many parents must have been asked for before it counts as a fault of
// the endpoint, and not of these parents, that none of them gets an answer.
const mostRefused = 3

// fetchDependents stages what the dependent endpoints have for each staged record of the
// endpoint that they depend on. That is staged by now.
func (e *Engine) fetchDependents(ctx context.Context, a Automation, d *delivery) error {
	for i, partner := range a.partners() {
		from, of := dependent(partner)
		if of == "" {
			continue
		}
		t := &dependents{engine: e, automation: a.Settings.Automation, from: from, into: d.partners[i], anew: d.chosen != nil}
		switch at := slices.IndexFunc(d.partners, func(p *delivery) bool { return p.endpoint == of }); {
		case of == a.Source.Endpoint():
			t.parents = d.staging
		case at >= 0:
			t.parents, t.leading = d.partners[at].staging, &d.staging
		default:
			return &partnerError{t.into.endpoint, fmt.Errorf("there is no endpoint %s for whose records it would be called", of)}
		}
		if err := t.fetch(ctx); err != nil {
			return &partnerError{t.into.endpoint, err}
		}
	}
	return nil
}

// dependents gathers what belongs to the parents, from several goroutines.
type dependents struct {
	engine     *Engine
	automation string
	from       DependentFetcher
	parents    int64  // where they are staged
	leading    *int64 // where the records are that they are joined to; nil: they lead
	into       *delivery
	anew       bool // nothing that came before is used again

	mu             sync.Mutex
	asked, refused int
	first          ident.Key // of those refused, in the order of the keys
	why            error
}

// fetch asks for what belongs to each parent that can be told apart, a few at once and in
// the order of their keys, so that only these are in memory. An error about one parent
// becomes the problem of its record; any other ends it.
func (t *dependents) fetch(ctx context.Context) error {
	queue := make(chan ident.Record)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(queue)
		return t.engine.Store.EachStaged(ctx, t.parents, func(s store.Staged) error {
			if wanted, err := t.wanted(ctx, s); err != nil || !wanted {
				return err
			}
			select {
			case queue <- s.Record:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	for range mostAtOnce {
		group.Go(func() error {
			for parent := range queue {
				records, err := t.recordsFor(ctx, parent)
				if err := t.take(ctx, parent, records, err); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return t.verdict()
}

// wanted reports whether anything can be joined to a parent: a record that is set aside in
// any case, or that belongs to nobody, is not asked for.
func (t *dependents) wanted(ctx context.Context, s store.Staged) (bool, error) {
	if s.Records != 1 || s.Deleted || s.Record.Problem != "" {
		return false, nil
	}
	if t.leading == nil {
		return true, nil
	}
	return t.engine.Store.StagedHas(ctx, *t.leading, s.Record.Key)
}

// recordsFor returns what belongs to a parent: what came for it before, while nothing says
// that it has changed, or what comes now. A person who is asked about by name is looked at
// anew.
func (t *dependents) recordsFor(ctx context.Context, parent ident.Record) ([]ident.Record, error) {
	state, now := t.from.State(parent), t.engine.Now()
	if state != "" && !t.anew {
		records, known, err := t.engine.Store.Dependents(ctx, t.automation, t.into.endpoint, parent.Key, state, now)
		if known || err != nil {
			return records, err
		}
	}
	records, err := fetchFor(ctx, t.from, parent)
	faulty := slices.ContainsFunc(records, func(r ident.Record) bool { return r.Problem != "" })
	if state == "" || err != nil || faulty || len(records) > 1 {
		return records, err
	}
	return records, t.engine.Store.PutDependents(ctx, t.automation, t.into.endpoint, parent.Key, state, now, records)
}

// fetchFor turns a panic into an error: it ends the run, as it would without the goroutine.
func fetchFor(ctx context.Context, from DependentFetcher, parent ident.Record) (records []ident.Record, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("key %s: panic: %v\n%s", parent.Key, v, debug.Stack())
		}
	}()
	return from.FetchFor(ctx, parent)
}

// take stages what came for a parent.
func (t *dependents) take(ctx context.Context, parent ident.Record, records []ident.Record, err error) error {
	var single SingleError
	about := errors.As(err, &single)
	if err != nil && (!about || ctx.Err() != nil) {
		return fmt.Errorf("key %s: %w", parent.Key, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if about {
		if t.refused++; t.refused == 1 || parent.Key < t.first {
			t.first, t.why = parent.Key, single
		}
		records = []ident.Record{{
			Endpoint: t.into.endpoint, Key: parent.Key, Number: parent.Number,
			Problem: fmt.Sprintf("endpoint %s: %v", t.into.endpoint, single),
		}}
	}
	progress.Tell(ctx, progress.Step{Phase: "fetching records of endpoint " + t.into.endpoint, Done: t.asked})
	if len(records) == 0 {
		return nil
	}
	return t.engine.Store.Stage(ctx, t.into.staging, t.into.keyed(records))
}

// verdict says that the endpoint, and not some parents, is at fault when none of several
// gets an answer: a wrong path, or a right that is lacking.
func (t *dependents) verdict() error {
	if t.refused < max(t.asked, mostRefused) {
		return nil
	}
	return fmt.Errorf("none of the %d records that it was called for gets an answer; the first: key %s: %w", t.asked, t.first, t.why)
}
