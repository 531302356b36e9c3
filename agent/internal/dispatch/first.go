package dispatch

import (
	"cmp"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// First is the first request that an orchestration would send about an object.
type First struct {
	Step        string `json:"step,omitempty"` // that sends it, or that cannot be rendered
	Webhook     string `json:"webhook,omitempty"`
	Application string `json:"application,omitempty"`
	Request     string `json:"request,omitempty"` // as people may see it
	// Before lists the steps that come first and that send nothing: mails, commands,
	// delays, writes to the directory. It is assumed that they succeed.
	Before []string `json:"before,omitempty"`
	// Cause says why there is no request.
	Cause string `json:"cause,omitempty"`
}

const sendsNothing = "no step sends a request"

// mostBefore bounds how many steps First goes through.
const mostBefore = 1000

// FirstOf renders the first request of an orchestration for the values of an object.
// Nothing is sent, and no step is carried out.
func FirstOf(o *orchestration.Orchestration, v orchestration.Values) First {
	var f First
	s := o.Start(v.Now)
	steps := o.Steps()
	for range mostBefore {
		next, d, err := o.Advance(s, v)
		if err != nil {
			f.Cause = err.Error()
			return f
		}
		s = next
		switch d.Do {
		case orchestration.DoDeliver:
			f.render(o, d.Step, s, v)
			return f
		case orchestration.DoAct:
			f.Before = append(f.Before, steps[d.Step].Name+" ("+string(steps[d.Step].Kinds()[0])+")")
			if s, _, err = o.Settle(s, orchestration.Result{}, v.Now, 0); err != nil {
				f.Cause = err.Error()
				return f
			}
			if s.Phase.Ended() {
				f.Cause = cmp.Or(s.Reason, sendsNothing)
				return f
			}
		case orchestration.DoWait:
			if s.Phase == orchestration.PhaseWaiting {
				f.Step, f.Cause = steps[d.Step].Name, s.Reason
				return f
			}
			f.Before = append(f.Before, steps[d.Step].Name+" (delay of "+orchestration.Spell(time.Duration(steps[d.Step].Delay))+")")
			v.Now = s.Next
		case orchestration.DoBlock, orchestration.DoEnd:
			f.Cause = cmp.Or(s.Reason, sendsNothing)
			return f
		case orchestration.DoAdvance:
		}
	}
	f.Cause = "no request comes of it"
	return f
}

func (f *First) render(o *orchestration.Orchestration, step int, s orchestration.State, v orchestration.Values) {
	w := o.Steps()[step].Webhook
	f.Step, f.Webhook, f.Application = o.Steps()[step].Name, w.Ref, w.Application
	r, err := o.Render(step, s, v)
	if err != nil {
		f.Cause = err.Error()
		return
	}
	if o.UsesPassword(step) {
		f.Cause = "the request holds the initial password and is not shown"
		return
	}
	f.Request = request(*r.Webhook)
}
