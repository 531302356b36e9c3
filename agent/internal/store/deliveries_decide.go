package store

import (
	"context"
	"database/sql"
)

// RetryDelivery gives a dead delivery new attempts, the first at once, on behalf
// of by; one that waits for its next attempt gets it at once. With render, the
// call is rendered anew, unless the application may have carried it out already:
// then the same is sent, so that it is recognised there. It returns a
// *DeliveryStateError for other deliveries.
func (s *Store) RetryDelivery(ctx context.Context, id int64, by string, render bool) error {
	return s.writeDue(ctx, "retry a delivery", func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		d, err := b.delivery(ctx, id)
		if err != nil {
			return err
		}
		if err := s.retry(ctx, b, d, by, render); err != nil {
			return err
		}
		return b.writeJournal(ctx, s)
	})
}

func (s *Store) retry(ctx context.Context, b *batch, d deliveryBrief, by string, render bool) error {
	if d.state != DeliveryDead && d.state != DeliveryRetrying {
		return &DeliveryStateError{ID: d.id, State: d.state, Wanted: "retry"}
	}
	err := b.exec(ctx, `UPDATE deliveries SET state = 'retrying', next_at = ?, attempts = CASE WHEN state = 'dead' THEN 0 ELSE attempts END,
		call = CASE WHEN ? AND again = 0 THEN ? ELSE call END WHERE id = ?`, stamp(s.now()), render, []byte{}, d.id)
	if err != nil {
		return err
	}
	if err := s.tell(ctx, b, d.instance, StoryLine{Step: d.step, Delivery: d.id, By: by, Result: "retried"}); err != nil {
		return err
	}
	b.note(d.line(by, "retried", ""))
	if d.state != DeliveryDead {
		return nil
	}
	i, err := b.instance(ctx, d.instance)
	if err != nil {
		return err
	}
	return s.become(ctx, b, i, Advance{Status: InstanceDelivering, Step: d.step}, by)
}

// DropDelivery gives a delivery up on behalf of by, with its instance: that
// becomes failed. It returns a *DeliveryStateError for a delivery that is being
// sent, or has ended.
func (s *Store) DropDelivery(ctx context.Context, id int64, by string) error {
	return s.writeDue(ctx, "drop a delivery", func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		d, err := b.delivery(ctx, id)
		if err != nil {
			return err
		}
		if err := s.drop(ctx, b, d, by, "drop"); err != nil {
			return err
		}
		i, err := b.instance(ctx, d.instance)
		if err != nil {
			return err
		}
		if !i.status.Ended() {
			err = s.become(ctx, b, i, Advance{Status: InstanceFailed, Step: d.step, Cause: "its delivery was dropped by " + by}, by)
			if err != nil {
				return err
			}
		}
		return b.writeJournal(ctx, s)
	})
}

// drop ends a delivery without sending it again. wanted is for the error.
func (s *Store) drop(ctx context.Context, b *batch, d deliveryBrief, by, wanted string) error {
	if d.state == DeliverySending || d.state.Ended() {
		return &DeliveryStateError{ID: d.id, State: d.state, Wanted: wanted}
	}
	err := b.exec(ctx, `UPDATE deliveries SET state = 'dropped', ended = ?, call = ? WHERE id = ?`, stamp(s.now()), []byte{}, d.id)
	if err != nil {
		return err
	}
	if err := s.tell(ctx, b, d.instance, StoryLine{Step: d.step, Delivery: d.id, By: by, Result: "dropped"}); err != nil {
		return err
	}
	b.note(d.line(by, string(DeliveryDropped), ""))
	return b.passDelivery(ctx, d.application, d.guid)
}
