package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// KeyFetcher is a Fetcher that can ask for a single record.
type KeyFetcher interface {
	Fetcher
	// NoSingle says why a single record cannot be asked for; "" when it can.
	NoSingle() string
	// FetchOne calls each with what the application has under a key; it does not
	// call it when there is no such record. What it delivers may have another key.
	// An error is a SingleError when others may be asked for all the same.
	FetchOne(ctx context.Context, key ident.Key, each func([]ident.Record) error) error
}

// SingleError is an error about one record: the application or a rule refuses it.
type SingleError interface {
	error
	// Suspect reports whether all others may be concerned too, as when the
	// application has a fault.
	Suspect() bool
}

// mostSuspect is how many records in a row may have a suspect error. That many
// concern everybody: nobody waits for the answers about a thousand others.
const mostSuspect = 3

// NoSingleError reports that a data source cannot be asked for a single record,
// so that a run of a few users would have to fetch all of them.
type NoSingleError struct{ Automation, Why string }

func (e *NoSingleError) Error() string {
	return fmt.Sprintf("automation %s cannot run for single users: %s; their change comes with the next whole run", e.Automation, e.Why)
}

// mostKeys bounds how many users one run may be asked for.
const mostKeys = 1000

// RunKeys makes one run of an automation for the users with these keys only: for
// an application that says whose record has changed (store.KindInstant), or for a
// person who wants to try a few users first (store.KindChosen).
//
// It follows the rules of a whole run, and its operations count for the same
// limits. Nobody is missing because of it: not who is not asked for, not a key
// under which the application has no record, and not a record that is no longer
// in scope. All of these are left to the next whole run, and so is what earlier
// runs have recorded about anybody else: quarantine, held operations, rejections,
// and where the next fetch of changes continues.
//
// While a whole run of the automation is under way, it returns a
// *store.LeasedError: call it again later. It waits for another RunKeys. For
// KindInstant it returns a *NoSingleError when that would need a whole fetch; a
// person gets the whole fetch. A record that the application or a rule refuses goes
// into the quarantine and the report's Unread, and the others are run for; the run
// fails when none can be read.
func (e *Engine) RunKeys(ctx context.Context, req Request, keys []ident.Key) (Report, error) {
	if req.keys = true; req.Kind != store.KindInstant {
		req.Kind = store.KindChosen
	}
	a, err := e.forKeys(req, keys)
	if err != nil {
		return Report{}, err
	}
	leave, err := e.gates.enter(ctx, req.Automation)
	if err != nil {
		return Report{}, err
	}
	defer leave()
	var d delivery
	report, err := e.record(ctx, a, req, func(ctx context.Context, r *run) error {
		return e.carryOut(ctx, a, r, req, func() (got delivery, err error) {
			d, err = e.fetchKeys(ctx, a, r.ID, keys)
			return d, err
		})
	})
	if d.chosen != nil {
		report.Unread = d.chosen.unread
	}
	return report, err
}

// PlanKeys is Plan for the users with these keys only.
func (e *Engine) PlanKeys(ctx context.Context, req Request, keys []ident.Key) (ident.Plan, error) {
	a, err := e.forKeys(req, keys)
	if err != nil {
		return ident.Plan{}, err
	}
	return e.dry(ctx, a, req, func(staging int64) (delivery, error) { return e.fetchKeys(ctx, a, staging, keys) })
}

func (e *Engine) forKeys(req Request, keys []ident.Key) (Automation, error) {
	switch {
	case len(keys) == 0:
		return Automation{}, errors.New("no key says whose run it is to be")
	case len(keys) > mostKeys:
		return Automation{}, fmt.Errorf("%d keys are too many for a run of single users, which takes %d: make a whole run", len(keys), mostKeys)
	case slices.Contains(keys, ""):
		return Automation{}, errors.New("a key is empty")
	}
	a, err := e.automation(req.Automation)
	if why := noSingle(a); err == nil && why != "" && req.Kind == store.KindInstant {
		return a, &NoSingleError{Automation: req.Automation, Why: why}
	}
	return a, err
}

// noSingle says why an automation cannot ask for a single record; "" if it can.
func noSingle(a Automation) string {
	for _, source := range append([]Fetcher{a.Source}, a.partners()...) {
		if _, of := dependent(source); of != "" {
			continue // it is asked for the records of another one, however few these are
		}
		single, can := source.(KeyFetcher)
		if !can {
			return "its source delivers everybody at once"
		}
		if why := single.NoSingle(); why != "" && a.Join != nil {
			return "endpoint " + source.Endpoint() + ": " + why
		} else if why != "" {
			return why
		}
	}
	return ""
}

