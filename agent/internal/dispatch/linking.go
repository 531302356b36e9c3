package dispatch

import (
	"context"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// linking lists the spaces in which one of the earlier instances for an object may yet
// make a link. One that is stuck counts too, as a person may resume it; one that sends
// nothing to where its change came from does not.
func (d *Dispatcher) linking(ctx context.Context, earlier []store.Instance, unlinked []ident.Space) (spaces []ident.Space) {
	if len(unlinked) == 0 {
		return nil
	}
	for _, row := range earlier {
		other, err := d.compiled(ctx, row)
		if err != nil {
			continue // whoever looks at that one is told
		}
		input, err := other.input()
		if err != nil {
			continue
		}
		for _, space := range unlinked {
			if !slices.Contains(input.From, space.Application()) && other.o.MayLink(other.state, space) && !slices.Contains(spaces, space) {
				spaces = append(spaces, space)
			}
		}
	}
	return spaces
}
