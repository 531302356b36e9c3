package fit

import (
	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// Reaction checks an automation that changes in the directory begin, with its
// orchestration as the manifests complete it. It returns what only these show: that
// changes of an attribute go to the application that is authoritative for it. Each
// error begins with its place.
func Reaction(cfg *config.Config, automation string, o *orchestration.Orchestration) []error {
	var wrong []error
	for _, one := range cfg.SentBack(automation, o) {
		wrong = append(wrong, one)
	}
	return wrong
}
