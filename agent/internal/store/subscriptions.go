package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// SubscriptionState says what somebody wants of a subscription.
type SubscriptionState string

// The states of subscriptions.
const (
	SubscriptionRegistered SubscriptionState = "registered" // it is there, and is made again when it is lost
	SubscriptionEnding     SubscriptionState = "ending"     // somebody wants its end, and the application may still have it
	SubscriptionEnded      SubscriptionState = "ended"      // on purpose: nobody makes it again
)

// Subscription is what was registered at an application so that it tells of
// changes.
type Subscription struct {
	Application string            `json:"application"`
	State       SubscriptionState `json:"state"`
	ID          string            `json:"id,omitempty"` // at the application; "": it is not known
	URL         string            `json:"url"`
	Username    string            `json:"username,omitempty"`
	Reference   string            `json:"reference,omitempty"` // of the password or secret
	By          string            `json:"by,omitempty"`        // who registered or ended it
	Changed     time.Time         `json:"changed,omitzero"`    // when state, id or url last changed
	Checked     time.Time         `json:"checked,omitzero"`    // when the application was last asked and answered
	Cause       string            `json:"cause,omitempty"`     // why the last check found out or repaired nothing
	Repairs     int               `json:"repairs"`
	Repaired    time.Time         `json:"repaired,omitzero"`
	RepairedWhy string            `json:"repaired_why,omitempty"`
	// Poll says that changes may have been lost, and that the automations of the
	// application have not run since.
	Poll bool `json:"poll,omitempty"`
	// Leftovers are the ids of earlier subscriptions that the application has not
	// ended yet.
	Leftovers []string `json:"leftovers,omitempty"`
	// Odd says what was wrong with the subscription in whose place this one was made,
	// or is with this one too.
	Odd string `json:"odd,omitempty"`
}

const selectSubscriptions = `SELECT application, state, id, url, username, reference, made_by, changed, checked, cause, repairs, repaired,
	repaired_why, poll, leftovers, odd FROM subscriptions`

func scanSubscription(row scanner) (s Subscription, err error) {
	var changed, checked, repaired int64
	var leftovers string
	err = row.Scan(&s.Application, &s.State, &s.ID, &s.URL, &s.Username, &s.Reference, &s.By, &changed, &checked, &s.Cause, &s.Repairs,
		&repaired, &s.RepairedWhy, &s.Poll, &leftovers, &s.Odd)
	if err == nil {
		err = json.Unmarshal([]byte(leftovers), &s.Leftovers)
	}
	s.Changed, s.Checked, s.Repaired = moment(changed), moment(checked), moment(repaired)
	return s, err
}

// Subscriptions lists what is or was registered, by application.
func (s *Store) Subscriptions(ctx context.Context) ([]Subscription, error) {
	rows, err := s.reader.QueryContext(ctx, selectSubscriptions+` ORDER BY application`)
	if err != nil {
		return nil, s.fail("read subscriptions", err)
	}
	list, err := collect(rows, scanSubscription)
	return list, s.fail("read subscriptions", err)
}

// Subscription returns what is or was registered at an application. known is false
// when nothing ever was.
func (s *Store) Subscription(ctx context.Context, application string) (_ Subscription, known bool, err error) {
	one, err := scanSubscription(s.reader.QueryRowContext(ctx, selectSubscriptions+` WHERE application = ?`, application))
	if errors.Is(err, sql.ErrNoRows) {
		return Subscription{Application: application}, false, nil
	}
	return one, err == nil, s.fail("read the subscription of "+application, err)
}

// PutSubscription stores a subscription as a whole. said is a line for the journal,
// by somebody; "" for none.
func (s *Store) PutSubscription(ctx context.Context, one Subscription, by, said string) error {
	leftovers, err := json.Marshal(one.Leftovers)
	if err != nil {
		return err
	}
	return s.write(ctx, "store the subscription of "+one.Application, func(tx *sql.Tx) error {
		b := s.newBatch(tx)
		poll := 0
		if one.Poll {
			poll = 1
		}
		err := b.exec(ctx, `INSERT INTO subscriptions (application, state, id, url, username, reference, made_by, changed, checked, cause,
				repairs, repaired, repaired_why, poll, leftovers, odd) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (application) DO UPDATE SET state = excluded.state, id = excluded.id, url = excluded.url,
				username = excluded.username, reference = excluded.reference, made_by = excluded.made_by, changed = excluded.changed,
				checked = excluded.checked, cause = excluded.cause, repairs = excluded.repairs,
				repaired = excluded.repaired, repaired_why = excluded.repaired_why, poll = excluded.poll,
				leftovers = excluded.leftovers, odd = excluded.odd`,
			one.Application, string(one.State), one.ID, one.URL, one.Username, one.Reference, one.By, stamp(one.Changed), stamp(one.Checked),
			one.Cause, one.Repairs, stamp(one.Repaired), one.RepairedWhy, poll, string(leftovers), one.Odd)
		if err != nil || said == "" {
			return err
		}
		b.note(JournalLine{Kind: JournalSubscription, Application: one.Application, By: by, Text: said})
		return b.writeJournal(ctx, s)
	})
}

// SubscriptionPolled records that the automations of an application have run since
// changes may have been lost.
func (s *Store) SubscriptionPolled(ctx context.Context, application string) error {
	return s.exec(ctx, "note the run after a repaired subscription", `UPDATE subscriptions SET poll = 0 WHERE application = ?`, application)
}

// LastReceipt returns when an application last sent something that was kept; zero:
// never, or so long ago that it is no longer known.
func (s *Store) LastReceipt(ctx context.Context, application string) (time.Time, error) {
	var at int64
	err := s.reader.QueryRowContext(ctx, `SELECT coalesce(max(at), 0) FROM receipts WHERE application = ?`, application).Scan(&at)
	return moment(at), s.fail("find the last receipt of "+application, err)
}
