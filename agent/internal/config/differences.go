package config

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Difference is one table that is not the same in two configurations. It names
// keys and holds no values, so that it reveals no secret.
type Difference struct {
	Table string   `json:"table"`          // "directory", "automations.staff"
	Keys  []string `json:"keys,omitempty"` // none when only one of the two has the table
	State string   `json:"state"`          // new, changed or removed
}

// The states of a table on disk, compared with what the agent has.
const (
	tableNew     = "new"
	tableChanged = "changed"
	tableRemoved = "removed"
)

// String returns the difference for people: "[automations.staff] (ou, limits)".
func (d Difference) String() string {
	if d.State == tableChanged {
		return "[" + d.Table + "] (" + strings.Join(d.Keys, ", ") + ")"
	}
	return "[" + d.Table + "] (" + d.State + ")"
}

// Differences lists the tables in which c differs from former. The order, the
// places and the comments in the files do not matter. Secrets are compared by
// their references.
func (c *Config) Differences(former *Config) []Difference {
	return compareTables(former.tables(), c.tables())
}

// DifferencesFor lists the differences that affect what an automation does and
// to which users. Its schedule is left out, and so are the settings for speed
// and logging.
func (c *Config) DifferencesFor(former *Config, automation string) []Difference {
	_, had := former.Automations[automation]
	_, has := c.Automations[automation]
	name := "automations." + keyText(automation)
	switch {
	case had && !has:
		return []Difference{{Table: name, State: tableRemoved}}
	case has && !had:
		return []Difference{{Table: name, State: tableNew}}
	}
	return compareTables(former.tablesFor(automation), c.tablesFor(automation))
}

// tables returns all tables by name, as plain values. Paths are made absolute,
// so that it does not matter from where the file was named.
func (c *Config) tables() map[string]map[string]any {
	all := *c
	for _, path := range []*string{
		&all.Agent.StateDir, &all.Agent.ModulesDir, &all.Directory.CAFile, &all.Mail.CAFile,
		&all.Receiver.TLS.CertFile, &all.Receiver.TLS.KeyFile,
	} {
		if abs, err := filepath.Abs(*path); err == nil && *path != "" {
			*path = abs
		}
	}
	out := map[string]map[string]any{}
	v := reflect.ValueOf(all)
	for name, i := range fieldsOf(v.Type()) {
		if v.Field(i).Kind() != reflect.Map {
			out[name] = tableOf(v.Field(i))
			continue
		}
		for it := v.Field(i).MapRange(); it.Next(); {
			out[name+"."+keyText(it.Key().String())] = tableOf(it.Value())
		}
	}
	for name, a := range c.Triggered {
		out["automations."+keyText(name)] = tableOf(reflect.ValueOf(a))
	}
	delete(out["agent"], "include") // the included files are compared themselves
	return out
}

func (c *Config) tablesFor(automation string) map[string]map[string]any {
	all := c.tables()
	out := map[string]map[string]any{"secrets": all["secrets"]}
	take := func(name string, without ...string) {
		if t, ok := all[name]; ok {
			out[name] = maps.Clone(t)
			maps.DeleteFunc(out[name], func(key string, _ any) bool { return slices.Contains(without, key) })
		}
	}
	if begins, ok := c.Triggered[automation]; ok {
		take("automations."+keyText(automation), "schedule")
		maps.Copy(out, c.tablesOf(begins.Orchestration))
		return out
	}
	a := c.Automations[automation]
	d := c.DataSources[a.DataSource]
	application := "applications." + keyText(d.Application)
	take("automations."+keyText(automation), "schedule")
	take("data_sources."+keyText(a.DataSource), "description")
	take(application, "rate_limit", "daily_budget", "receiver")
	take("directory", "connections", "timeout")
	take("agent", "listen", "log", "include", "allow_commands")
	take("modules", "memory_mib", "call_timeout", "fetch_timeout", "compile_timeout", "compile_memory_mib")
	take("store", "staging_mib")
	for name := range all {
		if strings.HasPrefix(name, "lookups.") {
			take(name)
		}
	}
	if endpoints, ok := out[application]["endpoints"].(map[string]any); ok {
		endpoints = maps.Clone(endpoints)
		maps.DeleteFunc(endpoints, func(name string, _ any) bool { return !slices.Contains(d.Endpoints, name) })
		out[application]["endpoints"] = endpoints
	}
	return out
}

// DifferencesOf is DifferencesFor, for an orchestration that begins.
func (c *Config) DifferencesOf(former *Config, orchestration string) []Difference {
	return compareTables(former.tablesOf(orchestration), c.tablesOf(orchestration))
}

// tablesOf returns the tables that decide what an orchestration does.
func (c *Config) tablesOf(orchestration string) map[string]map[string]any {
	names := []string{"secrets", "mail", "orchestrations." + keyText(orchestration)}
	for _, step := range c.Orchestrations[orchestration].Steps {
		if step.Webhook != "" {
			names = append(names, "webhooks."+keyText(step.Webhook), "applications."+keyText(c.ApplicationOf(step.Webhook)))
		}
	}
	all := c.tables()
	out := map[string]map[string]any{}
	for _, name := range names {
		if table, ok := all[name]; ok {
			out[name] = table
		}
	}
	for name, table := range all {
		if strings.HasPrefix(name, "lookups.") {
			out[name] = table
		}
	}
	out["directory"] = maps.Clone(all["directory"])
	delete(out["directory"], "connections")
	delete(out["directory"], "timeout")
	return out
}

func tableOf(v reflect.Value) map[string]any {
	table, _ := valuesOf(v, func(s SecretRef) any { return s.Reference }).(map[string]any)
	maps.DeleteFunc(table, func(_ string, value any) bool { return empty(value) })
	return table
}

// empty reports whether a value is as good as not set.
func empty(value any) bool {
	v := reflect.ValueOf(value)
	return !v.IsValid() || v.Kind() == reflect.Map && v.Len() == 0 || v.Kind() == reflect.Slice && v.Len() == 0
}

// keyText returns a name as it stands in a table's header.
func keyText(name string) string {
	return toml.Key{name}.String()
}

func compareTables(former, now map[string]map[string]any) []Difference {
	var out []Difference
	names := maps.Clone(former)
	maps.Copy(names, now)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := former[name]
		is, has := now[name]
		switch {
		case !had:
			out = append(out, Difference{Table: name, State: tableNew})
		case !has:
			out = append(out, Difference{Table: name, State: tableRemoved})
		default:
			if keys := changedKeys(was, is); len(keys) > 0 {
				out = append(out, Difference{Table: name, State: tableChanged, Keys: keys})
			}
		}
	}
	return out
}

func changedKeys(was, is map[string]any) []string {
	all := maps.Clone(was)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, is)
	var changed []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(was[key], is[key]) {
			changed = append(changed, key)
		}
	}
	return changed
}
