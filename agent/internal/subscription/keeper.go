package subscription

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Vendor asks one application about its subscriptions.
type Vendor interface {
	// List returns the subscriptions that the application shows to the account.
	List(ctx context.Context) ([]Listed, error)
	// Make makes the wanted subscription and returns its id. It looks for nothing
	// first. After an error the application may have it all the same.
	Make(ctx context.Context) (id string, err error)
	// End ends a subscription. One that is not there any more is no error.
	End(ctx context.Context, id string) error
}

// Store remembers what was registered.
type Store interface {
	Subscription(ctx context.Context, application string) (one store.Subscription, known bool, err error)
	PutSubscription(ctx context.Context, one store.Subscription, by, said string) error
}

// Keeper makes, repairs and ends subscriptions. It is safe for concurrent use: for
// one application, one thing happens after the other.
type Keeper struct {
	store Store
	now   func() time.Time

	mu   sync.Mutex
	busy map[string]*sync.Mutex // by application
}

// New returns a Keeper.
func New(s Store, now func() time.Time) *Keeper {
	return &Keeper{store: s, now: now, busy: map[string]*sync.Mutex{}}
}

// Outcome says what was done at the application.
type Outcome struct {
	Made    string   `json:"made,omitempty"` // the id of the new subscription; "": none was made
	Kept    string   `json:"kept,omitempty"` // the id of the one that was as it should be
	Ended   []string `json:"ended,omitempty"`
	Why     string   `json:"why,omitempty"`     // why one was made
	Status  int      `json:"status,omitempty"`  // of the last delivery of the one that was kept
	Failing bool     `json:"failing,omitempty"` // its last delivery was not accepted
	NotEnds string   `json:"not_ended,omitempty"`
	Odd     string   `json:"odd,omitempty"` // what is wrong with the one that was kept, as a new one would be the same
}

// Register makes the subscription that is wanted, or takes one that is there for
// its own. anew replaces it in any case. One whose deliveries the receiver refuses
// is replaced too, as the application may have an old password.
func (k *Keeper) Register(ctx context.Context, application string, want Want, v Vendor, by string, anew bool) (Outcome, error) {
	defer k.lock(application)()
	row, known, err := k.store.Subscription(ctx, application)
	if err != nil {
		return Outcome{}, err
	}
	list, err := v.List(ctx)
	if err != nil {
		return Outcome{}, err
	}
	before := KnownOf(row, known)
	plan := Decide(want, before, list, anew)
	if plan.Keep != nil && plan.Keep.Refused() {
		plan = Decide(want, before, list, true)
		plan.Why = fmt.Sprintf("the receiver has refused its last delivery with %d, so the application may have another password",
			statusOf(list, plan))
	}
	next := row
	next.State, next.By = store.SubscriptionRegistered, by
	return k.carryOut(ctx, &row, next, want, plan, v, by)
}

func statusOf(list []Listed, plan Plan) int {
	for _, l := range list {
		for _, e := range plan.End {
			if l.ID == e.ID && l.Refused() {
				return l.Status
			}
		}
	}
	return 0
}

// Check looks whether a registered subscription is as it should be, and makes it
// again if not; changes may then have been lost, which row.Poll remembers. It does
// nothing about what nobody has registered, or somebody has ended. checked says
// that there was something to look at.
func (k *Keeper) Check(ctx context.Context, application string, want Want, v Vendor) (out Outcome, checked bool, err error) {
	defer k.lock(application)()
	row, known, err := k.store.Subscription(ctx, application)
	if err != nil || !known || row.State != store.SubscriptionRegistered {
		return Outcome{}, false, err
	}
	list, err := v.List(ctx)
	if err != nil {
		return Outcome{}, true, k.failed(ctx, row, err)
	}
	plan := Decide(want, KnownOf(row, known), list, false)
	next := row
	if plan.Keep == nil {
		next.Repairs, next.Repaired, next.RepairedWhy = row.Repairs+1, k.now(), plan.Why
	}
	next.Poll = row.Poll || plan.Keep == nil || plan.Keep.ID != row.ID
	out, err = k.carryOut(ctx, &row, next, want, plan, v, "")
	if err != nil {
		return out, true, k.failed(ctx, row, err)
	}
	return out, true, nil
}

// failed remembers why a check found out or repaired nothing. row is what is stored: an
// older one would make the agent forget a subscription that it has made meanwhile.
func (k *Keeper) failed(ctx context.Context, row store.Subscription, err error) error {
	if ctx.Err() != nil {
		return err
	}
	row.Cause = err.Error()
	if storeErr := k.store.PutSubscription(ctx, row, "", ""); storeErr != nil {
		return storeErr
	}
	return err
}

