package orchestration

import (
	"slices"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
)

// Options says what an orchestration may refer to beyond its own steps. With the
// zero Options nothing of that is checked. That is right for the definition of
// an instance that runs: what the configuration no longer has shows where it is
// used.
type Options struct {
	Applications []string            // that links may name; nil: any
	Kinds        map[string][]string // that links may name by application; any of an application that is not listed
	Settings     map[string][]string // the names of settings by application; any of an application that is not listed
	AnyMacro     bool                // which macros connectors have is not known: webhooks may name any
	// Place returns where a member begins in a file: of a step counted from 0,
	// or of the orchestration for Whole. Members are named as in MistakeError.
	Place func(step int, member string) expr.Pos
}

// Orchestration is a compiled definition. It is immutable, and safe for
// concurrent use.
type Orchestration struct {
	definition Definition
	steps      []step
	cancel     *expr.Expression // nil: never
	flow       flow
	spelled    spellings
	warnings   []*MistakeError
}

// step is a compiled step. Its name and its defaults are filled in.
type step struct {
	Step
	kind    Kind
	onError OnError
	failed  int // the step after a failure; nowhere when none follows

	condition *expr.Expression // nil: always
	until     *expr.Expression // of wait_until
	webhook   *outbound.Webhook
	texts     []member
	uses      []use // of names in scope, in all of its members
	keeps     bool  // a step refers to its response
}

// member is one text of a mail, a command or a directory step.
type member struct {
	name string // "mail.subject"
	text *outbound.Text
	dn   *expr.Template // instead of text, where the text is a DN
}

// use is a use of a name in one member.
type use struct {
	member, name string
	expr.Reference
}

// compiler collects the mistakes of one definition.
type compiler struct {
	options  Options
	out      *Orchestration
	scope    expr.Scope
	plain    expr.Scope // without password: of macros
	mistakes MistakesError
}

// Compile checks a definition as a whole, and compiles its expressions and
// templates. The error is a MistakesError with all mistakes.
func Compile(d Definition, options Options) (*Orchestration, error) {
	c := compiler{options: options, out: &Orchestration{definition: d}}
	var more []string
	if d.Password {
		more = append(more, "password")
	}
	c.scope, c.plain = c.names(more...), c.names()
	switch {
	case len(d.Steps) == 0:
		c.refuse(Whole, "steps", "", "it has no steps")
	case len(d.Steps) > MaxSteps:
		c.refuse(Whole, "steps", "", "it has %d steps, and at most %d are possible", len(d.Steps), MaxSteps)
		return nil, c.mistakes
	}
	if d.Within < 0 {
		c.refuse(Whole, "within", "", "the time cannot be negative")
	}
	c.name()
	for i := range c.out.steps {
		c.kind(i)
		c.follow(i)
		c.texts(i)
	}
	c.out.flow = flowOf(c.out.steps)
	cancel := c.cancel()
	if len(c.mistakes) == 0 || !c.lacksKind() {
		c.loops()
		c.time()
		c.references(cancel)
	}
	if len(c.mistakes) > 0 {
		return nil, c.mistakes
	}
	c.out.spelled = spelledIn(c.out.steps, cancel)
	return c.out, nil
}

// names returns the names that every member may use, and more.
func (c *compiler) names(more ...string) expr.Scope {
	return outbound.NewScope(more...).WithLookups(c.out.definition.Lookups).WithMembers("link", linkMembers...)
}

// lacksKind reports whether a step has no kind, so that nothing follows from it.
func (c *compiler) lacksKind() bool {
	return slices.ContainsFunc(c.out.steps, func(s step) bool { return s.kind == "" })
}

// name gives each step its name.
func (c *compiler) name() {
	seen := map[string]int{}
	for i, s := range c.out.definition.Steps {
		if s.Name == "" {
			s.Name = "step" + strconv.Itoa(i+1)
		}
		s.Retry = s.Retry.withDefaults()
		c.out.steps = append(c.out.steps, step{Step: s})
		if first, used := seen[s.Name]; used {
			c.refuse(i, "name", "give it another name", "step %d has this name too", first+1)
			continue
		}
		seen[s.Name] = i
	}
}

// kind finds what the step does.
func (c *compiler) kind(i int) {
	s := &c.out.steps[i]
	kinds := s.Kinds()
	if len(kinds) != 1 {
		const one = "a step is one of webhook, directory, mail, command, delay and wait_until"
		if len(kinds) == 0 {
			c.refuse(i, "", one, "it does nothing")
		} else {
			c.refuse(i, "", one, "it is %s and %s at once", kinds[0], kinds[1])
		}
		return
	}
	s.kind = kinds[0]
	if s.Deadline != 0 && s.kind != KindWaitUntil {
		c.refuse(i, "deadline", "", "only wait_until has a deadline")
	}
	for _, w := range s.waits() {
		if w.time < 0 {
			c.refuse(i, w.member, "", "the time cannot be negative")
		}
	}
	if r := s.Retry; r.Attempts < 0 || r.Backoff < 0 || r.Max < 0 {
		c.refuse(i, "retry", "", "attempts and times cannot be negative")
	}
}

// follow finds what follows a failure of the step. Where the orchestration goes
// to a step, that step and those after it stop: they are the way out.
func (c *compiler) follow(i int) {
	s := &c.out.steps[i]
	s.onError, s.failed = c.out.definition.OnError, nowhere
	member := Whole
	if s.OnError != nil {
		s.onError, member = *s.OnError, i
	}
	if s.onError.Do == "" {
		s.onError.Do = OnErrorStop
	}
	switch s.onError.Do {
	case OnErrorStop:
	case OnErrorContinue:
		s.failed = i + 1
	case OnErrorGoto:
		to := c.out.index(s.onError.Goto)
		switch {
		case to == nowhere && (member == i || i == 0):
			c.refuse(member, "on_error", c.suggest(s.onError.Goto), "there is no step %q to go to", s.onError.Goto)
		case member == Whole && to <= i:
			s.onError = OnError{Do: OnErrorStop}
		default:
			s.failed = to
		}
	default:
		if member == i || i == 0 {
			c.refuse(member, "on_error", "write stop, continue or goto", "%q is nothing that can follow a failure", string(s.onError.Do))
		}
	}
}

// cancel compiles cancel_when.
func (c *compiler) cancel() []use {
	text := c.out.definition.CancelWhen
	if text == "" {
		return nil
	}
	e, uses := c.condition(Whole, "cancel_when", text, c.scope)
	c.out.cancel = e
	return uses
}

// index returns the number of the step with that name.
func (o *Orchestration) index(name string) int {
	return slices.IndexFunc(o.steps, func(s step) bool { return s.Name == name })
}

// Definition returns what the orchestration was compiled from.
func (o *Orchestration) Definition() Definition { return o.definition }

// Retry returns how often and when a step, counted from 0, is tried again.
func (o *Orchestration) Retry(step int) Retry { return o.steps[step].Retry }

// Warnings returns what is allowed but probably not meant.
func (o *Orchestration) Warnings() []*MistakeError { return slices.Clone(o.warnings) }

// Steps returns the steps with their names and defaults filled in.
func (o *Orchestration) Steps() []Step {
	out := make([]Step, len(o.steps))
	for i, s := range o.steps {
		out[i] = s.Step
	}
	return out
}
