package orchestration

import (
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// The times between two looks whether an earlier orchestration has made the link: a
// quarter of the time waited so far, within these bounds.
const (
	soonestLink = time.Second
	latestLink  = 30 * time.Second
)

// linksLater waits with a call to an application in which the object has no link yet
// while an earlier orchestration for it, such as one that greets newcomers, may yet make
// that link. Otherwise what changes meanwhile would be taken for a change of somebody
// whom the application does not know, and be lost.
func (t *transition) linksLater(step *step, values Values) bool {
	t.s.Reason = ""
	if step.kind != KindWebhook || slices.Contains(values.From, step.Webhook.Application) ||
		!slices.Contains(values.Linking, step.Webhook.space()) {
		return false
	}
	t.s.Reason = "waits for an earlier orchestration for this object, which may yet make its link to " + step.Webhook.space().String()
	t.wait(PhaseEnter, t.now.Add(min(max(t.now.Sub(t.s.Since)/4, soonestLink), latestLink)))
	return true
}

// Unlinked lists the spaces that webhooks of the orchestration are about and in which
// none of these links is.
func (o *Orchestration) Unlinked(links []Link) (spaces []ident.Space) {
	for _, s := range o.steps {
		if s.kind != KindWebhook {
			continue
		}
		space := s.Webhook.space()
		linked := slices.ContainsFunc(links, func(l Link) bool { return l.space() == space })
		if !linked && !slices.Contains(spaces, space) {
			spaces = append(spaces, space)
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

// space is where the link of the webhook is.
func (w *Webhook) space() ident.Space { return ident.SpaceOf(w.Application, w.LinkKind) }
