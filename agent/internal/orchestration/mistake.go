package orchestration

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
)

// Whole stands in a MistakeError for the orchestration itself, which is no step.
const Whole = -1

// MistakeError is a mistake in one member of an orchestration. A caller that
// knows the file finds the line by Step and Member, unless Options.Place has
// told Compile already.
type MistakeError struct {
	Orchestration string
	Step          int    // counted from 0; Whole for a member of the orchestration
	Name          string // of the step
	Member        string // "if", "on_error", "mail.subject", "webhook.body", "command[1]"; "" is the step as a whole
	// Pos is the place, in a file when Options.Place is given. Otherwise lines
	// and columns count from the beginning of the member; the zero Pos is the
	// member as a whole.
	Pos     expr.Pos
	Message string
	Hint    string
}

// Error returns "FILE:LINE:COLUMN: orchestration NAME: step NAME: MEMBER:
// message (hint)".
func (e *MistakeError) Error() string {
	var b strings.Builder
	if p := e.Pos.String(); p != "" {
		b.WriteString(p + ": ")
	}
	b.WriteString("orchestration " + e.Orchestration + ": ")
	if e.Step != Whole {
		b.WriteString("step " + e.Name + ": ")
	}
	if e.Member != "" {
		b.WriteString(e.Member + ": ")
	}
	b.WriteString(e.Message)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// MistakesError holds all mistakes of an orchestration.
type MistakesError []*MistakeError

// Error returns one line a mistake.
func (e MistakesError) Error() string {
	lines := make([]string, len(e))
	for i, m := range e {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the mistakes, for errors.As.
func (e MistakesError) Unwrap() []error {
	out := make([]error, len(e))
	for i, m := range e {
		out[i] = m
	}
	return out
}

// refuse notes a mistake of a member as a whole.
func (c *compiler) refuse(step int, member, hint, format string, args ...any) {
	c.mistakes = append(c.mistakes, c.mistake(step, member, hint, format, args...))
}

// warn notes something that is allowed but probably not meant.
func (c *compiler) warn(step int, member, hint, format string, args ...any) {
	c.out.warnings = append(c.out.warnings, c.mistake(step, member, hint, format, args...))
}

func (c *compiler) mistake(step int, member, hint, format string, args ...any) *MistakeError {
	m := &MistakeError{
		Orchestration: c.out.definition.Name, Step: step, Member: member, Message: fmt.Sprintf(format, args...), Hint: hint,
	}
	if step != Whole {
		m.Name = c.out.steps[step].Name
	}
	if c.options.Place != nil {
		m.Pos = c.options.Place(step, member)
	}
	return m
}

// refuseAt notes a mistake at a place that is known more precisely.
func (c *compiler) refuseAt(step int, member string, pos expr.Pos, hint, format string, args ...any) {
	c.refuse(step, member, hint, format, args...)
	c.mistakes[len(c.mistakes)-1].Pos = pos
}

// refuseError notes an error of the compiler of expressions.
func (c *compiler) refuseError(step int, member string, err error) {
	var x *expr.Error
	if errors.As(err, &x) {
		c.refuseAt(step, member, x.Pos, x.Hint, "%s", x.Message)
		return
	}
	c.refuse(step, member, "", "%v", err)
}

// refuseWebhook notes the mistakes of a webhook, each with its member.
func (c *compiler) refuseWebhook(step int, err error) {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range all.Unwrap() {
			c.refuseWebhook(step, one)
		}
		return
	}
	var w *outbound.Error
	if errors.As(err, &w) {
		c.refuseError(step, "webhook."+w.Member, w.Err)
		return
	}
	c.refuseError(step, "webhook", err)
}
