package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/rights"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// directoryCheck collects what the bind account may do of everything the
// configuration does in the directory. It only reads.
type directoryCheck struct {
	config config.Directory
	client *conn.Client
	found  []Finding
}

// directory binds, and checks every place and attribute that the configuration
// names.
func directory(ctx context.Context, agent Agent) []Finding {
	cfg := agent.Config()
	d := cfg.Directory
	c := &directoryCheck{config: d}
	client, err := agent.Connect(ctx, "")
	switch {
	case errors.Is(err, conn.ErrCredentials):
		c.add("directory", "bind", abi.RightLacking, "%v", err)
		return c.found
	case err != nil:
		c.add("directory", "bind", Failed, "%v", err)
		return c.found
	}
	defer func() { _ = client.Close() }()
	c.client = client
	c.add("directory", "bind", abi.RightGranted, "accepted as %s by %s", d.BindDN, client.Server().URL)
	c.read(ctx, "base_dn", d.BaseDN)
	for _, dn := range d.Scope {
		c.read(ctx, "scope", dn)
	}
	for _, dn := range d.ProtectedGroups {
		c.read(ctx, "protected_groups", dn)
	}
	c.catalog(ctx, agent.Catalog)
	c.anchor(ctx, agent.Mirrored())
	c.changes(ctx, cfg.Triggered)
	for _, name := range slices.Sorted(maps.Keys(cfg.Automations)) {
		conf := cfg.Automations[name]
		if cfg.Applications[cfg.DataSources[conf.DataSource].Application].Enabled {
			c.automation(ctx, conf, cfg.DataSources[conf.DataSource])
		}
	}
	return c.found
}

func (c *directoryCheck) add(use, right string, state abi.RightState, reason string, args ...any) {
	f := abi.Finding{Use: use, Right: right, State: state, Reason: fmt.Sprintf(reason, args...)}
	c.found = append(c.found, Finding{"directory", f})
}

// anchor reports if the anchor attribute is in use for something else, and
// what to use instead.
func (c *directoryCheck) anchor(ctx context.Context, taken []string) {
	right := "carry anchors in " + c.config.Anchor
	use := plan.AnchorUse{Attribute: c.config.Anchor}
	base := c.client.Server().NamingContext
	err := c.client.Search(ctx, conn.Query{
		Base: base, Filter: "(&(sAMAccountType=" + ident.NormalUser + ")(" + c.config.Anchor + "=*))", Attributes: []string{c.config.Anchor},
	}, func(e ident.Entry) error {
		if c.config.Scope.Holds(e.DN) {
			use.Add(e)
		}
		return nil
	})
	switch {
	case err != nil:
		c.add("anchor", right, Failed, "%v", err)
		return
	case use.Count == 0:
		c.add("anchor", right, abi.RightGranted, "no account in scope has anything else in it")
		return
	}
	free, err := mirror.FreeAnchors(ctx, c.client, base, taken)
	if err != nil {
		c.add("anchor", right, Failed, "%v", err)
		return
	}
	c.add("anchor", right, abi.RightLacking, "%s; next: %s", use.Cause(), use.Next(free))
}

// read returns an object, or reports that it does not exist.
func (c *directoryCheck) read(ctx context.Context, use string, dn ident.DN) (rights.Effective, bool) {
	e, err := rights.Of(ctx, c.client, dn)
	right := "read " + string(dn)
	switch {
	case errors.Is(err, conn.ErrNotFound):
		c.add(use, right, abi.RightLacking, "it does not exist, or %s may not see it", c.config.BindDN)
	case err != nil:
		c.add(use, right, Failed, "%v", err)
	default:
		c.add(use, right, abi.RightGranted, "it is there")
		return e, true
	}
	return e, false
}

func (c *directoryCheck) automation(ctx context.Context, conf config.Automation, data config.DataSource) {
	use := "automation " + conf.Name
	var places []ident.DN // where the accounts are that it writes to
	if conf.Action.MakesAccounts() && conf.OU != nil {
		if strings.Contains(conf.OU.Text, "{{") {
			c.add(use, "create accounts", abi.RightUnknown, "the OU is computed for each person: %s", conf.OU.Text)
		} else if c.container(ctx, use, "create accounts in", ident.DN(conf.OU.Text)) && conf.Action == plan.ActionLifecycle {
			places = append(places, ident.DN(conf.OU.Text))
		}
	}
	if to := conf.Missing.MoveTo; to != "" && c.container(ctx, use, "move accounts to", to) {
		places = append(places, to)
	}
	for _, g := range conf.Groups {
		if !strings.Contains(g.Text, "{{") {
			c.group(ctx, use, ident.DN(g.Text))
		}
	}
	c.forest(ctx, use, conf)
	attributes := c.possible(ctx, use, conf, fit.Written(conf, data, c.config.Anchor))
	if len(attributes) > 0 {
		c.attributes(ctx, use, places, attributes)
	}
}

