package orchestration

import (
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// linkAgain is when a step that waits for a link looks again, should nobody have told it
// that the earlier orchestration has gone on.
const linkAgain = 10 * time.Minute

// linksLater waits with a call that has to do with the link of the object while an
// earlier orchestration for it, such as one that greets newcomers, may yet make or end
// that link. Otherwise what changes meanwhile would be taken for a change of somebody
// whom the application does not know, and be lost.
func (t *transition) linksLater(step *step, values Values) bool {
	t.s.Reason, t.s.Linking = "", false
	if step.kind != KindWebhook || slices.Contains(values.From, step.Webhook.Application) ||
		!slices.Contains(values.Linking, step.Webhook.space()) || !t.needsLink(step, values) {
		return false
	}
	t.s.Reason = "waits for an earlier orchestration for this object, which may yet make or end its link to " + step.Webhook.space().String()
	t.wait(PhaseEnter, t.now.Add(linkAgain))
	t.s.Linking = true
	return true
}

// needsLink reports whether the link decides what the step does. A step that is skipped
// with any link waits for nothing.
func (t *transition) needsLink(step *step, values Values) bool {
	uses := func(u use) bool { return u.name == "link" || u.name == "links" }
	if step.condition != nil && !slices.ContainsFunc(step.uses, func(u use) bool { return u.member == "if" && uses(u) }) {
		if holds, reason := truth("if", step.condition, t.o.env(t.s.Step, t.s, values)); reason != "" || !holds {
			return false
		}
	}
	call := step.Webhook.Call
	return call.LinkKey != "" || call.EndsLink || slices.ContainsFunc(step.uses, uses)
}

// Spaces lists the spaces that webhooks of the orchestration are about.
func (o *Orchestration) Spaces() (spaces []ident.Space) {
	for _, s := range o.steps {
		if s.kind == KindWebhook && !slices.Contains(spaces, s.Webhook.space()) {
			spaces = append(spaces, s.Webhook.space())
		}
	}
	return spaces
}

// MayLink reports whether a step that is still to come, or under way, makes a link in a
// space. A loop makes every step one that may still come.
func (o *Orchestration) MayLink(s State, space ident.Space) bool {
	from := s.Step
	if slices.ContainsFunc(o.steps, func(one step) bool { return one.failed != nowhere && one.failed <= s.Step }) {
		from = 0
	}
	return slices.ContainsFunc(o.steps[min(from, len(o.steps)):], func(one step) bool {
		return one.kind == KindWebhook && one.Webhook.Call.LinkKey != "" && one.Webhook.space() == space
	})
}

// EndsLink reports whether a call is under way that ends the link in a space.
func (o *Orchestration) EndsLink(s State, space ident.Space) bool {
	if s.Phase != PhaseDelivering {
		return false
	}
	w := o.steps[s.Step].Webhook
	return w.Call.EndsLink && w.space() == space
}

// space is where the link of the webhook is.
func (w *Webhook) space() ident.Space { return ident.SpaceOf(w.Application, w.LinkKind) }
