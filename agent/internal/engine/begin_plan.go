package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// BeginObject is what a run does, or would do, about one object.
type BeginObject struct {
	GUID     ident.GUID    `json:"guid"`
	DN       ident.DN      `json:"dn"`
	Name     string        `json:"name"`
	Verdict  store.Verdict `json:"verdict"`
	Instance int64         `json:"instance,omitempty"`
	Cause    string        `json:"cause,omitempty"`
}

// VerdictUnclear says that the filter cannot be evaluated for an object: nothing
// begins.
const VerdictUnclear store.Verdict = "unclear"

// BeginPlan is what a run would do.
type BeginPlan struct {
	Orchestration string `json:"orchestration"`
	Automation    string `json:"automation,omitempty"`
	BeginCounts
	// Limit says how many may begin in 24 hours, and how many have.
	Limit   string        `json:"limit"`
	Objects []BeginObject `json:"objects"` // the first ones
	More    int           `json:"more,omitempty"`
}

// PlanBegin returns what a run would do. Nothing is recorded. each, when it is not
// nil, is called for every object.
func (e *Engine) PlanBegin(ctx context.Context, b Beginning, each func(BeginObject) error) (BeginPlan, error) {
	p := BeginPlan{Orchestration: b.Orchestration, Automation: b.Automation, Objects: []BeginObject{}}
	limit, err := b.limit(ctx)
	if err != nil {
		return p, err
	}
	used, err := e.Store.CountStarts(ctx, b.Automation, b.Orchestration, e.Now().Add(-24*time.Hour))
	if err != nil {
		return p, err
	}
	p.Limit = limitText(b.Limit, *limit, used)
	anew := store.Anew{At: e.Now(), Once: b.Once, Every: b.Every}
	err = e.connected(ctx, func(client Directory) error {
		return e.look(ctx, client, b, &p.BeginCounts, func(batch []candidate) error {
			for _, c := range batch {
				o, err := e.judgeBegin(ctx, b, anew, c, *limit, &used)
				if err == nil && each != nil {
					err = each(o)
				}
				if err != nil {
					return err
				}
				p.add(o.Verdict)
				if len(p.Objects) < mostObjects {
					p.Objects = append(p.Objects, o)
				} else {
					p.More++
				}
			}
			return nil
		})
	})
	what := "automation " + b.Automation
	if b.Automation == "" {
		what = "orchestration " + b.Orchestration
	}
	return p, stoppedPlan(ctx, what, err)
}

// judgeBegin says what a run would do about one object, after as many as used.
func (e *Engine) judgeBegin(
	ctx context.Context, b Beginning, anew store.Anew, c candidate, limit store.StartLimit, used *int,
) (BeginObject, error) {
	o := BeginObject{GUID: c.GUID, DN: c.DN, Name: nameOf(c.Entry)}
	if c.unclear != nil {
		o.Verdict, o.Cause = VerdictUnclear, c.unclear.Error()
		return o, nil
	}
	st, err := e.Store.Beginnings(ctx, b.Automation, b.Orchestration, c.GUID)
	if err != nil {
		return o, err
	}
	switch against := anew.Against(st); {
	case against != nil:
		o.Verdict, o.Instance, o.Cause = against.Verdict, against.Instance, against.Cause
	case limit.Most >= 0 && *used >= limit.Most:
		o.Verdict, o.Cause = store.VerdictHold, store.TooMany(*used, limit.Most)
	default:
		*used++
		o.Verdict = store.VerdictBegin
	}
	return o, nil
}

// limitText says what limits.start allows.
func limitText(l plan.Limit, most store.StartLimit, used int) string {
	if most.Most < 0 {
		return "any number may begin"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "limits.start %s: %d may begin in 24 hours", l, most.Most)
	if used > 0 {
		fmt.Fprintf(&b, ", %d have", used)
	}
	return b.String()
}
