package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// DeliveryState says where a delivery stands.
type DeliveryState string

// The states of deliveries.
const (
	DeliveryQueued   DeliveryState = "queued"
	DeliverySending  DeliveryState = "sending"
	DeliveryRetrying DeliveryState = "retrying" // waits for the next attempt at NextAt
	DeliveryDead     DeliveryState = "dead"     // out of attempts: a person decides, and what comes after it waits
	DeliveryDone     DeliveryState = "done"
	DeliveryDropped  DeliveryState = "dropped"
)

// Values lists the states.
func (DeliveryState) Values() []string {
	return []string{"queued", "sending", "retrying", "dead", "done", "dropped"}
}

// Ended reports whether nothing more happens in this state.
func (s DeliveryState) Ended() bool { return s == DeliveryDone || s == DeliveryDropped }

// NewDelivery is a call that goes into the outbox for the object of an instance.
type NewDelivery struct {
	Step        string
	Webhook     string
	Application string
}

// Delivery is one call of the outbox.
type Delivery struct {
	ID            int64         `json:"id"`
	Instance      int64         `json:"instance"`
	Orchestration string        `json:"orchestration"`
	Step          string        `json:"step"`
	Webhook       string        `json:"webhook"`
	Application   string        `json:"application"`
	GUID          ident.GUID    `json:"guid"`
	DN            ident.DN      `json:"dn"`
	Name          string        `json:"name"`
	State         DeliveryState `json:"state"`
	Failed        bool          `json:"failed,omitempty"` // done without success: its instance went on
	Attempts      int           `json:"attempts"`
	// Again says that the application may have carried the call out already.
	Again   bool      `json:"again,omitempty"`
	NextAt  time.Time `json:"next_at,omitzero"`
	Created time.Time `json:"created"`
	Taken   time.Time `json:"taken,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Call    []byte    `json:"-"`                 // as SaveCalls got it; empty until then, and after the end
	Request string    `json:"request,omitempty"` // what people may see of the call
	Status  int       `json:"status,omitempty"`  // of the last answer
	Answer  string    `json:"answer,omitempty"`
	Cause   string    `json:"cause,omitempty"`
	Next    string    `json:"next,omitempty"`
	// WaitsFor is the earlier delivery to the same application about the same
	// object that goes first, and WaitsForState its state; 0: none does.
	WaitsFor      int64         `json:"waits_for,omitempty"`
	WaitsForState DeliveryState `json:"waits_for_state,omitempty"`
}

const deliveryColumns = `id, instance, orchestration, step, webhook, application, guid, dn, name, state, failed, attempts, again,
	next_at, created, taken, ended, call, request, status, answer, cause, next`

func scanDelivery(row scanner) (Delivery, error) { return scanDeliveryAnd(row) }

func scanDeliveryAnd(row scanner, more ...any) (d Delivery, err error) {
	var nextAt, created, taken, ended int64
	err = row.Scan(append([]any{
		&d.ID, &d.Instance, &d.Orchestration, &d.Step, &d.Webhook, &d.Application, &d.GUID, &d.DN, &d.Name, &d.State,
		&d.Failed, &d.Attempts, &d.Again, &nextAt, &created, &taken, &ended, &d.Call, &d.Request, &d.Status, &d.Answer, &d.Cause, &d.Next,
	}, more...)...)
	d.NextAt, d.Created, d.Taken, d.Ended = moment(nextAt), moment(created), moment(taken), moment(ended)
	return d, err
}

// enqueue adds a delivery of an instance.
func (s *Store) enqueue(ctx context.Context, b *batch, i brief, n NewDelivery) error {
	turn, err := b.turn(ctx, firstDelivery, n.Application, i.guid, 0)
	if err != nil {
		return err
	}
	now := stamp(s.now())
	return b.exec(ctx, `INSERT INTO deliveries (instance, orchestration, step, webhook, application, guid, dn, name, state, failed, turn,
		attempts, again, next_at, created, taken, ended, call, request, status, answer, cause, next)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?, 0, 0, ?, ?, 0, 0, ?, '', 0, '', '', '')`,
		i.id, i.orchestration, n.Step, n.Webhook, n.Application, i.guid, i.dn, i.name, turn, now, now, []byte{})
}

const dueDeliveries = `SELECT id FROM deliveries WHERE turn = 1 AND state IN ('queued', 'retrying') AND application = ? AND next_at <= ?
	ORDER BY next_at, id LIMIT ?`

// TakeDeliveries marks the next deliveries as sending and returns them: for each
// application that most names at most so many, those that have been due longest
// first. Their attempt is counted. Deliveries to one application about one object
// are taken strictly in the order in which they were queued: none is taken while
// an earlier one is open, dead included.
func (s *Store) TakeDeliveries(ctx context.Context, lease Lease, now time.Time, most map[string]int) ([]Delivery, error) {
	var list []Delivery
	err := s.write(ctx, "take deliveries", func(tx *sql.Tx) error {
		if err := s.checkLive(ctx, tx, lease); err != nil {
			return err
		}
		b := s.newBatch(tx)
		for _, application := range slices.Sorted(maps.Keys(most)) {
			rows, err := b.query(ctx, `UPDATE deliveries SET state = 'sending', attempts = attempts + 1, taken = ? WHERE id IN (`+
				dueDeliveries+`) RETURNING `+deliveryColumns, stamp(s.now()), application, stamp(now), most[application])
			if err != nil {
				return err
			}
			taken, err := collect(rows, scanDelivery)
			if err != nil {
				return err
			}
			list = append(list, taken...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(x, y Delivery) int { // a database may return them in any order
		return cmp.Or(x.NextAt.Compare(y.NextAt), cmp.Compare(x.ID, y.ID))
	})
	return list, nil
}

// Call is a rendered call of a delivery that was taken.
type Call struct {
	Delivery int64
	Call     []byte // what will be sent, by every attempt; sealed when it holds a password
	Request  string // what people may see of it
}

// SaveCalls keeps rendered calls. They are on disk when it returns, so that a
// later attempt sends the same.
func (s *Store) SaveCalls(ctx context.Context, lease Lease, list []Call) error {
	if len(list) == 0 {
		return nil
	}
	return s.write(ctx, "save calls", func(tx *sql.Tx) error {
		if err := s.checkLive(ctx, tx, lease); err != nil {
			return err
		}
		b := s.newBatch(tx)
		for _, c := range list {
			n, err := b.count(ctx, `UPDATE deliveries SET call = ?, request = ? WHERE id = ? AND state = 'sending'`, c.Call, c.Request, c.Delivery)
			if err == nil && n == 0 {
				err = b.refuseDelivery(ctx, c.Delivery, "send")
			}
			if err != nil {
				return fmt.Errorf("delivery %d: %w", c.Delivery, err)
			}
		}
		return nil
	})
}

const recoverDeliveries = `UPDATE deliveries SET state = 'retrying', again = CASE WHEN length(call) > 0 THEN 1 ELSE again END, next_at = ?
	WHERE state = 'sending' AND ended = 0`

// RecoverDeliveries puts back what a dead process was sending, and returns how
// many deliveries that were. Those whose call is kept are taken again with Again:
// without a kept call nothing was sent. It must be called before the first
// TakeDeliveries under a lease.
func (s *Store) RecoverDeliveries(ctx context.Context, lease Lease) (int, error) {
	var n int64
	err := s.write(ctx, "recover deliveries", func(tx *sql.Tx) (err error) {
		if err := checkFence(ctx, tx, lease); err != nil {
			return err
		}
		n, err = s.newBatch(tx).count(ctx, recoverDeliveries, stamp(s.now()))
		return err
	})
	return int(n), err
}
