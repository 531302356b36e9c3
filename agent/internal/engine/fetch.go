package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// delivery is what a whole fetch left in the staging area.
type delivery struct {
	staging int64  // the staging area's number
	records int    // parts and deletions not counted
	keyless int    // records without a usable primary key
	first   string // what is wrong with the first of them
	doubled int    // keys that came more than once
	numbers int    // records whose key is a number
	texts   int    // records whose key is a text

	partsAlone       int    // keys of which only a part came
	keylessDeletions int    // reports of a deletion that do not say of whom
	cursor           string // where the next fetch goes on; of an endpoint in mode changes

	acceptShrink bool // of the directory; asked for by hand
}

// fetch streams the source's records into a staging area of their own: memory
// stays flat, and nothing is decided before the answer has ended properly.
//
// What an endpoint in mode changes delivered before, and no run has settled,
// is staged with it.
func (e *Engine) fetch(ctx context.Context, a Automation, staging int64) (delivery, error) {
	d := delivery{staging: staging}
	if err := e.sameKey(ctx, a); err != nil {
		return d, err
	}
	from, err := e.position(ctx, a)
	if err != nil {
		return d, err
	}
	progress.Tell(ctx, progress.Step{Phase: "fetching records"})
	d.cursor, err = a.Source.Fetch(ctx, from, func(batch []ident.Record) error {
		defer func() { progress.Tell(ctx, progress.Step{Phase: "fetching records", Done: d.records}) }()
		return e.Store.Stage(ctx, staging, d.keyed(batch))
	})
	if d.cursor == "" {
		d.cursor = from.Cursor
	}
	if err == nil && a.Source.ChangesOnly() {
		err = e.Store.StageRetained(ctx, staging, endpoint(a))
	}
	if err == nil {
		err = e.respellStaged(ctx, d)
	}
	if err != nil {
		e.dropStaging(ctx, staging)
		return d, fetchFailed(a, err)
	}
	e.Observer.Records(a.Settings.DataSource, "delivered", d.records)
	return d, nil
}

// fetchAll stages everything that the source has, also when its endpoint
// delivers changes: somebody asks about one record, whenever it was changed.
func (e *Engine) fetchAll(ctx context.Context, a Automation, staging int64) error {
	d := delivery{staging: staging}
	if err := e.sameKey(ctx, a); err != nil {
		return err
	}
	_, err := a.Source.Fetch(ctx, ident.Position{}, func(batch []ident.Record) error {
		return e.Store.Stage(ctx, staging, d.keyed(batch))
	})
	if err != nil {
		return fetchFailed(a, err)
	}
	return nil
}

// fetchFailed says which fetch failed. Of one that delivered too much it is the
// endpoint that matters.
func fetchFailed(a Automation, err error) error {
	err = fmt.Errorf("fetch the records of data source %s: %w", a.Settings.DataSource, err)
	var full *store.StagingFullError
	if errors.As(err, &full) {
		return fmt.Errorf("%w: endpoint %s of application %s delivers too much; nothing was changed; next: see what it delivers, "+
			"such as photos of a large size or the same records over and over, and raise staging_mib in [store] if it is meant to be so much",
			err, a.Source.Endpoint(), a.Settings.Application)
	}
	return err
}

// keyed counts a batch and leaves out what has no key.
func (d *delivery) keyed(batch []ident.Record) []ident.Record {
	keyed := make([]ident.Record, 0, len(batch))
	for _, r := range batch {
		if !r.Deleted && !r.Partial {
			d.records++
		}
		switch {
		case r.Key != "":
			keyed = append(keyed, r)
			d.spelled(r)
		case r.Deleted:
			d.keylessDeletions++
		default:
			d.keyless++
			d.first = cmp.Or(d.first, r.Problem)
		}
	}
	return keyed
}

// spelled counts what the keys of records are.
func (d *delivery) spelled(r ident.Record) {
	switch {
	case r.Deleted || r.Partial:
	case r.Number != "":
		d.numbers++
	default:
		d.texts++
	}
}

func endpoint(a Automation) store.Endpoint {
	return store.Endpoint{Automation: a.Settings.Automation, Application: a.Settings.Application, Name: a.Source.Endpoint()}
}

// position is where a fetch goes on. Under another configuration it is the
// beginning: what was of no interest before may be now.
func (e *Engine) position(ctx context.Context, a Automation) (ident.Position, error) {
	if !a.Source.ChangesOnly() {
		return ident.Position{}, nil
	}
	last, err := e.Store.Delivered(ctx, endpoint(a))
	if err != nil {
		return ident.Position{}, fmt.Errorf("find where the last fetch of data source %s ended: %w", a.Settings.DataSource, err)
	}
	if last.Config != a.Settings.Config {
		return ident.Position{}, nil
	}
	return last.Position, nil
}

// settleDelivery ends the delivery of a run that came to its end: what is not
// settled is retained, and the next fetch goes on from there. Until here a
// run that ends delivers the same again.
//
// A record without a key cannot be retained; as long as there is one, the next
// fetch starts where this one did.
func (e *Engine) settleDelivery(ctx context.Context, r *run, d delivery, made planned) error {
	if !r.automation.Source.ChangesOnly() {
		return e.Store.DropDelivery(ctx, r.Automation)
	}
	if d.keyless > 0 {
		e.Log.Warn("records without a primary key: the next fetch reads the same again until they have one",
			"automation", r.Automation, "records", d.keyless)
		return nil
	}
	next := ident.Position{Cursor: d.cursor, Since: r.Started}
	err := e.Store.SettleDelivery(ctx, r.lease, d.staging, endpoint(r.automation), r.automation.Settings.Config, next, made.unsettled)
	if err != nil {
		return fmt.Errorf("settle the delivery of run %d: %w", r.ID, err)
	}
	return nil
}

func (e *Engine) dropStaging(ctx context.Context, staging int64) {
	if err := e.Store.DropStaging(context.WithoutCancel(ctx), staging); err != nil {
		e.Log.Warn("staged records were not removed; the next start does it", "cause", err)
	}
}
