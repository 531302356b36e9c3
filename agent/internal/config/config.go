// Package config reads the configuration: one TOML file and the files that it
// includes. Load checks everything that can be known without a connection and
// without the connectors, compiles every expression, and reports all errors at
// once, each with its file, line and column.
//
// It reads no environment variables, resolves no secrets and changes nothing. It
// cannot check what depends on a connector's manifest (its endpoints, settings
// and fields): package fit does that.
package config

import (
	"runtime"
	"slices"
)

// Config is a whole configuration without errors.
type Config struct {
	Agent        Agent                        `toml:"agent"`
	Store        Store                        `toml:"store"`
	Secrets      Secrets                      `toml:"secrets"`
	Modules      Modules                      `toml:"modules"`
	Directory    Directory                    `toml:"directory"`
	Applications map[string]Application       `toml:"applications"`
	Lookups      map[string]map[string]string `toml:"lookups"`
	DataSources  map[string]DataSource        `toml:"data_sources"`
	Automations  map[string]Automation        `toml:"automations"`

	Webhooks       map[string]Webhook       `toml:"webhooks"`
	Orchestrations map[string]Orchestration `toml:"orchestrations"`
	Mail           Mail                     `toml:"mail"`
	Receiver       Receiver                 `toml:"receiver"`

	// Triggered holds the automations with a trigger, which start orchestrations
	// for objects of the directory. They are not in Automations.
	Triggered map[string]Automation `toml:"-"`

	Files    []string  `toml:"-"` // every file that was read, the main one first
	Warnings []Warning `toml:"-"` // in the order of the files

	places    map[string]place `toml:"-"`
	leftovers []leftover       `toml:"-"`
}

// Place returns the position of a key's value, or of the nearest table around
// it.
func (c *Config) Place(key ...string) Pos {
	return (&loader{files: c.Files, places: c.places}).value(key)
}

// DefaultPath returns the path of the configuration that is read when no other
// is named.
func DefaultPath() string {
	if runtime.GOOS == "windows" {
		return `C:\ProgramData\rollcall\agent.toml`
	}
	return "/etc/rollcall/agent.toml"
}

// Load reads the file and the files that it includes. It returns either an
// Errors that lists everything that is wrong, or an error that says why the file
// cannot be read. An attribute that no account can have is a warning here, as a run
// leaves it out and tells it; Check has it as an error.
func Load(file string) (*Config, error) {
	c, errs := Check(file)
	if slices.ContainsFunc(errs, func(e Error) bool { return !e.bearable }) {
		return nil, errs
	}
	for _, e := range errs {
		c.Warnings = append(c.Warnings, e.warning())
	}
	slices.SortStableFunc(c.Warnings, func(a, b Warning) int { return comparePos(a.Pos, b.Pos) })
	return c, nil
}

// Check is like Load, but returns what it could read of the configuration along
// with the errors; nil when it could read nothing. It is for commands that
// report all errors at once. A configuration with errors must not be run.
func Check(file string) (*Config, Errors) {
	l := &loader{places: map[string]place{}, failed: map[string]bool{}}
	tree := l.read(file)
	if len(l.errs) > 0 {
		return nil, l.errs.sorted()
	}
	c := &Config{Files: l.files, places: l.places}
	l.config = c
	l.decodeConfig(tree)
	l.check()
	c.Warnings, c.leftovers = l.sortedWarnings(), l.leftovers
	return c, l.errs.sorted()
}
