package main

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// printFollows tells which orchestrations a plan would begin.
func printFollows(p *page, list []ident.Follow) {
	if len(list) == 0 {
		return
	}
	p.put("", "What begins with it:")
	for _, f := range list {
		p.put("  ", fmt.Sprintf("orchestration %s, after each %s: %d", f.Orchestration, f.Class, f.Count))
	}
	p.blank()
}

// printCaused tells which orchestrations a run has caused, and what has become of
// them.
func printCaused(p *page, r service.Report) {
	if len(r.Orchestrations) == 0 {
		return
	}
	p.blank()
	p.put("", "Orchestrations that began with it:")
	var names []string
	statuses := map[string][]string{}
	held := false
	for _, c := range r.Orchestrations {
		if statuses[c.Orchestration] == nil {
			names = append(names, c.Orchestration)
		}
		statuses[c.Orchestration] = append(statuses[c.Orchestration], fmt.Sprintf("%d %s", c.Count, c.Status))
		held = held || c.Status == service.InstanceHeld
	}
	for _, name := range names {
		p.put("  ", name+": "+strings.Join(statuses[name], ", "))
	}
	if held {
		p.put("  next: ", fmt.Sprintf("`rollcall approve %d` lets those that are held begin or go on, `rollcall reject %d` cancels them",
			r.ID, r.ID))
	}
}