// fetchKeys stages the records of some keys. Without a request for a single
// record, a person's run fetches everything once and leaves out the others; an
// instant run does not, because an application that reports a thousand changes
// would be asked for everybody a thousand times.
func (e *Engine) fetchKeys(ctx context.Context, a Automation, staging int64, keys []ident.Key) (delivery, error) {
	d := delivery{staging: staging, chosen: newChosen(keys)}
	if err := e.sameKey(ctx, a); err != nil {
		return d, err
	}
	progress.Tell(ctx, progress.Step{Phase: "fetching records"})
	if err := e.stageKeys(ctx, a, &d); err != nil {
		e.dropStaging(ctx, d.stagings()...)
		return d, fetchFailed(a, err)
	}
	e.Observer.Records(a.Settings.DataSource, "delivered", d.records)
	return d, nil
}

func (e *Engine) stageKeys(ctx context.Context, a Automation, d *delivery) error {
	if noSingle(a) != "" {
		_, err := a.Source.Fetch(ctx, ident.Position{}, func(batch []ident.Record) error { return e.stageChosen(ctx, d, "", batch) })
		if err != nil {
			return err
		}
		return e.stagePartners(ctx, a, d)
	}
	for _, partner := range a.partners() {
		d.partner(e, partner)
	}
	var first error
	read, suspect := 0, 0
	for _, key := range d.chosen.asked {
		all, err := e.stageKey(ctx, a, d, key)
		if err == nil && d.chosen.came[key] {
			all, err = e.stagePartnersOf(ctx, a, d, key)
		}
		if err == nil {
			read, suspect = read+1, 0
			continue
		}
		var single SingleError
		if err = fmt.Errorf("key %s: %w", key, err); all || ctx.Err() != nil || !errors.As(err, &single) {
			return err
		}
		if suspect++; !single.Suspect() {
			suspect = 0
		}
		if suspect == mostSuspect {
			return fmt.Errorf("%d records one after the other cannot be read: %w", mostSuspect, err)
		}
		first = cmp.Or(first, err)
		why := single.Error()
		var partner *partnerError
		if errors.As(err, &partner) {
			why = (&partnerError{partner.endpoint, single}).Error()
		}
		d.chosen.leave(key, why)
	}
	if read == 0 {
		return first
	}
	return e.fetchDependents(ctx, a, d)
}

// stageKey stages the record of one key. all says that the error is about more than
// this record, as the state cannot be written.
func (e *Engine) stageKey(ctx context.Context, a Automation, d *delivery, key ident.Key) (all bool, err error) {
	err = a.Source.(KeyFetcher).FetchOne(ctx, key, func(batch []ident.Record) error {
		err := e.stageChosen(ctx, d, key, batch)
		all = all || err != nil
		return err
	})
	return all, err
}

// stageChosen stages those records of a batch that were asked for. key is the one
// that the application was asked for, "" when it was asked for everybody.
func (e *Engine) stageChosen(ctx context.Context, d *delivery, key ident.Key, batch []ident.Record) error {
	keep := batch[:0:0]
	for _, r := range batch {
		if d.chosen.take(key, r) {
			keep = append(keep, r)
		}
	}
	if len(keep) == 0 {
		return nil
	}
	return e.Store.Stage(ctx, d.staging, d.keyed(keep))
}

// chosen are the users that a run is about, and what became of the question for
// each.
type chosen struct {
	asked   []ident.Key
	names   map[ident.Key]bool      // asked for
	spelled map[ident.Key]ident.Key // asked for, by the one spelling of a number
	// keys are those that the run is about: those asked for and, where the
	// application spells a number in another way, the one of the record.
	keys map[ident.Key]bool
	came map[ident.Key]bool // asked for, and there is a record, or a part of one
	// unusable says what is wrong with an answer, by the key that was asked for.
	unusable map[ident.Key]string
	// unread says why a record could not be fetched, by the key that was asked for.
	// A part of it may have come.
	unread  map[ident.Key]string
	outside map[ident.Key]string // what the record is not: what where asks for, with the condition
	left    map[ident.Key]bool   // an inner join leaves the record out
	decided map[ident.Key]bool   // the plan decides about them: their record came and is in scope
}

