package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// instance is an instance with its compiled definition.
type instance struct {
	store.Instance
	o     *orchestration.Orchestration
	state orchestration.State
}

// StuckError says that an instance cannot go on at all, whatever the directory and
// the applications do.
type StuckError struct{ Err error }

// Error returns the reason.
func (e *StuckError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *StuckError) Unwrap() error { return e.Err }

// compiled adds what an instance needs in order to go on. A *StuckError says that
// it cannot.
func (d *Dispatcher) compiled(ctx context.Context, i store.Instance) (instance, error) {
	c, err := d.definitions.get(i.Digest, func() (json.RawMessage, error) { return d.Store.Definition(ctx, i.Digest) })
	if err != nil {
		return instance{}, err
	}
	out := instance{Instance: i, o: c.Orchestration}
	if c.err != nil {
		return out, &StuckError{c.err}
	}
	if len(i.State) == 0 || string(i.State) == "null" {
		out.state = c.Start(d.Now())
		return out, nil
	}
	if out.state, err = c.ParseState(i.State); err != nil {
		return out, &StuckError{err}
	}
	return out, nil
}

// values returns what the steps of an instance may know, as it is now.
func (d *Dispatcher) values(ctx context.Context, i instance) (orchestration.Values, error) {
	v := orchestration.Values{Settings: d.Sender.Applications()}
	var input orchestration.Input
	if len(i.Input) > 0 {
		if err := json.Unmarshal(i.Input, &input); err != nil {
			return v, &StuckError{fmt.Errorf("what started the instance cannot be read: %w", err)}
		}
	}
	v.Old, v.Change = input.Old, input.Change
	for application := range v.Settings {
		link, found, err := d.Store.LinkByGUID(ctx, application, i.GUID)
		if err != nil {
			return v, err
		}
		if found {
			v.Links = append(v.Links, linkOf(link))
		}
	}
	var err error
	if v.Object, err = d.object(ctx, i); err != nil {
		return v, err
	}
	if v.Schema, err = d.Directory.Schema(ctx, append(attributes(i.o, "ad"), attributes(i.o, "manager")...)); err != nil {
		return v, err
	}
	if v.Manager, err = d.manager(ctx, i, v.Object); err != nil {
		return v, err
	}
	v.Now = d.Now()
	return v, nil
}

func linkOf(l ident.Link) orchestration.Link {
	by := l.Automation
	if by == "" {
		by = l.Orchestration
	}
	return orchestration.Link{Application: l.Application, Key: l.Key, GUID: l.GUID, Automation: by, Origin: l.Origin}
}

// object reads the object of an instance. It returns nil when it no longer exists.
func (d *Dispatcher) object(ctx context.Context, i instance) (*ident.Entry, error) {
	return d.read(ctx, func() (ident.Entry, bool, error) { return d.Directory.Object(ctx, i.GUID, attributes(i.o, "ad")) })
}

// manager reads the object that the attribute manager names, when the orchestration
// uses it.
func (d *Dispatcher) manager(ctx context.Context, i instance, object *ident.Entry) (*ident.Entry, error) {
	if object == nil || !slices.Contains(attributes(i.o, "ad"), "manager") || object.Attributes.First("manager") == "" {
		return nil, nil
	}
	dn := ident.DN(object.Attributes.First("manager"))
	return d.read(ctx, func() (ident.Entry, bool, error) { return d.Directory.Named(ctx, dn, attributes(i.o, "manager")) })
}

// read reads one object. Only so many are read at once.
func (d *Dispatcher) read(ctx context.Context, get func() (ident.Entry, bool, error)) (*ident.Entry, error) {
	select {
	case d.reading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-d.reading }()
	e, found, err := get()
	if err != nil || !found {
		return nil, err
	}
	return &e, nil
}

// attributes lists what must be read of "ad" or "manager".
func attributes(o *orchestration.Orchestration, object string) []string {
	names, all := o.Attributes(object)
	if all {
		names = append(names, "*")
	}
	return names
}
