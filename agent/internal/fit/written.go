package fit

import (
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// Written lists the attributes that an automation writes to existing accounts.
// Those that it only sets on new accounts are left out: the right to create an
// account includes them.
func Written(conf config.Automation, data config.DataSource, anchor string) []string {
	var names []string
	if conf.Adopt.Mode != plan.AdoptNever {
		names = append(names, anchor)
	}
	if conf.Action == plan.ActionCreate {
		return names
	}
	for _, name := range conf.Mapper.Attributes() {
		if text.Same(name, "cn") && conf.Action != plan.ActionLifecycle {
			continue // only the action lifecycle renames
		}
		if a, ok := data.Attributes[name]; !ok || a.Apply != ident.ApplyCreate {
			names = append(names, name)
		}
	}
	if conf.Missing.Action == plan.MissingDisable {
		names = append(names, "userAccountControl")
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(text.Lower(a), text.Lower(b)) })
	return slices.Compact(names)
}
