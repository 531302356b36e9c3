package dispatch

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// UnavailableError says that an orchestration needs what this agent cannot do.
// Nothing of it is done.
type UnavailableError struct {
	Orchestration, Step string
	What                string
}

// Error names the step and what is missing.
func (e *UnavailableError) Error() string {
	if e.Step == "" {
		return fmt.Sprintf("orchestration %s: %s", e.Orchestration, e.What)
	}
	return fmt.Sprintf("orchestration %s: step %s: %s", e.Orchestration, e.Step, e.What)
}

// Available requires that every step of an orchestration can be carried out. The
// error is an *UnavailableError.
func Available(o *orchestration.Orchestration, actors map[orchestration.Kind]Actor) error {
	d := o.Definition()
	for _, s := range o.Steps() {
		kind := s.Kinds()[0]
		switch kind {
		case orchestration.KindDelay, orchestration.KindWaitUntil, orchestration.KindWebhook:
		default:
			if actors[kind] == nil {
				return &UnavailableError{d.Name, s.Name, fmt.Sprintf("steps of the kind %s are not available yet", kind)}
			}
		}
	}
	return nil
}

// mostDefinitions bounds how many compiled definitions are kept.
const mostDefinitions = 200

// definitions keeps compiled definitions by their digest.
type definitions struct {
	mu    sync.Mutex
	known map[string]compiled
}

type compiled struct {
	*orchestration.Orchestration
	err error
}

// get compiles the definition with a digest once. An error of read is returned as
// it is, and not kept.
func (d *definitions) get(digest string, read func() (json.RawMessage, error)) (c compiled, err error) {
	d.mu.Lock()
	c, ok := d.known[digest]
	d.mu.Unlock()
	if ok {
		return c, nil
	}
	text, err := read()
	if err != nil {
		return compiled{}, err
	}
	c = compile(text)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) >= mostDefinitions {
		d.known = map[string]compiled{}
	}
	d.known[digest] = c
	return c, nil
}

func compile(text []byte) compiled {
	var definition orchestration.Definition
	if err := json.Unmarshal(text, &definition); err != nil {
		return compiled{err: fmt.Errorf("the definition that the instance began with cannot be read: %w", err)}
	}
	o, err := orchestration.Compile(definition, orchestration.Options{})
	return compiled{o, err}
}