// possible reports what is mapped and no account of this directory can have,
// and returns the attributes that accounts can have.
func (c *directoryCheck) possible(ctx context.Context, use string, conf config.Automation, attributes []string) []string {
	schema, err := mirror.ReadSchema(ctx, c.client, slices.Concat(conf.Mapper.Attributes(), attributes))
	if err != nil {
		c.add(use, "read the schema", Failed, "%v", err)
		return attributes
	}
	for _, f := range conf.Mapper.Misfits(schema) {
		c.add(use, "write "+f.Attribute, abi.RightLacking, "%s; it is mapped at %s; next: %s", f.Cause, f.Pos, f.Next)
	}
	return slices.DeleteFunc(attributes, func(name string) bool { return schema.Rule(name).Unusable != "" })
}

// container finds an OU, and reports whether accounts may be created in it.
func (c *directoryCheck) container(ctx context.Context, use, right string, dn ident.DN) (there bool) {
	e, there := c.read(ctx, use, dn)
	if !there {
		return false
	}
	right += " " + string(dn)
	switch may, known := e.MayCreate("user"); {
	case !known:
		c.add(use, right, abi.RightUnknown, "the domain controller does not tell")
	case may:
		c.add(use, right, abi.RightGranted, "user objects may be made there")
	default:
		c.add(use, right, abi.RightLacking, "delegate to %s on this OU: create user objects", c.config.BindDN)
	}
	return true
}

func (c *directoryCheck) group(ctx context.Context, use string, dn ident.DN) {
	e, there := c.read(ctx, use, dn)
	if !there {
		return
	}
	right := "add members to " + string(dn)
	switch lacking, unheardOf, known := e.Unwritable([]string{"member"}); {
	case !known:
		c.add(use, right, abi.RightUnknown, "the domain controller does not tell")
	case len(unheardOf) > 0:
		c.add(use, right, abi.RightLacking, "it is no group")
	case len(lacking) > 0:
		c.add(use, right, abi.RightLacking, "delegate to %s on this group: write member", c.config.BindDN)
	default:
		c.add(use, right, abi.RightGranted, "member may be written")
	}
}

// attributes checks the attributes on one account of each place. Without
// places, the account may be anywhere in scope, and a container without
// accounts is not reported.
func (c *directoryCheck) attributes(ctx context.Context, use string, places []ident.DN, attributes []string) {
	anywhere := len(places) == 0
	if anywhere {
		places = c.config.Scope
	}
	tried := 0
	for _, place := range places {
		right := "write to accounts in " + string(place)
		e, there, err := rights.Sample(ctx, c.client, place)
		switch {
		case errors.Is(err, conn.ErrNotFound):
			continue // reported with the place
		case err != nil:
			c.add(use, right, Failed, "%v", err)
		case there:
			c.sample(use, right, e, attributes)
		case anywhere:
			continue
		default:
			c.add(use, right, abi.RightUnknown, "there is no account yet to see it on")
		}
		tried++
	}
	if tried == 0 {
		c.add(use, "write to accounts", abi.RightUnknown, "there is no account in scope yet to see it on")
	}
}

func (c *directoryCheck) sample(use, right string, e rights.Effective, attributes []string) {
	lacking, unheardOf, known := e.Unwritable(attributes)
	switch {
	case !known:
		c.add(use, right, abi.RightUnknown, "the domain controller does not tell")
	case len(lacking)+len(unheardOf) == 0:
		c.add(use, right, abi.RightGranted, "seen on %s: %s", e.DN, strings.Join(attributes, ", "))
	}
	if len(lacking) > 0 {
		c.add(use, right, abi.RightLacking, "seen on %s: delegate to %s: write %s", e.DN, c.config.BindDN, strings.Join(lacking, ", "))
	}
	if len(unheardOf) > 0 {
		c.add(use, right, abi.RightLacking, "the directory's schema has no such attribute for accounts: %s", strings.Join(unheardOf, ", "))
	}
}
