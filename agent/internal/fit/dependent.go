package fit

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/macro"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// setEach compiles what an endpoint has that is called for each record of another.
func setEach(out *endpoint.Endpoint, application string, cfg *config.Config, change config.Endpoint, m abi.Manifest) error {
	var err error
	scope := macro.Scope(cfg.EndpointScope(expr.NameParent), m)
	out.Each, err = endpoint.CompileEach(change.ForEach, *out, cfg.KeyTemplate(application, change), scope)
	if err != nil {
		return fmt.Errorf("%s: endpoint %s: %w", change.Pos, out.Name, err)
	}
	out.One, out.NoOne = nil, "it is called for each record of endpoint "+change.ForEach
	out.Mode, out.Repeat, out.Keyed = abi.ModeFull, abi.Repeat{}, false // whatever the connector's endpoint is: one answer about one record
	return nil
}

// depend adds a dependent endpoint, and notes what it needs of its parents.
func (f *Fitted) depend(
	conf config.Automation, data config.DataSource, e endpoint.Endpoint, m abi.Manifest, now time.Time, app config.Application,
) []error {
	fields, err := e.ParentFields()
	if err != nil {
		return []error{fmt.Errorf("%s: endpoint %s: %w", app.Endpoints[e.Name].Pos, e.Name, err)}
	}
	if f.parent == nil {
		f.parent = map[string][]string{}
	}
	f.parent[e.Each.Of] = slices.Concat(f.parent[e.Each.Of], fields)
	e.Key = keyPointer(data.PrimaryKey) // the definition of an endpoint needs one; nothing is looked for there
	j := Joined{Endpoint: e, known: knownEndpoint(app, e, m, now)}
	f.Joined = append(f.Joined, j)
	f.Warnings = append(f.Warnings, unknownFields(conf, data, m, e.Name, j.attributes(m))...)
	return nil
}
