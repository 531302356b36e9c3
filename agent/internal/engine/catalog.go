package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Catalog is what a plan needs of a global catalog: it is read, never written to.
type Catalog interface {
	Search(ctx context.Context, q conn.Query, each func(ident.Entry) error) error
	Close() error
}

var _ Catalog = (*conn.Client)(nil)

// catalog is the global catalog of one plan. It is opened when the first name has to
// be looked for in the forest, and not asked again once it has failed.
type catalog struct {
	open   func(context.Context) (Catalog, error)
	client Catalog
	failed *mapping.UnknownHolder
}

func newCatalog(open func(context.Context) (Catalog, error)) *catalog {
	if open == nil {
		return nil
	}
	return &catalog{open: open}
}

func (c *catalog) close() {
	if c != nil && c.client != nil {
		_ = c.client.Close() // nothing was written
	}
}

// search reads the whole forest.
func (c *catalog) search(ctx context.Context, filter string, attributes []string, each func(ident.Entry) error) error {
	if c.client == nil {
		client, err := c.open(ctx)
		if err != nil {
			return err
		}
		c.client = client
	}
	return c.client.Search(ctx, conn.Query{Filter: filter, Attributes: attributes}, each)
}

// abroad says which of the names that must be unique in the forest are in use in what
// is not mirrored of it, which is most of all its other domains. While the catalog does
// not answer, that is not known: a guess could give two people one address.
func (v *view) abroad(names []plan.Name) ([]plan.Elsewhere, error) {
	out := make([]plan.Elsewhere, len(names))
	if v.catalog == nil {
		return out, nil
	}
	var ask []plan.Name
	for i, name := range names {
		switch {
		case !name.Forest:
		case !v.schema.Rule(name.Attribute).Local:
			ask = append(ask, name)
		case !ofExchange(name.Attribute):
			out[i].Unknown = notInCatalogs(name.Attribute)
		}
	}
	found, err := v.inForest(ask)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if !name.Forest || out[i].Unknown != nil {
			continue
		}
		out[i].Unknown = v.catalog.failed
		if holder := first(found, name); holder != nil {
			out[i] = plan.Elsewhere{Holder: string(holder.DN)}
		}
	}
	return out, nil
}

// ofExchange reports whether an attribute holds further addresses. Global catalogs
// have these only after Exchange has extended the schema. Without it the addresses
// that people have are in mail and userPrincipalName, which are always there; to set
// aside everybody who has an address would help nobody.
func ofExchange(attribute string) bool {
	return text.Same(attribute, "proxyAddresses") || text.Same(attribute, targetAddress)
}

func notInCatalogs(attribute string) *mapping.UnknownHolder {
	return &mapping.UnknownHolder{
		Cause: "global catalogs do not hold " + attribute,
		Next: `write unique = "domain" for it; or have global catalogs hold it, with isMemberOfPartialAttributeSet = TRUE of the attribute ` +
			"in the schema of the forest",
	}
}

// inForest finds the objects of the forest that have one of the names. Those that are
// mirrored are left out: the mirror is newer than the catalog.
func (v *view) inForest(names []plan.Name) ([]ident.Entry, error) {
	terms, attributes := v.terms(names)
	if terms == "" || v.catalog.failed != nil {
		return nil, nil
	}
	var found []ident.Entry
	err := v.catalog.search(v.ctx, "(|"+terms+")", attributes, func(e ident.Entry) error {
		found = append(found, e)
		return nil
	})
	if v.ctx.Err() != nil {
		return nil, fmt.Errorf("ask the global catalog for the names of new accounts: %w", errors.Join(err, v.ctx.Err()))
	}
	if err != nil {
		v.catalog.failed = &mapping.UnknownHolder{
			Cause: fmt.Sprintf("the global catalog could not be asked: %v", err),
			Next:  "see that global_catalog of [directory] answers: " + ident.Command("validate --online"),
		}
		return nil, nil
	}
	return v.notMirrored(found)
}

func (v *view) notMirrored(found []ident.Entry) ([]ident.Entry, error) {
	var others []ident.Entry
	for _, e := range found {
		_, mirrored, err := v.image.EntryByGUID(v.ctx, e.GUID)
		if err != nil {
			return nil, fmt.Errorf("look for %s in the mirror: %w", e.DN, err)
		}
		if !mirrored {
			others = append(others, e)
		}
	}
	byDN(others)
	return others, nil
}
