package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
)

// Trial asks what an automation makes of some records.
type Trial struct {
	Automation string
	Keys       []ident.Key // of the records; none: the first ones
	Most       int         // how many, without Keys
	// Given are the records, of every endpoint of the data source, when Saved is set.
	// Otherwise the application is asked.
	Given []ident.Record
	Saved bool
	// Directory says that names, matches and references are looked up, and that a
	// plan is made. Without it no directory is asked.
	Directory bool
}

// Tried is what an automation makes of some records, and why.
type Tried struct {
	Records []TriedRecord // in the order of their keys
	Notes   []ident.Note  // about keys that no usable record came for
	// Keyless counts the delivered records without a usable key; FirstKeyless says what
	// is wrong with the first.
	Keyless      int
	FirstKeyless string
	Plan         *ident.Plan // with Directory
}

// TriedRecord is one record.
type TriedRecord struct {
	plan.Considered
	// Aside says why nothing is decided about the record as it was delivered; "" when
	// it can be. LeftOut says that this is no fault: an inner join leaves it out.
	Aside   string
	LeftOut bool
}

// Key returns the key of the record.
func (r TriedRecord) Key() ident.Key { return r.Record.Key }

// NoSingle says why an automation cannot ask for a single record, so that a trial of
// one would fetch all of them; "" when it can.
func (e *Engine) NoSingle(automation string) (string, error) {
	a, err := e.automation(automation)
	if err != nil {
		return "", err
	}
	return noSingle(a), nil
}

