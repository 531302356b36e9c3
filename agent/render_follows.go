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

// fewOvertaken is how many orchestrations are named that stay held.
const fewOvertaken = 20

// printStillWaiting says which orchestrations an approval has left held, and why.
func printStillWaiting(p *page, r service.ReportAnswer) {
	if n := len(r.Overtaken); n > 0 {
		p.put("", fmt.Sprintf("%s held, as a later change of the same object means something else:",
			counted(n, "orchestration stays", "orchestrations stay")))
		for _, o := range r.Overtaken[:min(n, fewOvertaken)] {
			p.put("  ", fmt.Sprintf("%d  %s, %s: since then %s (change %d, %s)", o.Instance, o.Name, o.Change, o.Later, o.Event, shown(o.At)))
		}
		if n > fewOvertaken {
			p.put("  ", fmt.Sprintf("... and %d more.", n-fewOvertaken))
		}
		p.put("  next: ", fmt.Sprintf("`rollcall reject %d` cancels them, `rollcall approve --overtaken %d` lets them begin all the same",
			r.ID, r.ID))
	}
	printUnseen(p, r.ID, r.Unseen)
}

// printUnseen says that more is held than somebody has decided about.
func printUnseen(p *page, run int64, n int) {
	if n > 0 {
		p.put("", fmt.Sprintf("%s: `rollcall runs %d`.",
			counted(n, fmt.Sprintf("more orchestration was held since you were shown run %d, and still waits", run),
				fmt.Sprintf("more orchestrations were held since you were shown run %d, and still wait", run)), run))
	}
}
