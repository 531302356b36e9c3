package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
)

// Definition returns the mapping of a data source together with the OU and the
// groups of an automation. Its settings are those that the file sets; the
// defaults of a connector's manifest are not included.
func (c *Config) Definition(a Automation) mapping.Definition {
	d := c.DataSources[a.DataSource]
	key, _ := d.KeyField()
	return mapping.Definition{
		Primary:    key,
		Endpoints:  d.Endpoints,
		Where:      d.Where,
		Attributes: d.definitions(),
		OU:         a.OU,
		Groups:     a.Groups,
		Lookups:    c.Lookups,
		Settings:   c.Applications[d.Application].Settings,

		EnableWhen: a.EnableWhen, DisableWhen: a.DisableWhen,
	}
}

// definitions returns the attributes in the order of their names.
func (d DataSource) definitions() []mapping.AttributeDef {
	var defs []mapping.AttributeDef
	for _, name := range sortedKeys(d.Attributes) {
		a := d.Attributes[name]
		def := mapping.AttributeDef{
			Name: a.Name, Pos: a.Pos,
			Value: a.Value, Formats: a.Formats, Values: a.Values,
			Unique: a.Unique, Suffix: a.Suffix,
			Apply: a.Apply, OnMissing: a.OnMissing, Default: a.Default, Absent: a.Absent,
			Add: a.Merge == MergeAdd, Directory: a.Authoritative == AuthorityDirectory, Encoding: a.Encoding, Raw: a.Raw,
		}
		if a.Reference != nil || len(a.References) > 0 {
			def.Value, def.Values, def.Reference = a.Reference, a.References, true
		}
		if a.Attach != nil {
			def.Value, def.Attach, def.Encoding = a.Attach, true, mapping.EncodingBase64
		}
		defs = append(defs, def)
	}
	return defs
}

// compileMappings compiles each data source once for each automation that uses
// it. An unused data source is compiled alone, so that its errors are found too.
func (l *loader) compileMappings() {
	known := l.knownPlaces()
	used := map[string]bool{}
	for _, name := range sortedKeys(l.config.Automations) {
		a := l.config.Automations[name]
		used[a.DataSource] = true
		a.Mapper = l.compile(path{"automations", name}, a, known)
		l.config.Automations[name] = a
	}
	for _, name := range sortedKeys(l.config.DataSources) {
		if !used[name] {
			l.compile(path{"data_sources", name}, Automation{DataSource: name}, known)
		}
	}
}

// compile compiles one mapping and reports its errors, except at places that
// have an error already.
func (l *loader) compile(at path, a Automation, known map[Pos]bool) *mapping.Mapper {
	if _, ok := l.config.DataSources[a.DataSource]; !ok {
		return nil
	}
	m, errs := mapping.Compile(l.config.Definition(a))
	if where := l.config.DataSources[a.DataSource].Where; m != nil && m.WhereIsFixed() {
		l.warnings = append(l.warnings, Warning{
			Pos: where.Pos, Key: "data_sources." + a.DataSource + ".where",
			Message: "where does not look at the record: it is the same for everybody", Hint: "name a field, such as user.active",
		})
	}
	if m != nil {
		for _, key := range m.FixedStates() {
			l.failKey(at.with(string(key)), string(key)+" does not look at the record: it is the same for everybody",
				"name a field, such as user.last_day")
		}
	}
	for _, err := range errs {
		var wrong *expr.Error
		if errors.As(err, &wrong) && known[wrong.Pos] {
			continue
		}
		l.failExpression(at, err)
	}
	if m != nil {
		l.failMisfits(a.DataSource, m)
	}
	return m
}

// failMisfits reports what AD's own schema lets no account have, whatever the
// records hold. What is out of range is a warning only: a forest may have widened
// the range.
func (l *loader) failMisfits(source string, m *mapping.Mapper) {
	for _, f := range m.Misfits(ident.UsualSchema()) {
		wrong := Error{
			Pos: f.Pos, Key: path{"data_sources", source, "attributes", f.Attribute}.String(),
			Message: f.Attribute + ": " + f.Cause, Hint: f.Next, bearable: true,
		}
		if f.Range {
			l.warnings = append(l.warnings, wrong.warning())
			continue
		}
		l.errs = append(l.errs, wrong)
	}
}

// knownPlaces returns the places of the errors so far, and of the names of the
// attributes that contain one. An error that only follows from another is not
// reported.
func (l *loader) knownPlaces() map[Pos]bool {
	known := map[Pos]bool{}
	for _, e := range l.errs {
		known[e.Pos] = true
		parts := strings.SplitN(e.Key, ".", 5)
		if i := slices.Index(parts, "attributes"); i == 2 && len(parts) > 3 {
			known[l.key(path{"data_sources", parts[1], "attributes", parts[3]})] = true
		}
	}
	return known
}
