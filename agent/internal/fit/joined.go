package fit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/endpoint"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Joined is a further endpoint of a data source, whose records are joined to those of
// the first.
type Joined struct {
	Endpoint endpoint.Endpoint // with the key by which they are joined
	known    *abi.Endpoint     // see Fitted
}

func (j Joined) attributes(m abi.Manifest) []abi.Attribute { return attributesOf(j.known, m) }

// Fields returns the top-level fields that a run needs of the records of the endpoint that
// leads.
func (f Fitted) Fields() []string { return merged(f.Mapper.Fields(), f.parent[f.Endpoint.Name]) }

// FieldsOf is Fields for a further endpoint: those that the mapping uses, the key, and those
// that dependent endpoints use.
func (f Fitted) FieldsOf(j Joined) []string {
	fields := slices.Clone(f.Mapper.FieldsOf(j.Endpoint.Name))
	if j.Endpoint.Each == nil {
		key, _ := config.DataSource{PrimaryKey: j.Endpoint.Key}.KeyField()
		fields = append(fields, key)
	}
	return merged(fields, f.parent[j.Endpoint.Name])
}

// merged returns the names of both lists, sorted. It is never nil, which would mean all
// fields.
func merged(a, b []string) []string {
	all := append(append([]string{}, a...), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// join combines the further endpoints of the data source with the manifest.
func (f *Fitted) join(cfg *config.Config, conf config.Automation, m abi.Manifest, now time.Time) (wrong []error) {
	data := cfg.DataSources[conf.DataSource]
	app := cfg.Applications[data.Application]
	for _, name := range data.Endpoints[1:] {
		called, err := endpointOf(cfg, app, data, name, m)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if called.Each != nil {
			wrong = append(wrong, f.depend(conf, data, called, m, now, app)...)
			continue
		}
		own := called.Key
		called.Key = keyPointer(data.PrimaryKey)
		set := app.Endpoints[name].Key
		if set != nil && *set != "" {
			called.Key = *set
		}
		withoutOne(&called, own, "the key that the records are joined by")
		j := Joined{Endpoint: called, known: knownEndpoint(app, called, m, now)}
		if err := f.wrongJoin(cfg, data, j, m); err != nil {
			wrong = append(wrong, err)
			continue
		}
		f.Joined = append(f.Joined, j)
		f.Warnings = append(f.Warnings, unknownFields(conf, data, m, name, j.attributes(m))...)
	}
	wrong = append(wrong, f.checkParents(m)...)
	if !slices.ContainsFunc(f.Joined, func(j Joined) bool { return j.Endpoint.Mode == abi.ModeChanges }) &&
		(f.Endpoint.Mode != abi.ModeChanges || len(f.Joined) == 0) {
		return wrong
	}
	return append(wrong, fmt.Errorf("%s: data source %s: an endpoint in mode changes cannot be joined to another: "+
		"what did not change would be joined to nothing; use endpoints in mode full",
		cfg.Place("data_sources", data.Name, "endpoints"), data.Name))
}

// wrongJoin refuses to join records that are not about the same things, or by a field
// that they do not have.
func (f *Fitted) wrongJoin(cfg *config.Config, data config.DataSource, j Joined, m abi.Manifest) error {
	name := j.Endpoint.Name
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: data source %s: endpoint %s %s",
			cfg.Place("data_sources", data.Name, "endpoints"), data.Name, name, fmt.Sprintf(format, args...))
	}
	set := cfg.Applications[data.Application].Endpoints[name].Key
	explicit := set != nil && *set != ""
	table := func(name string) string { return fmt.Sprintf("[applications.%s.endpoints.%s]", data.Application, name) }
	choose := "key = \"/FIELD\" in " + table(name)
	kind, own := kindOf(j.Endpoint, j.known), kindOf(f.Endpoint, f.known)
	switch {
	case f.known == nil && f.Endpoint.Kind == "":
		return refuse("is joined to %s, of which nobody says what its records are: set kind in %s (%q, if they are %ss)",
			f.Endpoint.Name, table(f.Endpoint.Name), kind, kind)
	case j.known == nil && j.Endpoint.Kind == "":
		return refuse("does not say what %s names, and number 7 of another kind is not number 7 of %s: "+
			"if it holds the key of %s, set kind = %q in %s; otherwise name the field that does, too: %s",
			j.Endpoint.Key, f.Endpoint.Name, f.Endpoint.Name, own, table(name), choose)
	case kind != own && j.known == nil:
		return refuse("has a key of the kind %s, and %s of the kind %s: number 7 of the one is not number 7 of the other; "+
			"name the field that holds the key of %s, with kind = %q: %s", kind, f.Endpoint.Name, own, f.Endpoint.Name, own, choose)
	case kind != own && (!explicit || *set == j.known.Key):
		return refuse("has records of the kind %s, and %s of the kind %s: number 7 of the one is not number 7 of the other; "+
			"say which field of it holds the key of the other: %s", kind, f.Endpoint.Name, own, choose)
	}
	field, deeper := config.DataSource{PrimaryKey: j.Endpoint.Key}.KeyField()
	var names []string
	for _, a := range j.attributes(m) {
		if names = append(names, a.Name); a.Name == field && a.Value != "" {
			return refuse("is joined by %s, which connector %s derives from other fields: %s", field, m.Name, choose)
		}
	}
	if len(names) > 0 && !slices.Contains(names, field) && !deeper && !explicit {
		return refuse("has no field %s, by which it would be joined (it has: %s): say which field holds that key: %s",
			field, strings.Join(names, ", "), choose)
	}
	return nil
}
