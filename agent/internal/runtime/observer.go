package runtime

import (
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/schedule"
)

// observer adds to the metrics what the engine does not know: schedules, and
// which automations share a data source.
type observer struct {
	*metrics.Metrics
	config  *config.Config
	enabled func(automation string) bool
	entries []schedule.Entry
	started time.Time

	mu    sync.Mutex
	aside map[string]int // by automation
}

var _ engine.Observer = (*observer)(nil)

func (s *Snapshot) observer() *observer {
	return &observer{
		Metrics: s.metrics, config: s.config, enabled: s.enabled, entries: s.entries(), started: time.Now(), aside: map[string]int{},
	}
}

// Stands implements engine.Observer. An automation that has never succeeded is
// expected to succeed the first time it is due after the start of the agent.
// Automations of a disabled application are ignored.
func (o *observer) Stands(automation string, results []string, success time.Time) {
	if !o.enabled(automation) {
		return
	}
	o.Metrics.Stands(automation, results, success)
	if success.IsZero() {
		success = o.started
	}
	for _, entry := range o.entries {
		if next, err := entry.Next(success); entry.Name == automation && err == nil { // the schedule was already validated
			o.SuccessDue(automation, next)
		}
	}
}

// Quarantined implements engine.Observer.
func (o *observer) Quarantined(automation string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.aside[automation] = n
	source, sum := o.config.Automations[automation].DataSource, 0
	if source == "" { // it begins an orchestration, and has no records
		return
	}
	for name, n := range o.aside {
		if o.config.Automations[name].DataSource == source {
			sum += n
		}
	}
	o.Metrics.Quarantined(source, sum)
}
