package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
)

// CancelInstance ends an instance on behalf of by. What of it is in the outbox
// is dropped. It returns a *DeliveryStateError while a delivery of it is being
// sent, and an *InstanceStateError when it has ended.
func (s *Store) CancelInstance(ctx context.Context, id int64, by string) error {
	return s.decideInstance(ctx, "cancel an orchestration", id, func(b *batch, i brief) error {
		if i.status.Ended() {
			return &InstanceStateError{ID: id, Status: i.status, Wanted: "cancel", Next: "nothing is left to cancel"}
		}
		open, err := b.openDeliveries(ctx, id)
		if err != nil {
			return err
		}
		for _, d := range open {
			if err := s.drop(ctx, b, d, by, "cancel"); err != nil {
				return err
			}
		}
		return s.endByHand(ctx, b, i, by, "cancelled by "+by)
	})
}

func (s *Store) endByHand(ctx context.Context, b *batch, i brief, by, cause string) error {
	if err := s.tell(ctx, b, i.id, StoryLine{Step: i.step, By: by, Result: string(InstanceCancelled), Cause: cause}); err != nil {
		return err
	}
	return s.become(ctx, b, i, Advance{Status: InstanceCancelled, Step: i.step, Cause: cause}, by)
}

// decideInstance runs do in one transaction about one instance.
func (s *Store) decideInstance(ctx context.Context, operation string, id int64, do func(*batch, brief) error) error {
	return s.writeDue(ctx, operation, func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		i, err := b.instance(ctx, id)
		if err != nil {
			return err
		}
		if err := do(b, i); err != nil {
			return err
		}
		return b.writeJournal(ctx, s)
	})
}

// Resume says how an instance goes on.
type Resume struct {
	Version int64 // as it was read
	Step    string
	State   json.RawMessage
	By      string
}

// ResumeInstance lets a blocked or failed instance go on from the step that
// failed. Where that is a dead delivery, the delivery is tried again in its
// place, as RetryDelivery does with render, and the state stays. It returns an
// *InstanceStateError for other instances.
func (s *Store) ResumeInstance(ctx context.Context, id int64, r Resume) error {
	return s.decideInstance(ctx, "resume an orchestration", id, func(b *batch, i brief) error {
		if i.status != InstanceBlocked && i.status != InstanceFailed {
			next := "only one that is blocked or failed can be resumed"
			if i.status.Ended() {
				next = "`rollcall orchestrations replay` does the whole again"
			}
			return &InstanceStateError{ID: id, Status: i.status, Wanted: "resume", Next: next}
		}
		open, err := b.openDeliveries(ctx, id)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return s.retry(ctx, b, open[0], r.By, true)
		}
		if i.version != r.Version {
			return &InstanceStateError{ID: id, Status: i.status, Wanted: "resume", Next: "somebody else has just changed it; try again"}
		}
		if err := s.tell(ctx, b, id, StoryLine{Step: r.Step, By: r.By, Result: "resumed"}); err != nil {
			return err
		}
		if i.status.Ended() {
			if err := b.reopen(ctx, i); err != nil {
				return err
			}
		}
		return s.become(ctx, b, i, Advance{Status: InstanceReady, Step: r.Step, State: r.State}, r.By)
	})
}

// reopen lets an instance that had ended wait for its turn once more.
func (b *batch) reopen(ctx context.Context, i brief) error {
	turn, err := b.instanceTurn(ctx, i.orchestration, i.guid, i.id)
	if err != nil {
		return err
	}
	return b.exec(ctx, `UPDATE instances SET turn = ?, ended = 0 WHERE id = ?`, turn, i.id)
}

// ReplayInstance begins an instance that has ended once more from its first
// step, as n says, and returns the number of the new one. It returns an
// *InstanceStateError when the instance has not ended.
func (s *Store) ReplayInstance(ctx context.Context, id int64, n NewInstance) (int64, error) {
	var made int64
	err := s.decideInstance(ctx, "replay an orchestration", id, func(b *batch, i brief) (err error) {
		if !i.status.Ended() {
			next := "`rollcall orchestrations cancel` ends it first, or resume it"
			return &InstanceStateError{ID: id, Status: i.status, Wanted: "replay", Next: next}
		}
		n.Approved = n.By
		made, err = s.startOne(ctx, b, n, id)
		return err
	})
	if err != nil {
		return 0, err
	}
	return made, nil
}

