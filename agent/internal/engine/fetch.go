package engine

import (
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// delivery is what a whole fetch left in the staging area.
type delivery struct {
	staging int64 // the staging area's number
	records int
	keyless int // records without a usable primary key
	doubled int // keys that came more than once

	acceptShrink bool // of the directory; asked for by hand
}

// fetch streams the source's records into a staging area of their own: memory
// stays flat, and nothing is decided before the answer has ended properly.
func (e *Engine) fetch(ctx context.Context, a Automation, staging int64) (delivery, error) {
	d := delivery{staging: staging}
	err := a.Source.Fetch(ctx, func(batch []ident.Record) error {
		d.records += len(batch)
		keyed := make([]ident.Record, 0, len(batch))
		for _, r := range batch {
			if r.Key == "" {
				d.keyless++
				continue
			}
			keyed = append(keyed, r)
		}
		return e.Store.Stage(ctx, staging, keyed)
	})
	if err != nil {
		e.dropStaging(ctx, staging)
		return d, fmt.Errorf("fetch the records of data source %s: %w", a.Settings.DataSource, err)
	}
	e.Observer.Records(a.Settings.DataSource, "delivered", d.records)
	return d, nil
}

func (e *Engine) dropStaging(ctx context.Context, staging int64) {
	if err := e.Store.DropStaging(context.WithoutCancel(ctx), staging); err != nil {
		e.Log.Warn("staged records were not removed; the next start does it", "error", err)
	}
}
