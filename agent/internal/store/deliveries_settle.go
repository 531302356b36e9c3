package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Settled is what became of a delivery that was taken.
type Settled struct {
	Delivery int64
	// State is done, dropped, retrying or dead. With queued, the delivery was not sent,
	// and the attempt does not count.
	State  DeliveryState
	Failed bool      // done without success: the instance goes on
	Again  bool      // retrying or dead: the application may have carried it out
	NextAt time.Time // of retrying and queued; zero is at once
	Status int
	Answer string // redacted and cut; for people
	Cause  string
	Next   string
	Link   *ident.Link // Kind and Key of the link that is made, or found, with done
	Ends   *ident.Link // Kind and Key of the link that ends with done, as its record is gone
	// Advance moves the instance on; nil leaves it as it is.
	Advance *Advance
	// IfTaken is written instead when the link cannot be made because its key or
	// object is linked to something else. Its Cause and Next, and those of its
	// Advance, are filled in. Without it the delivery becomes dead and its
	// instance blocked.
	IfTaken *Settled
}

// TakenLink is a link that a settled delivery could not make.
type TakenLink struct {
	Delivery int64
	Err      *LinkTakenError
}

// Settlement is what SettleDeliveries has to say besides.
type Settlement struct {
	Taken []TakenLink
	Stale []int64 // instances that somebody else had changed: see AdvanceInstances
}

// SettleDeliveries records what became of deliveries, with the links that they
// make and the steps that follow, in one transaction. A link that cannot be made
// fails its delivery and no other.
func (s *Store) SettleDeliveries(ctx context.Context, lease Lease, list []Settled) (Settlement, error) {
	var done Settlement
	if len(list) == 0 {
		return done, nil
	}
	err := s.write(ctx, "settle deliveries", func(tx *sql.Tx) error {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		b := s.newBatch(tx)
		if err := b.expectSettled(ctx, list); err != nil {
			return err
		}
		for _, d := range list {
			if err := s.settleOne(ctx, b, d, &done); err != nil {
				return fmt.Errorf("delivery %d: %w", d.Delivery, err)
			}
		}
		return b.writeJournal(ctx, s)
	})
	if err != nil {
		return Settlement{}, err
	}
	return done, nil
}

func (b *batch) expectSettled(ctx context.Context, list []Settled) error {
	deliveries, instances := make([]int64, len(list)), make([]int64, 0, len(list))
	for n, d := range list {
		deliveries[n] = d.Delivery
		if d.Advance != nil {
			instances = append(instances, d.Advance.Instance)
		}
	}
	return b.expect(ctx, deliveries, instances)
}

func (s *Store) settleOne(ctx context.Context, b *batch, d Settled, done *Settlement) error {
	row, err := b.delivery(ctx, d.Delivery)
	if err != nil {
		return err
	}
	if row.state != DeliverySending {
		return &DeliveryStateError{ID: row.id, State: row.state, Wanted: "settle"}
	}
	if d.Link != nil && d.State == DeliveryDone {
		link := *d.Link
		err := s.linkOutbound(ctx, b, &link, row)
		var taken *LinkTakenError
		if errors.As(err, &taken) {
			done.Taken = append(done.Taken, TakenLink{Delivery: row.id, Err: taken})
			d = ifTaken(d, taken)
		} else if err != nil {
			return err
		}
	}
	if d.Ends != nil && d.State == DeliveryDone && !d.Failed {
		if err := s.endLink(ctx, b, *d.Ends, row); err != nil {
			return err
		}
	}
	if err := s.settleRow(ctx, b, row, d); err != nil {
		return err
	}
	if d.Advance == nil {
		return nil
	}
	written, err := s.advance(ctx, b, *d.Advance)
	if err == nil && !written {
		done.Stale = append(done.Stale, d.Advance.Instance)
	}
	return err
}

// ifTaken is what becomes of a delivery that could not make its link.
func ifTaken(d Settled, taken *LinkTakenError) Settled {
	other := Settled{State: DeliveryDead, Again: true}
	if d.IfTaken != nil {
		other = *d.IfTaken
	} else if d.Advance != nil {
		a := *d.Advance
		other.Advance = &Advance{Instance: a.Instance, Version: a.Version, Status: InstanceBlocked}
	}
	other.Delivery, other.Link, other.Status, other.Answer = d.Delivery, nil, d.Status, d.Answer
	other.Cause = taken.Error()
	other.Next = "remove that link if it is the wrong one (" +
		ident.Command("link remove", taken.Holder.Space().String(), string(taken.Holder.Key)) + "), then retry the delivery"
	if other.Advance != nil {
		a := *other.Advance
		a.Cause, a.Next = other.Cause, other.Next
		other.Advance = &a
	}
	return other
}

