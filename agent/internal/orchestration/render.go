package orchestration

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Rendered is a step with the values of one object. One of its members is set.
type Rendered struct {
	Webhook   *abi.Webhook
	Directory *Write
	Mail      *Message
	Command   []string // the program and its arguments
}

// Write is what a directory step does.
type Write struct {
	Action     Action
	Attributes []AttributeValues // in the order of their names
	OU         ident.DN
	Groups     []ident.DN
}

// AttributeValues are the values that an attribute gets. Without any it is
// cleared.
type AttributeValues struct {
	Name   string
	Values []string
}

// Message is a mail.
type Message struct {
	To, Cc  []string
	Subject string
	Text    string
	HTML    string
}

// RenderError says why a step cannot be rendered for an object.
type RenderError struct {
	Orchestration, Step string
	Member              string // "mail.subject", "webhook.body"
	Err                 error  // an *expr.Error where the place is known
	Hint                string
}

// Error names the step, the member and the reason.
func (e *RenderError) Error() string {
	s := fmt.Sprintf("orchestration %s: step %s: %s: %v", e.Orchestration, e.Step, e.Member, e.Err)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the reason.
func (e *RenderError) Unwrap() error { return e.Err }

// Render puts the values of an object into a step, counted from 0. A missing
// value is a *RenderError. Another attempt would fail in the same way unless the
// object changes.
func (o *Orchestration) Render(step int, s State, v Values) (Rendered, error) {
	r := renderer{o: o, step: &o.steps[step], state: s, env: o.env(step, s, v)}
	switch r.step.kind {
	case KindWebhook:
		w, err := r.step.webhook.Render(r.env)
		var named *outbound.Error
		if errors.As(err, &named) {
			return Rendered{}, r.failed("webhook."+named.Member, named.Err)
		}
		return Rendered{Webhook: &w}, err
	case KindDirectory:
		w, err := r.write()
		return Rendered{Directory: w}, err
	case KindMail:
		m, err := r.message()
		return Rendered{Mail: m}, err
	case KindCommand:
		argv, err := r.command()
		return Rendered{Command: argv}, err
	case KindDelay, KindWaitUntil:
	}
	return Rendered{}, nil
}

// renderer renders one step.
type renderer struct {
	o     *Orchestration
	step  *step
	state State
	env   expr.Env
}

// failed names the member, and why an answer that it uses is missing.
func (r *renderer) failed(member string, err error) error {
	out := &RenderError{Orchestration: r.o.definition.Name, Step: r.step.Name, Member: member, Err: r.unseen(member, err)}
	for _, u := range r.step.uses {
		if u.member != member || u.name != "steps" || len(u.Path) == 0 {
			continue
		}
		if why := r.missing(u.Path[0]); why != "" {
			out.Hint = why
			break
		}
	}
	return out
}

// unseen takes the message from an error about a text with the password in it,
// as it may quote the value.
func (r *renderer) unseen(member string, err error) error {
	if !slices.ContainsFunc(r.step.uses, func(u use) bool { return u.member == member && u.name == "password" }) {
		return err
	}
	out := &expr.Error{Message: "a value is missing, or has a character that cannot stand there"}
	if r.env["password"] == nil {
		out.Message = "there is no initial password: it has been handed over, or was erased when the orchestration ended"
		out.Hint = "set another password by hand, and tell the person"
	}
	var at *expr.Error
	if errors.As(err, &at) {
		out.Pos = at.Pos
	}
	return out
}

// missing says why a step has no response; "" when it has one.
func (r *renderer) missing(name string) string {
	switch a, ran := r.state.Answers[name]; {
	case !ran:
		return "the step " + name + " has not run"
	case a.Outcome == OutcomeSkipped:
		return "the step " + name + " was skipped, as its condition was false"
	case a.Dropped != "":
		return "the response of " + name + " was not kept: " + a.Dropped
	case a.Outcome == OutcomeFailed:
		return "the step " + name + " failed: " + a.Error
	}
	return ""
}

func (r *renderer) message() (*Message, error) {
	m := &Message{}
	for _, t := range r.step.texts {
		values, err := t.text.Values(r.env)
		if err != nil {
			return nil, r.failed(t.name, err)
		}
		switch part := strings.TrimPrefix(t.name, "mail."); part {
		case "subject":
			m.Subject = strings.Join(values, ", ")
		case "text":
			m.Text = strings.Join(values, ", ")
		case "html":
			m.HTML = strings.Join(values, ", ")
		default:
			for _, address := range values {
				if fault := addressFault(address); fault != "" {
					return nil, r.failed(t.name, fmt.Errorf("%q %s", address, fault))
				}
			}
			if strings.HasPrefix(part, "to[") {
				m.To = append(m.To, values...)
			} else {
				m.Cc = append(m.Cc, values...)
			}
		}
	}
	if len(m.To) == 0 {
		return nil, r.failed("mail.to", errors.New("the lists give no address"))
	}
	return m, nil
}

// addressFault says why a text is not one mail address; "" when it may be. A
// value must not add further recipients.
func addressFault(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is no mail address"
	case strings.Count(s, "@") != 1 || strings.HasPrefix(s, "@") || strings.HasSuffix(s, "@"):
		return "is not one mail address"
	case strings.ContainsAny(s, " \t,;<>()[]\\\""):
		return "has a character that a mail address cannot have"
	}
	return ""
}