// Try takes records through the mapping, and tells the way to each value. With
// Directory it makes a dry run for their keys too. When only that fails, it returns
// the records with the error, as they are without a directory. Nothing is written to
// the directory, and what is staged is dropped.
func (e *Engine) Try(ctx context.Context, t Trial) (Tried, error) {
	a, err := e.automation(t.Automation)
	if err != nil {
		return Tried{}, err
	}
	d, err := e.fetchTrial(ctx, a, t)
	if err != nil {
		return Tried{}, stoppedPlan(ctx, "the trial of automation "+t.Automation, err)
	}
	defer e.dropStaging(ctx, d.stagings()...)
	found := map[ident.Key]TriedRecord{}
	if err := e.considerStaged(ctx, a, &d, found); err != nil {
		return Tried{}, err
	}
	out := Tried{Keyless: d.keyless, FirstKeyless: d.first, Notes: d.chosen.notes(a.Settings.Application)}
	if t.Directory {
		looked := maps.Clone(found)
		d.watch = func(c plan.Considered) { looked[c.Record.Key] = TriedRecord{Considered: c} }
		var p ident.Plan
		if p, err = e.dryOf(ctx, a, d); err == nil {
			found, out.Plan, out.Notes = looked, &p, p.Notes
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		out.Records = append(out.Records, found[key])
	}
	return out, err
}

// notes says for which keys no usable record came.
func (c *chosen) notes(application string) []ident.Note {
	var out []ident.Note
	for _, key := range c.asked {
		text := c.unusable[key]
		switch {
		case c.unread[key] != "":
			text = "its record cannot be fetched: " + c.unread[key]
		case c.came[key] || c.left[key]:
			continue
		case text == "":
			text = application + " has no record with this key"
		}
		out = append(out, ident.Note{Key: key, Text: text})
	}
	return out
}

// considerStaged maps what was staged without asking a directory.
func (e *Engine) considerStaged(ctx context.Context, a Automation, d *delivery, found map[ident.Key]TriedRecord) error {
	return e.eachArrival(ctx, a, d, func(s arrival) error {
		if d.chosen.part(s.Record) {
			return nil
		}
		r := TriedRecord{Considered: plan.Considered{Considered: mapping.Considered{Record: s.Record}}}
		switch {
		case s.Deleted && s.Records+s.Parts > 0:
			r.Aside = "it was delivered and reported as deleted at once"
		case s.Deleted:
			return nil // in the notes
		case s.Records == 0:
			r.Aside = "only an attachment came"
		case s.Records > 1:
			r.Aside = fmt.Sprintf("the key was delivered %d times", s.Records)
		case s.without != "":
			r.Aside = "endpoint " + s.without + ` has no record with this key, and join = "inner" leaves out who has none`
			r.LeftOut = true
		case s.Record.Problem != "":
			r.Aside = s.Record.Problem
		default:
			var err error
			if r.Considered.Considered, err = a.Mapper.Consider(s.Record, nil, nil, nil); err != nil {
				return err
			}
		}
		found[s.Record.Key] = r
		return nil
	})
}

// fetchTrial stages the records of a trial.
func (e *Engine) fetchTrial(ctx context.Context, a Automation, t Trial) (delivery, error) {
	if !t.Saved && len(t.Keys) > 0 {
		return e.fetchKeys(ctx, a, e.draft(), t.Keys)
	}
	d := delivery{staging: e.draft()}
	progress.Tell(ctx, progress.Step{Phase: "fetching records"})
	var err error
	if t.Saved {
		err = e.stageGiven(ctx, a, &d, t)
	} else {
		err = e.stageFirst(ctx, a, &d, t.Most)
	}
	if err != nil {
		e.dropStaging(ctx, d.stagings()...)
		return d, fetchFailed(a, err)
	}
	return d, nil
}

// stageFirst stages the first records that the application delivers, and what the
// further endpoints have for them.
func (e *Engine) stageFirst(ctx context.Context, a Automation, d *delivery, most int) error {
	var lead []ident.Record
	seen := map[ident.Key]bool{}
	_, err := a.Source.Fetch(ctx, ident.Position{}, func(batch []ident.Record) error {
		for _, r := range batch {
			switch {
			case seen[r.Key]:
			case len(seen) == most:
				continue
			case r.Key != "" && !r.Deleted && !r.Partial:
				seen[r.Key] = true
			case r.Key != "":
				continue // it belongs to none of them
			}
			lead = append(lead, r)
		}
		if len(seen) == most {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if err := e.stageLead(ctx, d, keysIn(lead), lead); err != nil {
		return err
	}
	if noSingle(a) != "" {
		return e.stagePartners(ctx, a, d)
	}
	for _, partner := range a.partners() {
		d.partner(e, partner)
	}
	for _, key := range d.chosen.asked {
		if _, err := e.stagePartnersOf(ctx, a, d, key); err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
	}
	return nil
}

// errEnough ends a fetch that has delivered what is wanted.
var errEnough = errors.New("no more records are wanted")

// keysIn lists the keys of records, each once, in their order.
func keysIn(records []ident.Record) []ident.Key {
	var keys []ident.Key
	for _, r := range records {
		if r.Key != "" && !slices.Contains(keys, r.Key) {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

// stageGiven stages saved records: those that have one of the wanted keys, or the
// first ones of the endpoint that leads.
func (e *Engine) stageGiven(ctx context.Context, a Automation, d *delivery, t Trial) error {
	of := func(endpoint string) []ident.Record {
		return slices.DeleteFunc(slices.Clone(t.Given), func(r ident.Record) bool { return r.Endpoint != endpoint })
	}
	lead := of(a.Source.Endpoint())
	keys := t.Keys
	if len(keys) == 0 {
		keys = keysIn(lead)
		keys = keys[:min(len(keys), t.Most)]
	}
	if err := e.stageLead(ctx, d, keys, lead); err != nil {
		return err
	}
	for _, partner := range a.partners() {
		if err := e.stageOf(ctx, d, d.partner(e, partner), "", of(partner.Endpoint())); err != nil {
			return &partnerError{partner.Endpoint(), err}
		}
	}
	return nil
}

// stageLead stages the records with some keys, and counts those without a key.
func (e *Engine) stageLead(ctx context.Context, d *delivery, keys []ident.Key, records []ident.Record) error {
	d.chosen = newChosen(keys)
	if err := e.stageChosen(ctx, d, "", records); err != nil {
		return err
	}
	for _, r := range records {
		if r.Key == "" && !r.Deleted {
			d.keyed([]ident.Record{r})
		}
	}
	return nil
}
