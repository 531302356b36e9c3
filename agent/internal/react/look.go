package react

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// look evaluates filters for the events of one batch.
type look struct {
	store     Store
	directory Directory
	now       time.Time
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
		return false, nil, fmt.Errorf("read the schema: %w", err)
	}
	if a.Filter.Uses("manager") {
		if v.Manager, err = l.manager(ctx, e, attributes(a.Filter, "manager")); err != nil {
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
		if m, found, err = l.directory.Named(ctx, dn, read); err != nil {
			return nil, &unreadError{fmt.Errorf("read the manager of %s: %w", e.DN, err)}
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

// unreadError says that an object beside that of an event cannot be read.
type unreadError struct{ error }

func (e *unreadError) Unwrap() error { return e.error }
