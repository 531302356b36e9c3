package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// look passes the objects that are in the filter, and those of which that cannot be
// told, to each, batch by batch.
func (e *Engine) look(ctx context.Context, client Directory, b Beginning, counts *BeginCounts, each func([]candidate) error) error {
	reader, done := b.Reader()
	defer done()
	s, err := newSelection(ctx, e.Store, b, reader, e.Now())
	if err != nil {
		return err
	}
	var batch []candidate
	flush := func() error {
		progress.Tell(ctx, progress.Step{Phase: "looking at objects", Done: counts.Looked})
		full := batch
		batch = nil
		if len(full) == 0 {
			return ctx.Err()
		}
		return errors.Join(ctx.Err(), each(full))
	}
	one := func(o ident.Entry) error {
		counts.Looked++
		c := candidate{Entry: o}
		in, err := s.in(ctx, o, &c)
		if err != nil {
			return err
		}
		if in {
			batch = append(batch, c)
		}
		if len(batch) < batchOf && counts.Looked%batchOf != 0 {
			return nil
		}
		return flush()
	}
	for _, guid := range b.Chosen {
		o, err := client.Get(ctx, conn.ByGUID(guid), s.attributes)
		if errors.Is(err, conn.ErrNotFound) {
			continue // it was there a moment ago
		}
		if err == nil {
			err = one(o)
		}
		if err != nil {
			return err
		}
	}
	for _, base := range b.Bases {
		err := client.Search(ctx, conn.Query{Base: base, Filter: b.Search, Attributes: s.attributes}, one)
		if err != nil {
			return fmt.Errorf("look for objects under %s: %w", base, err)
		}
	}
	return flush()
}

// selection evaluates a filter for objects.
type selection struct {
	Beginning
	reader     Reader
	store      *store.Store
	schema     ident.Schema
	attributes []string // to read of each object
	ofManagers []string
	managers   map[string]*ident.Entry // by folded DN, for a while
	now        time.Time
	seen       map[ident.GUID]bool // of Chosen, and of what two searches may both find
}

func newSelection(ctx context.Context, st *store.Store, b Beginning, reader Reader, now time.Time) (*selection, error) {
	s := &selection{
		Beginning: b, reader: reader, store: st, now: now,
		attributes: slices.Clone(nameAttributes), managers: map[string]*ident.Entry{}, seen: map[ident.GUID]bool{},
	}
	if b.Filter == nil {
		return s, nil
	}
	read := func(object string) []string {
		names, all := b.Filter.Attributes(object)
		if all {
			names = append(names, "*")
		}
		return names
	}
	ofObjects := read("ad")
	s.attributes, s.ofManagers = append(s.attributes, ofObjects...), read("manager")
	var err error
	if s.schema, err = reader.Schema(ctx, slices.Concat(ofObjects, s.ofManagers)); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return s, nil
}

// in reports whether an object must be passed on: it is in the filter, or that cannot
// be told. An object that comes a second time is not.
func (s *selection) in(ctx context.Context, o ident.Entry, c *candidate) (bool, error) {
	if len(s.Chosen) > 0 {
		if s.seen[o.GUID] {
			return false, nil
		}
		s.seen[o.GUID] = true
	}
	if s.Filter == nil {
		return true, nil
	}
	v := orchestration.Values{Object: &o, Schema: s.schema, Now: s.now}
	var err error
	if v.Manager, err = s.manager(ctx, o); err != nil {
		return false, err
	}
	if s.Filter.Uses("links") {
		if v.Links, err = s.links(ctx, o.GUID); err != nil {
			return false, err
		}
	}
	holds, unclear := s.Filter.Holds(v)
	c.unclear = unclear
	return holds || unclear != nil, nil
}

func (s *selection) links(ctx context.Context, guid ident.GUID) ([]orchestration.Link, error) {
	found, err := s.store.LinksOf(ctx, guid)
	if err != nil {
		return nil, err
	}
	var links []orchestration.Link
	for _, l := range found {
		links = append(links, orchestration.LinkOf(l))
	}
	return links, nil
}

// mostManagers bounds how many managers are remembered at once.
const mostManagers = 2000

func (s *selection) manager(ctx context.Context, o ident.Entry) (*ident.Entry, error) {
	dn := ident.DN(o.Attributes.First("manager"))
	if len(s.ofManagers) == 0 || dn == "" {
		return nil, nil
	}
	if known, ok := s.managers[dn.Fold()]; ok {
		return known, nil
	}
	e, found, err := s.reader.Named(ctx, dn, s.ofManagers)
	if err != nil {
		return nil, fmt.Errorf("read the manager of %s: %w", o.DN, err)
	}
	if len(s.managers) >= mostManagers {
		clear(s.managers)
	}
	s.managers[dn.Fold()] = nil
	if found {
		s.managers[dn.Fold()] = &e
	}
	return s.managers[dn.Fold()], nil
}
