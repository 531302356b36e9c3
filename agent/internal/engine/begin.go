package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Beginning is an orchestration that begins for objects of the directory: on a
// schedule for those in a filter, or because a person asks for it.
type Beginning struct {
	Automation    string // "": a person asks for it
	Orchestration string
	Definition    json.RawMessage
	First         string // its first step

	// Bases are the containers whose objects are looked at, none of them under
	// another, and Search is the LDAP filter for them.
	Bases  []ident.DN
	Search string
	// Chosen are further objects, by their GUIDs.
	Chosen []ident.GUID
	// Filter leaves objects out; nil leaves out none.
	Filter *orchestration.Filter

	Limit  plan.Limit
	People func(context.Context) (int, error) // of how many a percentage of Limit is
	Once   bool                               // see store.Anew
	Every  time.Duration

	// Reader opens what reads beside the search, and says how to close it.
	Reader func() (r Reader, done func())
}

// Reader reads objects beside the search that is under way.
type Reader interface {
	// Named returns the object with a DN; found is false when there is none.
	Named(ctx context.Context, dn ident.DN, attributes []string) (e ident.Entry, found bool, err error)
	// Schema returns what is known about attributes.
	Schema(ctx context.Context, attributes []string) (ident.Schema, error)
}

// BeginCounts says what became of the objects that a run looked at.
type BeginCounts struct {
	Looked   int `json:"looked_at"`
	Matched  int `json:"matched"`
	Begun    int `json:"begun"`
	Held     int `json:"held"`
	Before   int `json:"before"`    // it began for them before, and may not again yet
	UnderWay int `json:"under_way"` // an earlier instance for them has not ended
	Unclear  int `json:"unclear"`   // the filter cannot be evaluated for them
}

func (c *BeginCounts) add(v store.Verdict) {
	switch v {
	case store.VerdictBegin:
		c.Begun++
	case store.VerdictHold:
		c.Held++
	case store.VerdictBefore:
		c.Before++
	case store.VerdictUnderWay:
		c.UnderWay++
	case VerdictUnclear:
		c.Unclear++
		return
	}
	c.Matched++
}

// mostObjects bounds how many objects a BeginPlan lists, and of how many a run
// tells that they are unclear.
const mostObjects = 1000

// candidate is an object that is in the filter, or of which that cannot be told.
type candidate struct {
	ident.Entry
	unclear error
}

// batchOf is how many objects are begun for in one transaction.
const batchOf = 200

// Begin begins an orchestration for the objects that a person has chosen, as a run of
// its own.
func (e *Engine) Begin(ctx context.Context, b Beginning, by string) (Report, error) {
	return e.beginRun(ctx, b, Request{Kind: store.KindOrchestrate, By: by})
}

// beginRun is Run for an orchestration that begins.
func (e *Engine) beginRun(ctx context.Context, b Beginning, req Request) (Report, error) {
	a := Automation{Settings: plan.Settings{Automation: b.Automation}}
	req.orchestration = b.Orchestration
	return e.record(ctx, a, req, func(ctx context.Context, r *run) error {
		r.began = &BeginCounts{}
		return e.connected(ctx, func(client Directory) error { return e.beginAll(ctx, client, b, r) })
	})
}

func (e *Engine) beginAll(ctx context.Context, client Directory, b Beginning, r *run) error {
	limit, err := b.limit(ctx)
	if err != nil {
		return err
	}
	anew := store.Anew{Run: r.ID, At: r.Started, Once: b.Once, Every: b.Every}
	err = e.look(ctx, client, b, r.began, func(batch []candidate) error {
		list := make([]store.NewInstance, 0, len(batch))
		var unclear []ident.GUID
		for _, c := range batch {
			if c.unclear != nil {
				r.began.add(VerdictUnclear)
				unclear = append(unclear, c.GUID)
				r.unclear(b, c)
				continue
			}
			list = append(list, b.instance(c.Entry, r, limit))
		}
		if b.Once && len(unclear) > 0 {
			if err := e.Store.KeepStarts(ctx, r.lease, b.Automation, r.ID, unclear); err != nil {
				return err
			}
		}
		begun, err := e.Store.BeginInstances(ctx, r.lease, anew, list)
		for _, one := range begun {
			r.began.add(one.Verdict)
		}
		return err
	})
	r.tally.held, r.tally.quarantined = r.began.Held, r.began.Unclear
	if err != nil {
		return err
	}
	if b.Automation == "" {
		return nil
	}
	if err := e.setQuarantine(ctx, r, r.plan.Quarantined); err != nil {
		return err
	}
	if b.Once {
		return e.Store.ForgetStarts(ctx, r.lease, b.Automation, anew)
	}
	return nil
}

// unclear reports an object for which the filter cannot be evaluated.
func (r *run) unclear(b Beginning, c candidate) {
	if len(r.plan.Quarantined) == mostObjects {
		return
	}
	next := "correct where of automation " + b.Automation + ": default() says what to take for a value that is absent"
	if b.Automation == "" {
		next = "correct --where: default() says what to take for a value that is absent"
	}
	r.plan.Quarantined = append(r.plan.Quarantined, ident.QuarantineItem{
		Name: nameOf(c.Entry) + " (" + string(c.DN) + ")", Cause: c.unclear.Error(), Next: next,
	})
}

func (b Beginning) instance(o ident.Entry, r *run, limit *store.StartLimit) store.NewInstance {
	trigger := "command"
	if b.Automation != "" {
		trigger = "schedule"
	}
	return store.NewInstance{
		Orchestration: b.Orchestration, Definition: b.Definition, Automation: b.Automation, Trigger: trigger, Run: r.ID, By: r.By,
		GUID: o.GUID, DN: o.DN, Name: nameOf(o), Step: b.First, Limit: limit,
	}
}

// nameOf is how people know an object.
func nameOf(o ident.Entry) string {
	for _, name := range nameAttributes {
		if v := o.Attributes.First(name); v != "" {
			return v
		}
	}
	return o.DN.Name()
}

// nameAttributes are the attributes of nameOf.
var nameAttributes = []string{"displayName", "sAMAccountName"}

func (b Beginning) limit(ctx context.Context) (*store.StartLimit, error) {
	people := 0
	if !b.Limit.Unlimited && b.Limit.Percent > 0 {
		var err error
		if people, err = b.People(ctx); err != nil {
			return nil, fmt.Errorf("look at limits.start, which is a percentage: %w", err)
		}
	}
	return &store.StartLimit{Most: b.Limit.Of(people)}, nil
}
