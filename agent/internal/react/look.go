package react

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// look evaluates filters for the events that are judged together.
type look struct {
	store     Store
	directory Directory
	now       time.Time        // when the judging began
	clock     func() time.Time // the present time
	slow      *slow
}

// slow is a directory that took long to fail. It is not asked again for a while, as
// events that need nothing of it wait meanwhile.
type slow struct {
	err   error
	until time.Time
}

// tooLong is how long the directory may take to fail before it is left alone.
const tooLong = time.Second

// ask asks the directory.
func (l *look) ask(do func() error) error {
	began := l.clock()
	if began.Before(l.slow.until) {
		return l.slow.err
	}
	err := do()
	if now := l.clock(); err != nil && now.Sub(began) > tooLong {
		*l.slow = slow{err, now.Add(patience)}
	}
	return err
}

// holds reports whether an event is in the filter of an automation. unclear says why
// that cannot be told of this event, and err why it cannot be told for the moment.
func (l *look) holds(
	ctx context.Context, e ident.Event, a Automation, change *orchestration.Change,
) (holds bool, unclear, err error) {
	if a.Filter == nil {
		return true, nil, nil
	}
	gone := slices.Contains(e.Kinds(), ident.EventDeleted)
	v := orchestration.Values{
		Object: &ident.Entry{GUID: e.GUID, DN: e.DN, Attributes: e.Image}, Gone: gone, Change: change, Now: l.now,
	}
	if e.From != "" {
		v.Old = &ident.Entry{GUID: e.GUID, DN: e.From, Attributes: e.Before()}
	}
	if a.Filter.Uses("links") {
		links, err := l.store.LinksOf(ctx, e.GUID)
		if err != nil {
			return false, nil, err
		}
		for _, link := range links {
			v.Links = append(v.Links, orchestration.LinkOf(link))
		}
	}
	read := slices.Concat(attributes(a.Filter, "ad"), attributes(a.Filter, "old"), attributes(a.Filter, "manager"))
	err = l.ask(func() (err error) { v.Schema, err = l.directory.Schema(ctx, read); return err })
	if err != nil {
		return false, nil, &unreadError{error: fmt.Errorf("read the schema: %w", err), lasting: true}
	}
	if a.Filter.Uses("manager") {
		v.Manager, err = l.manager(ctx, e, attributes(a.Filter, "manager"))
		if errors.Is(err, ErrElsewhere) {
			return false, err, nil
		}
		if err != nil {
			return false, nil, err
		}
	}
	holds, unclear = a.Filter.Holds(v)
	return holds, unclear, nil
}

// manager returns the object that the attribute manager names: from the mirror,
// which is as old as the event, or else from the directory.
func (l *look) manager(ctx context.Context, e ident.Event, read []string) (*ident.Entry, error) {
	dn := ident.DN(e.Image.First("manager"))
	if dn == "" {
		return nil, nil
	}
	m, found, err := l.store.EntryByDN(ctx, dn)
	if err != nil {
		return nil, err
	}
	if !found {
		err = l.ask(func() (err error) { m, found, err = l.directory.Named(ctx, dn, read); return err })
		if err != nil {
			return nil, &unreadError{error: fmt.Errorf("read the manager of %s: %w", e.DN, err)}
		}
	}
	if !found {
		return nil, nil
	}
	return &m, nil
}

// attributes lists what a filter uses of an object.
func attributes(f *orchestration.Filter, object string) []string {
	names, all := f.Attributes(object)
	if all {
		names = append(names, "*")
	}
	return names
}

// unreadError says that something beside the object of an event cannot be read for the
// moment.
type unreadError struct {
	error
	lasting bool // the event waits for as long as that lasts
}

func (e *unreadError) Unwrap() error { return e.error }