func (s *Store) settleRow(ctx context.Context, b *batch, row deliveryBrief, d Settled) error {
	now := stamp(s.now())
	nextAt, ended, attempts := stamp(d.NextAt), int64(0), row.attempts
	if nextAt == 0 {
		nextAt = now
	}
	switch d.State {
	case DeliveryDone, DeliveryDropped:
		ended = now
	case DeliveryQueued:
		attempts--
	case DeliveryRetrying, DeliveryDead:
	default:
		return fmt.Errorf("a delivery cannot be settled as %q", d.State)
	}
	err := b.exec(ctx, `UPDATE deliveries SET state = ?, failed = ?, attempts = ?, again = CASE WHEN ? THEN 1 ELSE again END,
		next_at = ?, ended = ?,
		call = CASE WHEN ? THEN ? ELSE call END, status = ?, answer = ?, cause = ?, next = ? WHERE id = ?`,
		d.State, d.Failed, attempts, d.Again, nextAt, ended, ended != 0, []byte{}, d.Status, d.Answer, d.Cause, d.Next, row.id)
	if err != nil || d.State == DeliveryQueued {
		return err
	}
	result := string(d.State)
	if d.Failed {
		result = "failed"
	}
	err = s.tell(ctx, b, row.instance, StoryLine{
		Step: row.step, Delivery: row.id, Attempt: attempts, Status: d.Status, Answer: d.Answer, Result: result, Cause: d.Cause, Next: d.Next,
	})
	if err != nil {
		return err
	}
	if ended != 0 {
		if err := b.passDelivery(ctx, row.application, row.guid); err != nil {
			return err
		}
	}
	if d.State != DeliveryRetrying {
		row.state, row.attempts = d.State, attempts
		b.note(row.line("", result, d.Cause))
	}
	return nil
}

// linkOutbound makes the link of a delivery. A link that is there already stays
// as it is, whoever made it.
func (s *Store) linkOutbound(ctx context.Context, b *batch, link *ident.Link, row deliveryBrief) error {
	link.Application, link.GUID = row.application, row.guid
	present, err := scanLink(b.tx.QueryRowContext(ctx, selectLinks+` WHERE application = ? AND kind = ? AND key = ? AND guid = ?`,
		link.Application, link.Space().Kind(), link.Key, link.GUID))
	if err == nil {
		*link = present
		return nil
	}
	if !none(err) {
		return err
	}
	link.Automation, link.Origin, link.Orchestration = "", ident.OriginOutbound, row.orchestration
	if err := s.putLink(ctx, b.tx, link, linkCause{}); err != nil {
		return err
	}
	b.note(JournalLine{Kind: JournalLink, Application: link.Application, Link: link})
	return nil
}

// deliveryBrief is what the writes about a delivery need to know of it.
type deliveryBrief struct {
	id, instance        int64
	orchestration, step string
	webhook             string
	application         string
	guid                ident.GUID
	dn                  ident.DN
	name                string
	state               DeliveryState
	attempts            int
}

const selectDeliveryBriefs = `SELECT id, instance, orchestration, step, webhook, application, guid, dn, name, state, attempts
	FROM deliveries WHERE `

func scanDeliveryBrief(row scanner) (d deliveryBrief, err error) {
	err = row.Scan(&d.id, &d.instance, &d.orchestration, &d.step, &d.webhook, &d.application, &d.guid, &d.dn, &d.name, &d.state, &d.attempts)
	return d, err
}

func (b *batch) delivery(ctx context.Context, id int64) (deliveryBrief, error) {
	if d, found := once(b.deliveries, id); found {
		return d, nil
	}
	row, err := b.row(ctx, selectDeliveryBriefs+`id = ?`, id)
	if err != nil {
		return deliveryBrief{}, err
	}
	d, err := scanDeliveryBrief(row)
	if none(err) {
		err = &NoDeliveryError{ID: id}
	}
	return d, err
}

// refuseDelivery returns the error for a delivery that is not in the state that
// something needs.
func (b *batch) refuseDelivery(ctx context.Context, id int64, wanted string) error {
	d, err := b.delivery(ctx, id)
	if err != nil {
		return err
	}
	return &DeliveryStateError{ID: id, State: d.state, Wanted: wanted}
}

func (d deliveryBrief) line(by, status, cause string) JournalLine {
	return JournalLine{
		Kind: JournalDelivery, Application: d.application, By: by, Orchestrated: &Orchestrated{
			Orchestration: d.orchestration, Instance: d.instance, Step: d.step, Webhook: d.webhook, Delivery: d.id, Attempts: d.attempts,
			GUID: d.guid, DN: d.dn, Name: d.name, Status: status, Cause: cause,
		},
	}
}
