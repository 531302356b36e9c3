package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

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
	if c.err == nil {
		c.err = Available(c.Orchestration, d.Actors())
	}
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
// seen is what was seen of the earlier instances for its object.
func (d *Dispatcher) values(ctx context.Context, i instance) (v orchestration.Values, seen store.Seen, err error) {
	input, err := i.input()
	if err != nil {
		return v, seen, err
	}
	// Before the links: an earlier instance that has ended by now has made its link.
	earlier, err := d.Store.EarlierInstances(ctx, i.GUID, i.ID)
	if err != nil {
		return v, seen, err
	}
	v, err = d.source().Values(ctx, i.o, i.GUID, input)
	v.Linking = d.linking(ctx, earlier, i, v)
	if err == nil && v.Presence == orchestration.PresenceBack {
		v.Presence, err = d.presence(ctx, i.GUID)
	}
	return v, store.SeenOf(earlier), err
}

// presence says whether an object is back that was deleted and that the directory shows.
// The mirror must have it too: the domain controller that was asked is not always the
// one that changes are read from, and may not have heard of the deletion yet.
func (d *Dispatcher) presence(ctx context.Context, guid ident.GUID) (orchestration.Presence, error) {
	_, known, err := d.Store.EntryByGUID(ctx, guid)
	if err != nil || !known {
		return orchestration.PresenceUnsure, err
	}
	return orchestration.PresenceBack, nil
}

// input returns what started the instance.
func (i instance) input() (input orchestration.Input, err error) {
	if len(i.Input) == 0 {
		return input, nil
	}
	if err := json.Unmarshal(i.Input, &input); err != nil {
		return input, &StuckError{fmt.Errorf("what started the instance cannot be read: %w", err)}
	}
	return input, nil
}

func (d *Dispatcher) source() Source {
	return Source{Links: d.Store, Directory: few{d.Directory, d.reading}, Settings: d.Sender.Applications(), Now: d.Now}
}

// Source is where the values come from that steps use.
type Source struct {
	Links     Links
	Directory Directory
	Settings  map[string]map[string]any // by application
	Now       func() time.Time
}

// Links lists the links of an object: *store.Store.
type Links interface {
	LinksOf(ctx context.Context, guid ident.GUID) ([]ident.Link, error)
}

// Values returns what the steps of an orchestration may know of an object, as it
// is now. Only what the steps use is read.
func (s Source) Values(
	ctx context.Context, o *orchestration.Orchestration, guid ident.GUID, input orchestration.Input,
) (orchestration.Values, error) {
	v := orchestration.Values{Settings: s.Settings, Change: input.Change, From: input.From}
	links, err := s.Links.LinksOf(ctx, guid)
	if err != nil {
		return v, err
	}
	for _, link := range links {
		v.Links = append(v.Links, orchestration.LinkOf(link))
	}
	read := attributes(o, "ad")
	if input.Old != nil {
		read = append(read, attributes(o, "old")...)
	}
	e, found, err := s.Directory.Object(ctx, guid, read)
	if err != nil {
		return v, err
	}
	switch {
	case found:
		v.Object = &e
		if input.Deletes() {
			v.Presence = orchestration.PresenceBack
		}
	case input.Image != nil:
		v.Object, v.Gone = input.Image, true
	}
	v.Old = input.Before(v.Object)
	if v.Schema, err = s.Directory.Schema(ctx, append(read, attributes(o, "manager")...)); err != nil {
		return v, err
	}
	if v.Manager, err = s.manager(ctx, o, v.Object); err != nil {
		return v, err
	}
	v.Now = s.Now()
	return v, nil
}

// manager reads the object that the attribute manager names, when the orchestration
// uses it.
func (s Source) manager(ctx context.Context, o *orchestration.Orchestration, object *ident.Entry) (*ident.Entry, error) {
	if object == nil || !slices.Contains(attributes(o, "ad"), "manager") || object.Attributes.First("manager") == "" {
		return nil, nil
	}
	e, found, err := s.Directory.Named(ctx, ident.DN(object.Attributes.First("manager")), attributes(o, "manager"))
	if err != nil || !found {
		return nil, err
	}
	return &e, nil
}

// few reads only so many objects at once.
type few struct {
	Directory
	reading chan struct{}
}

func (f few) Object(ctx context.Context, guid ident.GUID, attributes []string) (ident.Entry, bool, error) {
	return f.read(ctx, func() (ident.Entry, bool, error) { return f.Directory.Object(ctx, guid, attributes) })
}

func (f few) Named(ctx context.Context, dn ident.DN, attributes []string) (ident.Entry, bool, error) {
	return f.read(ctx, func() (ident.Entry, bool, error) { return f.Directory.Named(ctx, dn, attributes) })
}

func (f few) read(ctx context.Context, get func() (ident.Entry, bool, error)) (ident.Entry, bool, error) {
	select {
	case f.reading <- struct{}{}:
	case <-ctx.Done():
		return ident.Entry{}, false, ctx.Err()
	}
	defer func() { <-f.reading }()
	return get()
}

// attributes lists what must be read of "ad" or "manager".
func attributes(o *orchestration.Orchestration, object string) []string {
	names, all := o.Attributes(object)
	if all {
		names = append(names, "*")
	}
	return names
}
