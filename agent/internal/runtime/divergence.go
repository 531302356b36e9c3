package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/notify"
)

// Divergence says how the configuration on disk differs from that of the
// running agent.
type Divergence struct {
	Config  string              `json:"config"`          // the file that the command uses
	File    string              `json:"file"`            // the file that the agent was started with
	Differs []config.Difference `json:"differs"`         // new, changed and removed in Config
	Fault   string              `json:"fault,omitempty"` // why Config cannot be used
	Next    string              `json:"next"`            // how to make Config take effect
}

// Says describes the difference in a sentence.
func (d *Divergence) Says() string {
	if d.Fault != "" {
		return fmt.Sprintf("%s cannot be used as it is now: %s", d.Config, d.Fault)
	}
	return fmt.Sprintf("the running agent has another configuration than %s: %s", d.Config, d.Tables())
}

// Tables lists the tables that differ, for people.
func (d *Divergence) Tables() string {
	texts := make([]string, len(d.Differs))
	for i, one := range d.Differs {
		texts[i] = one.String()
	}
	return strings.Join(texts, ", ")
}

// Touches reports whether one of the tables differs: "directory",
// "applications.pipedrive".
func (d *Divergence) Touches(tables ...string) bool {
	return d != nil && slices.ContainsFunc(d.Differs, func(one config.Difference) bool { return slices.Contains(tables, one.Table) })
}

// divergence begins the description of a file that the agent does not run
// with.
func (a *Agent) divergence(path string) *Divergence {
	own := absolute(a.Config().Files[0])
	restart := "stop the agent and start it again: " + ident.Command("run --config", own)
	if command := notify.Restart(); command != "" {
		restart = "restart the agent: " + command
	}
	if !sameFile(own, path) {
		restart = fmt.Sprintf("bring that into %s, which the agent reads, then %s", own, restart)
	}
	return &Divergence{Config: path, File: own, Differs: []config.Difference{}, Next: restart}
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return a == b
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
