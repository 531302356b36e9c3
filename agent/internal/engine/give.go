package engine

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// The plan is told of so many records in advance, so that it can ask the directory
// about all their new names at once. Photos come within the records, so their size
// is bounded too.
const (
	upcomingRecords = 100
	upcomingBytes   = 4 << 20
)

// giveStaged gives the builder every record of a delivery, or those of the chosen
// users.
func (e *Engine) giveStaged(ctx context.Context, a Automation, d *delivery, b *plan.Builder) error {
	read := 0
	tell := func() {
		progress.Tell(ctx, progress.Step{Phase: "planning record", Done: read + 1, Of: max(read+1, d.records)})
	}
	if d.chosen != nil {
		tell()
		err := e.eachArrival(ctx, a, d, func(s arrival) error { return e.giveChosen(ctx, a, d, b, s) })
		if err == nil {
			d.chosen.setAside(b)
		}
		return err
	}
	var next []arrival
	size := 0
	give := func() error {
		tell()
		read, size = read+len(next), 0
		b.Upcoming(recordsOf(next))
		for _, s := range next {
			if err := d.give(b, s); err != nil {
				return err
			}
		}
		clear(next)
		next = next[:0]
		return nil
	}
	err := e.eachArrival(ctx, a, d, func(s arrival) error {
		next, size = append(next, s), size+sizeOf(s.Record.Fields)+sizeOf(s.Record.Joined)
		if len(next) < upcomingRecords && size < upcomingBytes {
			return nil
		}
		return give()
	})
	if err == nil && len(next) > 0 {
		err = give()
	}
	return err
}

// sizeOf returns about how many bytes of text a value holds.
func sizeOf(v any) int {
	n := 0
	switch v := v.(type) {
	case string:
		n = len(v)
	case []any:
		for _, one := range v {
			n += sizeOf(one)
		}
	case map[string]any:
		for _, one := range v {
			n += sizeOf(one)
		}
	case map[string]map[string]any:
		for _, one := range v {
			n += sizeOf(one)
		}
	}
	return n
}

// recordsOf returns the records that will be planned.
func recordsOf(next []arrival) []ident.Record {
	list := make([]ident.Record, 0, len(next))
	for _, s := range next {
		if s.Records == 1 && !s.Deleted && s.without == "" {
			list = append(list, s.Record)
		}
	}
	return list
}

// give passes what was delivered for one key to the plan.
func (d *delivery) give(b *plan.Builder, s arrival) error {
	key := s.Record.Key
	switch {
	case s.Deleted && s.Records+s.Parts > 0:
		b.Contradiction(key)
	case s.Deleted:
		b.Deleted(key)
	case s.Records == 0:
		d.partsAlone++ // the person is present, but nothing else is known
	case s.Records > 1:
		d.doubled++
		b.Duplicate(key, s.Records)
	case s.without != "":
		b.Unjoined(key)
	default:
		return b.Add(s.Record)
	}
	return nil
}
