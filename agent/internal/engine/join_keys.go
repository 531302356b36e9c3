package engine

import (
	"context"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// stagePartners stages the records that further endpoints have for chosen users, out of
// everything that they deliver.
func (e *Engine) stagePartners(ctx context.Context, a Automation, d *delivery) error {
	for _, partner := range a.partners() {
		p := d.partner(e, partner)
		if _, of := dependent(partner); of != "" {
			continue
		}
		_, err := partner.Fetch(ctx, ident.Position{}, func(batch []ident.Record) error { return e.stageOf(ctx, d, p, "", batch) })
		if err != nil {
			return &partnerError{p.endpoint, err}
		}
	}
	return e.fetchDependents(ctx, a, d)
}

// stagePartnersOf stages what the further endpoints have for one chosen user, but for
// those that depend on another: they follow when all users are there. all says that the
// error is about more than this user.
func (e *Engine) stagePartnersOf(ctx context.Context, a Automation, d *delivery, key ident.Key) (all bool, err error) {
	for i, partner := range a.partners() {
		p := d.partners[i]
		if _, of := dependent(partner); of != "" {
			continue
		}
		err = partner.(KeyFetcher).FetchOne(ctx, key, func(batch []ident.Record) error {
			err := e.stageOf(ctx, d, p, key, batch)
			all = all || err != nil
			return err
		})
		if err != nil {
			return all, &partnerError{p.endpoint, err}
		}
	}
	return false, nil
}

// stageOf stages those records of a further endpoint that a chosen user has; key is
// the user, "" for any of them.
func (e *Engine) stageOf(ctx context.Context, d, p *delivery, key ident.Key, batch []ident.Record) error {
	keep := slices.DeleteFunc(slices.Clone(batch), func(r ident.Record) bool {
		mine := d.chosen.askedAs(r)
		return mine == "" || key != "" && mine != key
	})
	if len(keep) == 0 {
		return nil
	}
	return e.Store.Stage(ctx, p.staging, p.keyed(keep))
}