// Holding names held instances: those that a run caused, or all of an
// automation.
type Holding struct {
	Run        int64
	Automation string
	// SeenBy leaves out those of the run that this person has not been shown as they
	// are; "" leaves out none.
	SeenBy string
	Except []int64 // these are left out too
}

const (
	heldOfRun        = `SELECT id FROM instances WHERE status = 'held' AND run = ? ORDER BY id`
	seenOfRun        = `SELECT id FROM instances WHERE status = 'held' AND run = ? AND ` + seenBefore + ` ORDER BY id`
	heldOfAutomation = `SELECT id FROM instances WHERE status = 'held' AND automation = ? ORDER BY id`
	openOfInstance   = `SELECT id FROM deliveries WHERE instance = ? AND ended = 0 ORDER BY id`
)

func (h Holding) query() (string, []any, error) {
	switch {
	case h.Run != 0 && h.SeenBy != "":
		return seenOfRun, []any{h.Run, h.SeenBy}, nil
	case h.Run != 0:
		return heldOfRun, []any{h.Run}, nil
	case h.Automation != "":
		return heldOfAutomation, []any{h.Automation}, nil
	}
	return "", nil, fmt.Errorf("which held orchestrations are meant is not said")
}

// ApproveInstances lets held instances begin, or go on with the step that they are
// held at, on behalf of by, and returns how many those are.
func (s *Store) ApproveInstances(ctx context.Context, h Holding, by string) (int, error) {
	return s.decideHeld(ctx, "approve orchestrations", h, func(b *batch, i brief) error {
		if err := s.tell(ctx, b, i.id, StoryLine{Step: i.step, By: by, Result: "approved"}); err != nil {
			return err
		}
		turn, err := b.instanceTurn(ctx, i.orchestration, i.guid, i.id)
		if err != nil {
			return err
		}
		// One that is held at a step has begun, and counts as it did then.
		err = b.exec(ctx, `UPDATE instances SET turn = ?, approved = CASE started WHEN 0 THEN ? ELSE approved END,
			started = CASE started WHEN 0 THEN ? ELSE started END WHERE id = ?`, turn, by, stamp(s.now()), i.id)
		if err != nil {
			return err
		}
		return s.become(ctx, b, i, Advance{Status: InstanceReady, Step: i.step}, by)
	})
}

// RejectInstances ends held instances on behalf of by, and returns how many
// those are.
func (s *Store) RejectInstances(ctx context.Context, h Holding, by string) (int, error) {
	return s.decideHeld(ctx, "reject orchestrations", h, func(b *batch, i brief) error {
		return s.endByHand(ctx, b, i, by, "rejected by "+by)
	})
}

func (s *Store) decideHeld(ctx context.Context, operation string, h Holding, do func(*batch, brief) error) (int, error) {
	query, args, err := h.query()
	if err != nil {
		return 0, s.fail(operation, err)
	}
	n := 0
	err = s.writeDue(ctx, operation, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		ids, err := collect(rows, scanID)
		if err != nil {
			return err
		}
		ids = slices.DeleteFunc(ids, func(id int64) bool { return slices.Contains(h.Except, id) })
		b := s.newBatch(tx)
		for _, id := range ids {
			i, err := b.instance(ctx, id)
			if err != nil {
				return err
			}
			if err := do(b, i); err != nil {
				return err
			}
		}
		n = len(ids)
		return b.writeJournal(ctx, s)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func scanID(row scanner) (id int64, err error) {
	err = row.Scan(&id)
	return id, err
}

// openDeliveries returns the deliveries of an instance that have not ended, by
// number.
func (b *batch) openDeliveries(ctx context.Context, instance int64) ([]deliveryBrief, error) {
	rows, err := b.tx.QueryContext(ctx, openOfInstance, instance)
	if err != nil {
		return nil, err
	}
	ids, err := collect(rows, scanID)
	if err != nil {
		return nil, err
	}
	list := make([]deliveryBrief, 0, len(ids))
	for _, id := range ids {
		d, err := b.delivery(ctx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}
