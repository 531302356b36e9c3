package fit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// overruledKey warns of a key of an endpoint in the configuration that differs
// from primary_key, which overrules it.
func overruledKey(cfg *config.Config, data config.DataSource) []string {
	change := cfg.Applications[data.Application].Endpoints[data.Endpoints[0]]
	if change.Key == nil || *change.Key == "" || *change.Key == keyPointer(data.PrimaryKey) {
		return nil
	}
	return []string{fmt.Sprintf("%s: warning: primary_key of data source %s is %q, and key of endpoint %s is %q: primary_key counts",
		cfg.Place("data_sources", data.Name, "primary_key"), data.Name, data.PrimaryKey, data.Endpoints[0], *change.Key)}
}

// unknownFields warns of fields that the manifest does not list. It is not an
// error, because APIs grow. For an endpoint that only the configuration defines,
// the fields are not known, and there is no warning.
func (f Fitted) unknownFields(a config.Automation, data config.DataSource, m abi.Manifest) []string {
	if f.known == nil {
		return nil
	}
	return unknownFields(a, data, m, "", f.attributes(m))
}

// unknownFields is for the records of one endpoint; "" is the one that leads.
func unknownFields(a config.Automation, data config.DataSource, m abi.Manifest, endpoint string, attributes []abi.Attribute) []string {
	var known, warnings []string
	for _, attribute := range attributes {
		known = append(known, attribute.Name)
	}
	if endpoint != "" && known == nil {
		return nil
	}
	root, prefix := "user.", ""
	if endpoint != "" {
		root, prefix = "endpoints."+endpoint+".", endpoint+"."
	}
	for _, field := range a.Mapper.FieldsOf(endpoint) {
		if slices.Contains(known, field) {
			continue
		}
		place, ok := a.Mapper.Place(prefix + field)
		if !ok {
			continue // the primary key, which wrongKey reports as an error
		}
		hint := strings.Replace(closest(field, known), `"`, `"`+root, 1)
		warnings = append(warnings, fmt.Sprintf("%s: warning: data source %s uses %s%s, which connector %s does not list%s",
			place, data.Name, root, field, m.Name, inBrackets(hint)))
	}
	return warnings
}
