package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// forAPerson is how long others wait for an instance that waits for a person. Without
// an end, one create that an application refuses would keep a leaver in.
const forAPerson = time.Hour

// linking lists the spaces in which one of the earlier instances for an object may yet
// make a link, or is about to end it. One that waits for a person counts for a while,
// as it may go on; one that sends nothing to where its change came from does not.
func (d *Dispatcher) linking(ctx context.Context, earlier []store.Instance, i instance, v orchestration.Values) (spaces []ident.Space) {
	all := i.o.Spaces()
	if len(all) == 0 {
		return nil
	}
	for _, row := range earlier {
		waits := row.Status == store.InstanceHeld || row.Status == store.InstanceBlocked
		if waits && d.Now().Sub(row.Since) >= forAPerson {
			continue
		}
		other, err := d.compiled(ctx, row)
		if err != nil {
			continue // whoever looks at that one is told
		}
		input, err := other.input()
		if err != nil {
			continue
		}
		for _, space := range all {
			if !slices.Contains(input.From, space.Application()) && !slices.Contains(spaces, space) && mayChange(other, v, space) {
				spaces = append(spaces, space)
			}
		}
	}
	return spaces
}

// mayChange reports whether an instance may make the link that an object lacks in a
// space, or is about to end the one that it has.
func mayChange(other instance, v orchestration.Values, space ident.Space) bool {
	if v.LinkIn(space).Key != "" {
		return other.o.EndsLink(other.state, space)
	}
	return other.o.MayLink(other.state, space)
}
