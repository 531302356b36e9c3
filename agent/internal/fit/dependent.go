package fit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
	out.Each, err = endpoint.CompileEach(change.ForEach, *out, cfg.KeyTemplate(application, change), change.Changed, scope)
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
	f.parent[e.Each.Of] = slices.AppendSeq(f.parent[e.Each.Of], maps.Keys(fields))
	e.Key = keyPointer(data.PrimaryKey) // the definition of an endpoint needs one; nothing is looked for there
	j := Joined{Endpoint: e, known: knownEndpoint(app, e, m, now)}
	f.Joined = append(f.Joined, j)
	f.Warnings = append(f.Warnings, unknownFields(conf, data, m, e.Name, j.attributes(m))...)
	return nil
}

// checkParents warns of fields of parents that the manifest does not list, and refuses those
// that the connector derives: a parent has what the API sends.
func (f *Fitted) checkParents(m abi.Manifest) (wrong []error) {
	attributes := map[string][]abi.Attribute{f.Endpoint.Name: f.attributes(m)}
	for _, j := range f.Joined {
		attributes[j.Endpoint.Name] = j.attributes(m)
	}
	for _, j := range f.Joined {
		if j.Endpoint.Each == nil || len(attributes[j.Endpoint.Each.Of]) == 0 {
			continue
		}
		fields, err := j.Endpoint.ParentFields()
		if err != nil {
			return append(wrong, err)
		}
		known, derived := map[string]bool{}, map[string]bool{}
		for _, a := range attributes[j.Endpoint.Each.Of] {
			known[a.Name], derived[a.Name] = true, a.Value != ""
		}
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			switch {
			case derived[field]:
				wrong = append(wrong, fmt.Errorf("%s: endpoint %s uses parent.%s, which connector %s derives from other fields: "+
					"parent has what the API sends", fields[field], j.Endpoint.Name, field, m.Name))
			case !known[field]:
				hint := strings.Replace(closest(field, slices.Sorted(maps.Keys(known))), `"`, `"parent.`, 1)
				f.Warnings = append(f.Warnings,
					fmt.Sprintf("%s: warning: endpoint %s uses parent.%s, which connector %s does not list for endpoint %s%s",
						fields[field], j.Endpoint.Name, field, m.Name, j.Endpoint.Each.Of, inBrackets(hint)))
			}
		}
	}
	return wrong
}
