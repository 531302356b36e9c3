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
	unread    map[ident.DN]unread
}

// unread is a manager who could not be read. Nobody asks for the same one again for a
// while: all other events wait meanwhile.
type unread struct {
	err   error
	until time.Time
}

const (
	unreadFast = time.Second // the pause after a failure, and patience after one that took long
	tooLong    = time.Second
)

// named asks the directory for an object.
func (l *look) named(ctx context.Context, dn ident.DN, read []string) (e ident.Entry, found bool, err error) {
	began := l.clock()
	if u, ok := l.unread[dn]; ok && began.Before(u.until) {
		return e, false, u.err
	}
	delete(l.unread, dn)
	e, found, err = l.directory.Named(ctx, dn, read)
	if err != nil && !errors.Is(err, ErrElsewhere) && ctx.Err() == nil {
		pause, now := unreadFast, l.clock()
		if now.Sub(began) > tooLong {
			pause = patience
		}
		l.unread[dn] = unread{err, now.Add(pause)}
	}
	return e, found, err
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
	if v.Schema, err = l.directory.Schema(ctx, read); err != nil {
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
		if m, found, err = l.named(ctx, dn, read); err != nil {
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