func newChosen(keys []ident.Key) *chosen {
	c := &chosen{
		names: map[ident.Key]bool{}, spelled: map[ident.Key]ident.Key{}, keys: map[ident.Key]bool{}, came: map[ident.Key]bool{},
		unusable: map[ident.Key]string{}, unread: map[ident.Key]string{}, outside: map[ident.Key]string{}, decided: map[ident.Key]bool{},
		left: map[ident.Key]bool{},
	}
	for _, key := range keys {
		if !c.names[key] {
			c.names[key], c.keys[key], c.spelled[oneSpelling(key)] = true, true, key
			c.asked = append(c.asked, key)
		}
	}
	return c
}

// has reports whether a run is about a key; a nil chosen is about everybody.
func (c *chosen) has(key ident.Key) bool { return c == nil || c.keys[key] }

// take reports whether a record is about somebody who was asked for. asked is the
// key that the application was asked for, "" when it was asked for everybody.
func (c *chosen) take(asked ident.Key, r ident.Record) bool {
	mine := c.askedAs(r)
	if asked == "" {
		asked = mine
	}
	switch {
	case asked == "":
		return false // somebody else's
	case r.Deleted:
		c.unusable[asked] = "it is reported as deleted"
		return mine == asked
	case r.Key == "":
		c.unusable[asked] = "what came has no usable primary key: " + r.Problem
		return false
	case mine != asked:
		c.unusable[asked] = fmt.Sprintf("what came is the record of the key %s", r.Key)
		return false
	}
	if r.Key != asked {
		delete(c.keys, asked)
		c.keys[r.Key] = true
	}
	c.came[asked] = true
	return true
}

// askedAs returns the key by which a record was asked for; "" when it was not.
func (c *chosen) askedAs(r ident.Record) ident.Key {
	switch {
	case c.names[r.Key]:
		return r.Key
	case r.Number == "":
		return ""
	}
	return c.spelled[r.Key]
}

// leave notes that a record could not be fetched.
func (c *chosen) leave(asked ident.Key, why string) {
	c.unread[asked], c.came[asked], c.keys[asked] = why, false, true
}

// leaveOut notes that an inner join leaves a record out.
func (c *chosen) leaveOut(s arrival) {
	asked := c.askedAs(s.Record)
	c.came[asked], c.left[s.Record.Key] = false, true
	c.unusable[asked] = fmt.Sprintf("endpoint %s has no record with this key, and join = \"inner\" leaves out who has none", s.without)
}

// part reports whether a record is part of one that could not be fetched.
func (c *chosen) part(r ident.Record) bool {
	_, unread := c.unread[c.askedAs(r)]
	return unread
}

// setAside puts what could not be fetched into the quarantine.
func (c *chosen) setAside(b *plan.Builder) {
	for _, key := range c.asked {
		if why, unread := c.unread[key]; unread {
			b.Quarantine(key, "", "its record cannot be fetched: "+why,
				"the next whole run decides; when it stays, see what the application says of this record")
		}
	}
}

// narrow leaves in a plan what is about the chosen users. What was recorded
// about those for whom the plan decides nothing stays as it is.
func (c *chosen) narrow(made *planned, b *plan.Builder, application string) {
	if c == nil {
		return
	}
	for key := range c.keys {
		c.decided[key] = b.Back(key) && c.unread[key] == "" && !c.left[key]
	}
	open := func(key ident.Key) bool { return !c.decided[key] }
	made.Quarantined = slices.DeleteFunc(made.Quarantined, func(q ident.QuarantineItem) bool { return !c.keys[q.Key] })
	made.settled = slices.DeleteFunc(made.settled, func(q ident.QuarantineItem) bool { return open(q.Key) })
	made.past = slices.DeleteFunc(made.past, func(r ident.Refusal) bool { return open(r.Key) })
	undecided := made.undecided
	made.undecided = func(key ident.Key, class ident.Class) bool { return open(key) || undecided(key, class) }
	made.delivered, made.absent, made.unsettled, made.strays = nil, nil, nil, 0
	for _, key := range c.asked {
		switch why := c.unusable[key]; {
		case c.unread[key] != "": // in the quarantine
		case !c.came[key] && why == "":
			made.note(key, application+" has no record with this key")
		case !c.came[key]:
			made.note(key, why)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.outside)) {
		made.note(key, "its record is not "+c.outside[key])
	}
}

// note says why nothing is done for a chosen user.
func (m *planned) note(key ident.Key, why string) {
	m.Notes = append(m.Notes, ident.Note{Key: key, Text: why + ": nothing is done because of that, the next whole run decides"})
}

// end says that nobody is missing in a delivery of chosen users.
func (c *chosen) end() plan.Delivery {
	return plan.Delivery{Complete: true, ChangesOnly: true, Chosen: true}
}
