package config

import (
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// Complete returns a webhook that a step names, and where its members stand in
// the file.
type Complete func(ref string) (orchestration.Webhook, map[string]Pos)

// OrchestrationDefinition returns an orchestration in the form that package
// orchestration compiles, and what it may refer to.
func (c *Config) OrchestrationDefinition(name string, complete Complete) (orchestration.Definition, orchestration.Options) {
	o := c.Orchestrations[name]
	d := orchestration.Definition{
		Name: name, Description: o.Description, OnError: orchestration.OnError(o.OnError), CancelWhen: textOf(o.CancelWhen),
		Within: orchestration.Duration(o.Within), Password: c.getsPassword(name),
	}
	called := map[int]map[string]Pos{}
	for i, s := range o.Steps {
		step := s.definition()
		if s.Webhook != "" {
			w, members := complete(s.Webhook)
			step.Webhook, called[i] = &w, members
		}
		d.Steps = append(d.Steps, step)
	}
	if d.NeedsLookups() {
		d.Lookups = c.Lookups
	}
	return d, orchestration.Options{
		Applications: sortedKeys(c.Applications),
		Place: func(step int, member string) Pos {
			in := path{"orchestrations", name}
			if step == orchestration.Whole {
				return c.memberPlace(in, member)
			}
			in = in.with("steps").item(step)
			if inCall, ok := strings.CutPrefix(member, "webhook."); ok {
				if pos, set := called[step][inCall]; set {
					return pos
				}
				member = "webhook"
			}
			return c.memberPlace(in, member)
		},
	}
}

// memberPlace returns where a member such as mail.subject, mail.to[0] or
// command.0 stands.
func (c *Config) memberPlace(at path, member string) Pos {
	for _, part := range strings.FieldsFunc(member, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := at.with(part)
		if i, err := strconv.Atoi(part); err == nil {
			if next = at.item(i); !c.written(next) {
				continue // one text stands for a list of one
			}
		}
		at = next
	}
	return c.Place(at...)
}

func (c *Config) written(at path) bool {
	_, ok := c.places[at.index()]
	return ok
}

func textOf(t *Text) string {
	if t == nil {
		return ""
	}
	return t.Text
}

func textsOf(list []Text) []string {
	var out []string
	for _, t := range list {
		out = append(out, t.Text)
	}
	return out
}

// definition returns the step without its webhook.
func (s Step) definition() orchestration.Step {
	out := orchestration.Step{
		Name: s.Name, If: textOf(s.If), Command: textsOf(s.Command), WaitUntil: textOf(s.WaitUntil),
		Delay: orchestration.Duration(s.Delay), Deadline: orchestration.Duration(s.Deadline),
		Retry: orchestration.Retry{
			Attempts: s.Retry.Attempts, Backoff: orchestration.Duration(s.Retry.Backoff), Max: orchestration.Duration(s.Retry.Max),
		},
	}
	if s.OnError != nil {
		onError := orchestration.OnError(*s.OnError)
		out.OnError = &onError
	}
	if d := s.Directory; d != nil {
		out.Directory = &orchestration.Directory{Action: d.Action, OU: textOf(d.OU), Groups: textsOf(d.Groups)}
		for name, t := range d.Attributes {
			if out.Directory.Attributes == nil {
				out.Directory.Attributes = map[string]string{}
			}
			out.Directory.Attributes[name] = t.Text
		}
	}
	if m := s.Mail; m != nil {
		out.Mail = &orchestration.Mail{
			To: textsOf(m.To), Cc: textsOf(m.Cc), Subject: textOf(m.Subject), Text: textOf(m.Text), HTML: textOf(m.HTML),
		}
	}
	return out
}
