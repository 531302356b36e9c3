package fit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// keyPointer returns the JSON pointer that primary_key stands for. primary_key
// is the name of a field of a record, or a JSON pointer to a deeper one.
func keyPointer(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// wrongKey checks primary_key against the fields that the connector lists. It
// accepts any name for an endpoint that the connector does not know, or whose
// fields it does not list.
func (f Fitted) wrongKey(cfg *config.Config, data config.DataSource, m abi.Manifest) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: data source %s: primary_key is %q, %s",
			cfg.Place("data_sources", data.Name, "primary_key"), data.Name, data.PrimaryKey, fmt.Sprintf(format, args...))
	}
	attributes := f.attributes(m)
	field, deeper := data.KeyField()
	names := make([]string, 0, len(attributes)+1)
	for _, a := range attributes {
		names = append(names, a.Name)
		if a.Name != field {
			continue
		}
		switch {
		case a.Value != "":
			return refuse("which connector %s derives from other fields: choose a field that the application delivers, "+
				"because records are told apart before anything is computed", m.Name)
		case deeper || a.Type == abi.TypeString || a.Type == abi.TypeInt || a.Type == abi.TypeNumber || a.Type == abi.TypeTime:
			return nil
		case a.Type == abi.TypeObject:
			return refuse("which is an object: name a field in it, like %q", keyPointer(field)+"/id")
		}
		return refuse("which is %s: a key is a text or a number", typeInWords(a.Type))
	}
	own, _ := config.DataSource{PrimaryKey: f.OwnKey}.KeyField()
	if len(attributes) == 0 || field == own {
		return nil
	}
	hint := closest(field, append(names, own))
	if outer, inner, dotted := strings.Cut(field, "."); dotted && hint == "" {
		hint = fmt.Sprintf("a field within another is written as a pointer: %q", "/"+outer+"/"+strings.ReplaceAll(inner, ".", "/"))
	}
	if hint == "" {
		hint = "it has: " + strings.Join(names, ", ")
	}
	return refuse("which is no field of endpoint %s (%s)", f.Endpoint.Name, hint)
}

func typeInWords(t abi.AttributeType) string {
	if t == abi.TypeBool {
		return "true or false"
	}
	return "a list"
}

// rivalKey refuses two automations that identify the records of one endpoint by
// different fields. Links of both are in one table by application and key, so a
// key of one could lead the other to somebody else's account.
func rivalKey(cfg *config.Config, name string) error {
	data := cfg.DataSources[cfg.Automations[name].DataSource]
	for _, other := range slices.Sorted(maps.Keys(cfg.Automations)) {
		rival := cfg.DataSources[cfg.Automations[other].DataSource]
		sameEndpoint := rival.Application == data.Application && rival.Endpoints[0] == data.Endpoints[0]
		if !sameEndpoint || keyPointer(rival.PrimaryKey) == keyPointer(data.PrimaryKey) {
			continue
		}
		return fmt.Errorf("%s: data source %s: primary_key is %q, and data source %s tells the records of the same endpoint apart by %q: "+
			"links of application %s belong to keys, and the key of one could be somebody else's in the other; use one primary_key for both",
			cfg.Place("data_sources", data.Name, "primary_key"), data.Name, data.PrimaryKey, rival.Name, rival.PrimaryKey, data.Application)
	}
	return nil
}