// carryOut makes what is missing, remembers it, and then ends what is wrong: a
// subscription that sends to the wrong place is better than none. row is to be
// remembered; stored follows what is.
func (k *Keeper) carryOut(
	ctx context.Context, stored *store.Subscription, row store.Subscription, want Want, plan Plan, v Vendor, by string,
) (Outcome, error) {
	var out Outcome
	said := ""
	if plan.Keep != nil {
		out.Kept, out.Status, out.Failing, out.Odd = plan.Keep.ID, plan.Keep.Status, plan.Keep.Failing(), plan.Odd
		if row.ID != plan.Keep.ID || row.Changed.IsZero() {
			said = "subscription " + plan.Keep.ID + " to " + want.URL + " was there and is taken over"
		}
	} else {
		id, err := v.Make(ctx)
		if err != nil {
			return out, err
		}
		out.Made, out.Why = id, plan.Why
		said = "subscription " + id + " to " + want.URL + " made: " + plan.Why
	}
	row.Odd = plan.Odd
	now := k.now()
	if said != "" || by != "" {
		row.Changed = now
	}
	if by != "" && said == "" {
		said = "subscription " + out.Kept + " to " + want.URL + " confirmed"
	}
	row.ID, row.URL, row.Username, row.Reference = out.Made+out.Kept, want.URL, want.Username, want.Reference
	row.Checked, row.Cause, row.Leftovers = now, "", idsOf(plan.End)
	ctx = context.WithoutCancel(ctx) // what was made must be known
	if err := k.store.PutSubscription(ctx, row, cmp.Or(by, "agent"), said); err != nil {
		return out, fmt.Errorf("subscription %s was made, and is not remembered; the next register takes it over: %w", row.ID, err)
	}
	*stored = row
	return k.endLeftovers(ctx, stored, plan.End, v, out)
}

func idsOf(list []Listed) (ids []string) {
	for _, l := range list {
		ids = append(ids, l.ID)
	}
	return ids
}

// endLeftovers ends what is wrong. What the application does not end now is
// remembered, and ended with the next look: by its address alone nobody would know
// it for this agent's.
func (k *Keeper) endLeftovers(ctx context.Context, stored *store.Subscription, list []Listed, v Vendor, out Outcome) (Outcome, error) {
	row := *stored
	row.Leftovers = nil
	for _, l := range list {
		if err := v.End(ctx, l.ID); err != nil {
			out.NotEnds = fmt.Sprintf("subscription %s to %s could not be ended: %v", l.ID, l.URL, err)
			row.Leftovers = append(row.Leftovers, l.ID)
			continue
		}
		out.Ended = append(out.Ended, l.ID)
	}
	if len(out.Ended) == 0 {
		return out, nil // as it is stored
	}
	if err := k.store.PutSubscription(ctx, row, "", ""); err != nil {
		return out, err
	}
	*stored = row
	return out, nil
}

// Unregister ends the subscription, so that nobody makes it again. The wish is
// remembered before the application is asked. want may be empty, when the
// configuration has no receiver any more.
func (k *Keeper) Unregister(ctx context.Context, application string, want Want, v Vendor, by string) (Outcome, error) {
	defer k.lock(application)()
	row, known, err := k.store.Subscription(ctx, application)
	if err != nil {
		return Outcome{}, err
	}
	before := KnownOf(row, known)
	if known && row.State == store.SubscriptionRegistered {
		row.State, row.By, row.Changed, row.Poll = store.SubscriptionEnding, by, k.now(), false
		if err := k.store.PutSubscription(ctx, row, by, "the subscription is to end, and is not made again"); err != nil {
			return Outcome{}, err
		}
	}
	list, err := v.List(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	for _, l := range Own(want, before, list) {
		if !l.Active {
			continue
		}
		if err := v.End(ctx, l.ID); err != nil {
			return out, err
		}
		out.Ended = append(out.Ended, l.ID)
	}
	said := ""
	if len(out.Ended) > 0 {
		said = fmt.Sprintf("subscription %s ended", out.Ended)
	}
	row.State, row.ID, row.By, row.Changed, row.Checked, row.Cause = store.SubscriptionEnded, "", by, k.now(), k.now(), ""
	row.Leftovers, row.Odd = nil, ""
	if !known && len(out.Ended) == 0 {
		return out, nil
	}
	return out, k.store.PutSubscription(context.WithoutCancel(ctx), row, by, said)
}

func (k *Keeper) lock(application string) (unlock func()) {
	k.mu.Lock()
	one := k.busy[application]
	if one == nil {
		one = &sync.Mutex{}
		k.busy[application] = one
	}
	k.mu.Unlock()
	one.Lock()
	return one.Unlock
}