func (r *renderer) command() ([]string, error) {
	var argv []string
	for _, t := range r.step.texts {
		s, err := t.text.Render(r.env)
		if err != nil {
			return nil, r.failed(t.name, err)
		}
		if strings.ContainsRune(s, 0) {
			return nil, r.failed(t.name, errors.New("it contains a NUL character, which no argument can"))
		}
		if strings.HasPrefix(s, "-") && t.text.Leads() && !endsOptions(argv) {
			return nil, r.failed(t.name, fmt.Errorf(
				"the value %q begins with -, so that the program could take it for an option: put an argument -- before it", s))
		}
		argv = append(argv, s)
	}
	return argv, nil
}

// endsOptions reports whether an argument before says that no option follows.
func endsOptions(argv []string) bool {
	for _, a := range argv {
		if a == "--" {
			return true
		}
	}
	return false
}

func (r *renderer) write() (*Write, error) {
	d := r.step.Directory
	w := &Write{Action: d.Action}
	for _, t := range r.step.texts {
		if t.dn != nil {
			dns, err := r.dns(t)
			if err != nil {
				return nil, r.failed(t.name, err)
			}
			if d.Action == ActionMove {
				if len(dns) != 1 {
					return nil, r.failed(t.name, fmt.Errorf("it gives %d containers, and an object has one", len(dns)))
				}
				w.OU = dns[0]
			} else {
				w.Groups = append(w.Groups, dns...)
			}
			continue
		}
		values, err := t.text.Values(r.env)
		if err != nil {
			return nil, r.failed(t.name, err)
		}
		w.Attributes = append(w.Attributes, AttributeValues{strings.TrimPrefix(t.name, "directory.attributes."), visible(values)})
	}
	return w, nil
}

// dns renders a text that is a DN, or one expression that gives a list of them.
func (r *renderer) dns(t member) ([]ident.DN, error) {
	v, err := t.dn.Eval(r.env)
	if err != nil {
		return nil, err
	}
	at := t.dn.Source().Pos
	switch {
	case v.V == nil:
		return nil, &expr.Error{Pos: at, Message: v.Cause, Hint: "a DN is needed here"}
	case v.Missing != "":
		return nil, &expr.Error{Pos: at, Message: v.Missing + " is absent", Hint: "a DN is needed here"}
	case v.State == expr.Empty:
		return nil, &expr.Error{Pos: at, Message: "the text is empty", Hint: "a DN is needed here"}
	}
	var out []ident.DN
	for _, s := range v.Strings() {
		dn, err := ident.ParseDN(s)
		if err != nil {
			return nil, &expr.Error{Pos: at, Message: err.Error()}
		}
		out = append(out, dn)
	}
	return out, nil
}

// visible leaves out values without anything visible in them: an attribute that
// gets only such is cleared.
func visible(values []string) []string {
	var out []string
	for _, s := range values {
		if s = text.Trim(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
