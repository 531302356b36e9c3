package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// view is what a plan reads: the mirror as it was when the plan began, the links
// and, for the few groups that matter, the DC itself.
type view struct {
	ctx        context.Context // of the one plan that uses this view
	image      *store.Image
	store      *store.Store // for links
	client     Directory
	space      ident.Space
	automation string
	guard      protector
	members    map[string]map[ident.GUID]bool // by folded DN of the group
	taken      []string                       // attributes that the configuration uses
	others     []*promised                    // what other runs are about to write
	schema     ident.Schema
	catalog    *catalog // nil if none is configured

	hidesDeleted bool  // the bind account is not shown deleted objects
	recycles     *bool // whether the Recycle Bin is on, once it is known
}

// protector says why an account or group must not be touched; "" if it may be.
type protector interface {
	Protected(context.Context, ident.Entry) (string, error)
}

var (
	_ protector = (*write.Guard)(nil)
	_ protector = (*write.Lookup)(nil)
)

var (
	_ plan.View          = (*view)(nil)
	_ plan.AnchorLister  = (*view)(nil)
	_ plan.AnchorAdviser = (*view)(nil)
	_ plan.NameFinder    = (*view)(nil)
)

// close gives back what the view holds.
func (v *view) close() {
	v.image.Close()
	v.catalog.close()
}

func (v *view) EntryByGUID(guid ident.GUID) (ident.Entry, bool, error) {
	return v.image.EntryByGUID(v.ctx, guid)
}

func (v *view) EntriesByValue(attribute, value string) ([]ident.Entry, error) {
	found, err := v.image.EntriesByValue(v.ctx, attribute, value)
	return v.withPromised(found, err, attribute, value, text.Alike)
}

func (v *view) EntriesByName(attribute, value string) ([]ident.Entry, error) {
	found, err := v.image.EntriesByName(v.ctx, attribute, value)
	return v.withPromised(found, err, attribute, value, text.SameName)
}

// withPromised adds the objects that other runs are about to write to those
// found.
func (v *view) withPromised(found []ident.Entry, err error, attribute, value string, same func(a, b string) bool) ([]ident.Entry, error) {
	if err != nil || len(v.others) == 0 {
		return found, err
	}
	promised, err := v.promisedEntries(attribute, value, same)
	return oneEach(found, promised), err
}

func (v *view) ChildrenByName(parent ident.DN, cn string) ([]ident.Entry, error) {
	found, err := v.image.ChildrenByName(v.ctx, parent, cn)
	if err != nil || len(v.others) == 0 {
		return found, err
	}
	promised, err := v.promisedChildren(parent, cn)
	return oneEach(found, promised), err
}

// oneEach returns found and those objects of more that are not in it.
func oneEach(found, more []ident.Entry) []ident.Entry {
	for _, e := range more {
		if !slices.ContainsFunc(found, func(f ident.Entry) bool { return f.GUID == e.GUID }) {
			found = append(found, e)
		}
	}
	return found
}

func (v *view) ContainerExists(dn ident.DN) (bool, error) {
	_, ok, err := v.image.EntryByDN(v.ctx, dn)
	return ok, err
}

// ObjectExists asks the DC about kinds of objects that the mirror does not
// hold. Objects in another domain are left to the write itself.
func (v *view) ObjectExists(dn ident.DN) (bool, error) {
	if _, ok, err := v.image.EntryByDN(v.ctx, dn); ok || err != nil {
		return ok, err
	}
	if !dn.Under(v.client.Server().NamingContext) {
		return true, nil
	}
	_, err := v.client.Get(v.ctx, conn.ByDN(dn), []string{"objectClass"})
	if errors.Is(err, conn.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (v *view) LinkByKey(key ident.Key) (ident.Link, bool, error) {
	return v.store.LinkByKey(v.ctx, v.space, key)
}

func (v *view) LinkByGUID(guid ident.GUID) (ident.Link, bool, error) {
	return v.store.LinkByGUID(v.ctx, v.space, guid)
}

func (v *view) EachLink(each func(ident.Link) error) error {
	return v.store.Links(v.ctx, v.space.Application(), func(l ident.Link) error {
		if l.Automation != v.automation || l.Space() != v.space {
			return nil
		}
		return each(l)
	})
}

// Protected says why an object must not be touched, or "" if it may be.
func (v *view) Protected(e ident.Entry) (string, error) {
	if strings.HasPrefix(string(e.GUID), madeUp) {
		return "", nil // rollcall is about to create it
	}
	return v.guard.Protected(v.ctx, e)
}

// MemberOf asks the DC once per group, because the mirror does not hold
// members.
func (v *view) MemberOf(group ident.DN, guid ident.GUID) (bool, error) {
	known, ok := v.members[group.Fold()]
	if !ok {
		known = map[ident.GUID]bool{}
		err := v.client.Search(v.ctx, conn.Query{
			Base: v.client.Server().NamingContext, Attributes: []string{"cn"},
			Filter: "(memberOf=" + conn.EscapeFilter(string(group)) + ")",
		}, func(e ident.Entry) error {
			known[e.GUID] = true
			return nil
		})
		if err != nil {
			return false, fmt.Errorf("read the members of %s: %w", group, err)
		}
		v.members[group.Fold()] = known
	}
	return known[guid], nil
}

// EachAnchor lists the objects whose anchor starts with prefix.
func (v *view) EachAnchor(attribute, prefix string, each func(ident.Entry) error) error {
	return v.image.EachEntry(v.ctx, func(e ident.Entry) error {
		for _, value := range e.Attributes.Values(attribute) {
			if len(value) >= len(prefix) && value[:len(prefix)] == prefix {
				return each(e)
			}
		}
		return nil
	})
}

// FreeAnchors lists attributes that could hold the anchor.
func (v *view) FreeAnchors() ([]string, error) {
	return mirror.FreeAnchors(v.ctx, v.client, v.client.Server().NamingContext, v.taken)
}
