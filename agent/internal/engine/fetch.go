package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// delivery describes a complete fetch in the staging area.
type delivery struct {
	staging int64  // number of the staging area
	records int    // without attachments and deletions
	keyless int    // records without a usable primary key
	first   string // what is wrong with the first of them
	doubled int    // keys delivered more than once
	numbers int    // records with a number as key
	texts   int    // records with a text as key

	partsAlone       int    // keys delivered only as an attachment, without a record
	keylessDeletions int    // reported deletions without a key
	cursor           string // where the next fetch continues; only in mode changes

	endpoint string      // that delivered it, when it is joined to another
	each     bool        // and was called for each record of another
	partners []*delivery // of the further endpoints, in their order
	fits     joinCounts  // how it fitted
	attached attached    // what it lacks of its attachments

	chosen *chosen // the users who were asked for; nil: everybody
	warm   *warmed // what is at hand for them; nil: nothing

	watch func(plan.Considered) // is told the way to what is decided; nil: nobody asks

	acceptShrink bool // asked for by hand: trust a directory with far fewer objects
}

// fetch streams the records of the source into a staging area of their own.
// Memory use stays constant, and nothing is decided before the answer is
// complete.
//
// For an endpoint in mode changes, fetch also stages what was delivered
// earlier and no run has settled yet.
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
	if err == nil {
		err = e.fetchPartners(ctx, a, &d)
	}
	if err == nil {
		err = e.attach(ctx, a, &d)
	}
	if err != nil {
		e.dropStaging(ctx, d.stagings()...)
		return d, fetchFailed(a, err)
	}
	e.Observer.Records(a.Settings.DataSource, "delivered", d.records)
	return d, nil
}

// fetchAll stages everything the source has, even if its endpoint delivers
// changes, because a person asks about one record, whenever that last changed.
func (e *Engine) fetchAll(ctx context.Context, a Automation) (d delivery, err error) {
	d.staging = e.draft()
	if err := e.sameKey(ctx, a); err != nil {
		return d, err
	}
	_, err = a.Source.Fetch(ctx, ident.Position{}, func(batch []ident.Record) error {
		return e.Store.Stage(ctx, d.staging, d.keyed(batch))
	})
	if err == nil {
		err = e.fetchPartners(ctx, a, &d)
	}
	if err != nil {
		return d, fetchFailed(a, err)
	}
	return d, nil
}

// fetchFailed names the failed fetch in an error. If the endpoint delivered
// too much, the error names the endpoint too.
func fetchFailed(a Automation, err error) error {
	name := a.Source.Endpoint()
	var partner *partnerError
	if errors.As(err, &partner) {
		name = partner.endpoint
	}
	err = fmt.Errorf("fetch the records of data source %s: %w", a.Settings.DataSource, err)
	var full *store.StagingFullError
	if errors.As(err, &full) {
		return fmt.Errorf("%w: endpoint %s of application %s delivers too much; nothing was changed; next: see what it delivers, "+
			"such as photos of a large size or the same records over and over, and raise staging_mib in [store] if it is meant to be so much",
			err, name, a.Settings.Application)
	}
	return err
}

// keyed counts a batch and returns the records that have a key.
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

// spelled counts whether keys are numbers or texts.
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

// position returns where a fetch continues. If the configuration has changed,
// it is the beginning, since records that did not matter before may matter
// now.
func (e *Engine) position(ctx context.Context, a Automation) (ident.Position, error) {
	if !a.Source.ChangesOnly() {
		return ident.Position{}, nil
	}
	last, err := e.Store.Position(ctx, endpoint(a))
	if err != nil {
		return ident.Position{}, fmt.Errorf("find where the last fetch of data source %s ended: %w", a.Settings.DataSource, err)
	}
	if last.Config != a.Settings.Config {
		return ident.Position{}, nil
	}
	return last.Position, nil
}

// settleDelivery ends the delivery of a completed run: unsettled records are
// retained, and the next fetch continues after this one. If a run ends before
// that, the next one gets the same delivery again.
//
// A record without a key cannot be retained. As long as there is one, the next
// fetch starts where this one did.
func (e *Engine) settleDelivery(ctx context.Context, r *run, d delivery, made planned) error {
	if r.chosen != nil {
		return nil // the next fetch of changes continues where it would have
	}
	if !r.automation.Source.ChangesOnly() {
		return e.Store.DropPosition(ctx, r.Automation)
	}
	if d.keyless > 0 {
		e.Log.Warn("records without a primary key: the next fetch reads the same again until they have one",
			"automation", r.Automation, "records", d.keyless)
		return nil
	}
	next := ident.Position{Cursor: d.cursor, Since: r.Started}
	err := e.Store.SettlePosition(ctx, r.lease, d.staging, endpoint(r.automation), r.automation.Settings.Config, next, made.unsettled)
	if err != nil {
		return fmt.Errorf("settle the delivery of run %d: %w", r.ID, err)
	}
	return nil
}

func (e *Engine) dropStaging(ctx context.Context, stagings ...int64) {
	if err := e.Store.DropStaging(context.WithoutCancel(ctx), stagings...); err != nil {
		e.Log.Warn("staged records were not removed; the next start does it", "cause", err)
	}
}
