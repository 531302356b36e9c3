package orchestration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Describe returns the steps for people, one line each:
//
//	1 deactivate  webhook pipedrive/deactivate_user if link != null
//	2 step2       delay 24h
func (o *Orchestration) Describe() []string {
	width := 0
	for _, s := range o.steps {
		width = max(width, len(s.Name))
	}
	out := make([]string, len(o.steps))
	for i, s := range o.steps {
		out[i] = fmt.Sprintf("%*d %-*s  %s", len(fmt.Sprint(len(o.steps))), i+1, width, s.Name, s.describe())
	}
	return out
}

// describe says what the step does, and when.
func (s step) describe() string {
	b := []string{string(s.kind)}
	switch s.kind {
	case KindWebhook:
		b = append(b, s.Webhook.Ref)
	case KindDirectory:
		b = append(b, s.Directory.describe())
	case KindMail:
		b = append(b, "to "+strings.Join(s.Mail.To, ", "))
	case KindCommand:
		b = append(b, s.Command[0])
	case KindDelay:
		b = append(b, Spell(time.Duration(s.Delay)))
	case KindWaitUntil:
		b = append(b, oneLine(s.WaitUntil))
		if s.Deadline > 0 {
			b = append(b, "for at most "+Spell(time.Duration(s.Deadline)))
		}
	}
	if s.If != "" {
		b = append(b, "if "+oneLine(s.If))
	}
	if s.canFail() && s.onError.Do != OnErrorStop {
		b = append(b, "on error "+string(s.onError.Do))
		if s.onError.Do == OnErrorGoto {
			b = append(b, s.onError.Goto)
		}
	}
	return strings.Join(b, " ")
}

func (d *Directory) describe() string {
	switch d.Action {
	case ActionUpdate:
		return "update " + strings.Join(slices.Sorted(maps.Keys(d.Attributes)), ", ")
	case ActionMove:
		return "move to " + d.OU
	case ActionAddGroups, ActionRemoveGroups:
		return string(d.Action) + " " + strings.Join(d.Groups, "; ")
	case ActionEnable, ActionDisable, ActionDelete:
	}
	return string(d.Action)
}

// oneLine makes one line of a text of several.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Spell writes a duration as the configuration does: "24h", "1h30m", "7d".
func Spell(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// OnlyTo reports whether all that the steps do is to call these applications. An
// orchestration that does nothing but wait does not.
func (o *Orchestration) OnlyTo(applications []string) bool {
	does := false
	for _, s := range o.steps {
		switch {
		case s.kind == KindDelay || s.kind == KindWaitUntil:
		case s.kind == KindWebhook && slices.Contains(applications, s.Webhook.Application):
			does = true
		default:
			return false
		}
	}
	return does
}

// Writes reports whether it has steps that write to the directory.
func (o *Orchestration) Writes() bool {
	return slices.ContainsFunc(o.steps, func(s step) bool { return s.kind == KindDirectory })
}

// Sent is what a webhook step sends of its object.
type Sent struct {
	Step, Ref, Application string
	Attributes             []string // of ad, in lower case, sorted
}

// Sends returns which attributes of their object the webhook steps send, in body or
// parameters. Steps that read or delete do not send, nor do those that make a link:
// the object is new to the application. What a step sends of the object as a whole is
// not known.
func (o *Orchestration) Sends() []Sent {
	var out []Sent
	for _, s := range o.steps {
		if s.kind != KindWebhook || s.Webhook.Call.LinkKey != "" || !slices.Contains([]string{"POST", "PUT", "PATCH"}, s.Webhook.Call.Method) {
			continue
		}
		sent := Sent{Step: s.Name, Ref: s.Webhook.Ref, Application: s.Webhook.Application}
		for _, u := range s.uses {
			if u.name == "ad" && len(u.Path) > 0 && (u.member == "webhook.body" || strings.HasPrefix(u.member, "webhook.params.")) {
				sent.Attributes = append(sent.Attributes, text.Lower(u.Path[0]))
			}
		}
		slices.Sort(sent.Attributes)
		sent.Attributes = slices.Compact(sent.Attributes)
		out = append(out, sent)
	}
	return out
}
