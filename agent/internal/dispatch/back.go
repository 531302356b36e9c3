package dispatch

import (
	"context"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// isBack keeps a delivery that follows from the deletion of its object from being sent
// while the object is in the directory. It reports whether that is so. The delivery ends
// and its instance is blocked, so that what else there is to send about the object goes on.
func (d *Dispatcher) isBack(ctx context.Context, one delivery, v orchestration.Values) bool {
	switch v.Presence {
	case orchestration.PresenceAsExpected:
		return false
	case orchestration.PresenceUnsure:
		d.giveBack(ctx, one.Delivery, d.Now().Add(unreachable), orchestration.UnsureReason)
		return true
	case orchestration.PresenceBack:
	}
	state, decision, err := one.i.o.IsBack(one.i.state, d.Now())
	if err != nil {
		d.settleStuck(ctx, one, &StuckError{err})
		return true
	}
	one.i.state = state
	cause := state.Reason
	if one.Again {
		cause += "; an earlier attempt may have arrived"
	}
	d.settle(ctx, one, store.Settled{State: store.DeliveryDropped, Cause: cause}, decision)
	return true
}
