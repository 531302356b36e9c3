package dispatch

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Outgoing is one call to an application.
type Outgoing struct {
	abi.InvokeCall
	// About has the values for templates that the connector has rendered while it
	// carries the call out.
	About *Subject
	// Hide are texts that the call may hold, and that nobody may see again.
	Hide []string
}

// Subject is the object that a call is about, as templates of the connector see it:
// as it is now, also when an earlier attempt saw another. What such a template uses
// is read when it is rendered, as it is not known before. It never has the initial
// password. A Subject is for one call, and not for several goroutines.
type Subject struct {
	from  Source
	guid  ident.GUID
	input orchestration.Input
	step  int
	state orchestration.State
	o     *orchestration.Orchestration
	v     orchestration.Values // what o reads
	reads int
	err   error
}

// mostReads bounds how often one call may make the agent read its object.
const mostReads = 20

// Subject returns the object of a call for the step of an orchestration, counted from
// 0. v is what the orchestration itself reads of it.
func (s Source) Subject(
	o *orchestration.Orchestration, guid ident.GUID, input orchestration.Input, step int, state orchestration.State, v orchestration.Values,
) *Subject {
	v.Password = ""
	return &Subject{from: s, guid: guid, input: input, step: step, state: state, o: o, v: v}
}

// Env returns the values of all names for a text that uses these members of ad,
// manager and old, spelled as they are there; expr.Every stands for all. An error that
// wraps abi.CodeNetwork says that the directory cannot be asked.
func (s *Subject) Env(ctx context.Context, uses map[string][]string) (map[string]any, error) {
	o := s.o.Knowing(uses)
	if !covers(s.o, o) {
		if s.reads++; s.reads > mostReads {
			return nil, fmt.Errorf("the object was read %d times for one call: use its attributes in fewer templates: %w", mostReads, abi.CodeLimit)
		}
		v, err := s.from.Values(ctx, o, s.guid, s.input)
		if err != nil {
			s.err = fmt.Errorf("read the object that the call is about: %w", err)
			return nil, fmt.Errorf("%w: %w", s.err, abi.CodeNetwork)
		}
		s.v = v
	}
	s.o = o
	return o.Env(s.step, s.state, s.v), nil
}

// Unread returns why the object could not be read during the call; nil: it could.
func (s *Subject) Unread() error { return s.err }

// covers reports whether what o reads is enough for other.
func covers(o, other *orchestration.Orchestration) bool {
	if o == other {
		return true
	}
	for _, name := range []string{"ad", "manager"} {
		have := attributes(o, name)
		for _, attribute := range attributes(other, name) {
			if !slices.Contains(have, attribute) {
				return false
			}
		}
	}
	return true
}
