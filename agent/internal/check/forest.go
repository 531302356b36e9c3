package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// catalog checks whether the global catalog answers, if one is configured.
func (c *directoryCheck) catalog(ctx context.Context, open func(context.Context) (*conn.Client, error)) {
	if c.config.GlobalCatalog == "" {
		return
	}
	const right = "search the forest"
	client, err := open(ctx)
	if err == nil {
		defer func() { _ = client.Close() }()
		q := conn.Query{Filter: "(objectClass=trustedDomain)", Attributes: []string{"cn"}}
		err = client.Search(ctx, q, func(ident.Entry) error { return nil })
	}
	if err != nil {
		c.add("global_catalog", right, Failed, "%v; whoever is to get a name that is unique in the forest waits meanwhile", err)
		return
	}
	c.add("global_catalog", right, abi.RightGranted, "%s answers for the forest", client.Server().URL)
}

// forest reports what must be unique in the forest although other domains of it
// are not looked at.
func (c *directoryCheck) forest(ctx context.Context, use string, conf config.Automation) {
	var names []string
	for name, unique := range conf.Mapper.Uniques() {
		if unique == mapping.UniqueForest {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	others, err := otherDomains(ctx, c.client)
	switch right := "keep unique in the forest: " + strings.Join(names, ", "); {
	case err != nil:
		c.add(use, right, Failed, "%v", err)
	case len(others) == 0:
	case c.config.GlobalCatalog == "":
		c.add(use, right, abi.RightUnknown, "only %s is looked at: what is in use in %s is not seen before it is written; "+
			"next: name a global catalog in global_catalog of [directory]", c.client.Server().NamingContext, strings.Join(others, ", "))
	default:
		c.inCatalogs(ctx, use, right, names)
	}
}

// inCatalogs reports attributes of which global catalogs know nothing.
func (c *directoryCheck) inCatalogs(ctx context.Context, use, right string, names []string) {
	schema, err := mirror.ReadSchema(ctx, c.client, names)
	if err != nil {
		c.add(use, right, Failed, "%v", err)
		return
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !schema.Rule(name).Local })
	if len(names) > 0 {
		c.add(use, right, abi.RightUnknown, "global catalogs do not hold %s: other domains cannot be looked at for it; "+
			"next: set isMemberOfPartialAttributeSet to TRUE in the schema", strings.Join(names, ", "))
	}
}

// otherDomains lists the domains of the forest besides the one that is connected.
func otherDomains(ctx context.Context, dir mirror.Searcher) ([]string, error) {
	root := dir.Server().ServiceName
	for root != "" && !text.Same(root.RDN(), "CN=Configuration") {
		root = root.Parent()
	}
	if root == "" {
		return nil, nil
	}
	var others []string
	err := dir.Search(ctx, conn.Query{
		Base: "CN=Partitions," + root, Filter: "(&(objectClass=crossRef)(nETBIOSName=*))", Attributes: []string{"nCName"},
	}, func(e ident.Entry) error {
		if name := e.Attributes.First("nCName"); name != "" && !dir.Server().NamingContext.EqualFold(ident.DN(name)) {
			others = append(others, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the domains of the forest: %w", err)
	}
	slices.Sort(others)
	return others, nil
}
