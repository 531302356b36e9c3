package config

import (
	"maps"
	"slices"
)

// Outline holds the names in a configuration, as far as it can be read. It is
// for the completion of commands, which must work while the file is being
// edited.
type Outline struct {
	StateDir, ModulesDir string
	Automations          []string // without those that have a trigger
	Triggered            []string // those that have
	Webhooks             []string // of the configuration
	Orchestrations       []string
	DataSources          []string
	Applications         []string
	Connectors           []string          // of the applications
	ApplicationOf        map[string]string // by automation
	ConnectorOf          map[string]string // by application
}

// ReadOutline reads the names in a configuration. It checks nothing else, and
// leaves out what it cannot read.
func ReadOutline(file string) Outline {
	l := &loader{places: map[string]place{}, failed: map[string]bool{}}
	tree := l.read(file)
	out := Outline{StateDir: StateDir(file), ApplicationOf: map[string]string{}, ConnectorOf: map[string]string{}}
	var agent Agent
	agent.setDefaults()
	out.ModulesDir = agent.ModulesDir
	at := path{"agent", "modules_dir"}
	if dir := textAt(tree, "agent", "modules_dir"); dir != "" && l.has(at) {
		out.ModulesDir = l.relative(at, dir)
	}
	out.Automations, out.Applications = namesAt(tree, "automations"), namesAt(tree, "applications")
	out.Webhooks, out.Orchestrations = namesAt(tree, "webhooks"), namesAt(tree, "orchestrations")
	out.DataSources = namesAt(tree, "data_sources")
	triggered := func(name string) bool { return textAt(tree, "automations", name, "trigger") != "" }
	for _, name := range out.Automations {
		if triggered(name) {
			out.Triggered = append(out.Triggered, name)
		}
	}
	out.Automations = slices.DeleteFunc(out.Automations, triggered)
	for _, name := range out.Automations {
		data := textAt(tree, "automations", name, "data_source")
		out.ApplicationOf[name] = textAt(tree, "data_sources", data, "application")
	}
	for _, name := range out.Applications {
		connector := textAt(tree, "applications", name, "connector")
		out.ConnectorOf[name] = connector
		if connector != "" && !slices.Contains(out.Connectors, connector) {
			out.Connectors = append(out.Connectors, connector)
		}
	}
	return out
}

// textAt returns the text at a path of tables; "" when there is none.
func textAt(tree map[string]any, keys ...string) string {
	last := len(keys) - 1
	for _, key := range keys[:last] {
		tree, _ = tree[key].(map[string]any)
	}
	text, _ := tree[keys[last]].(string)
	return text
}

// namesAt lists the names of the tables within a table.
func namesAt(tree map[string]any, key string) []string {
	table, _ := tree[key].(map[string]any)
	return slices.Sorted(maps.Keys(table))
}
