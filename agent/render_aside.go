package main

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// printAside lists the changes in the directory that an automation has set aside.
func printAside(p *page, q service.QuarantineList) {
	p.putStyled(plainText, "", bold, fmt.Sprintf("Automation %s: %s set aside.", q.Automation,
		counted(len(q.Events)+q.MoreEvents, "change in the directory is", "changes in the directory are")))
	for _, e := range q.Events {
		p.put("  ", fmt.Sprintf("%d  %s, %s: %s (%s)", e.Event, e.Name, e.Change, e.DN, shown(e.At)))
		p.putStyled(plainText, "    ", red, e.Cause)
		p.put("    next: ", e.Next)
	}
	if q.MoreEvents > 0 {
		p.put("  ", fmt.Sprintf("... and %d more.", q.MoreEvents))
	}
}

// fewDropped is how many changes are named that were dropped: --output json names all.
const fewDropped = 20

// printDropped says what was dropped of what was set aside.
func printDropped(p *page, items []ident.QuarantineItem) {
	if len(items) == 0 {
		p.put("", "Nothing is set aside.")
		return
	}
	for i, q := range items {
		if i == fewDropped {
			p.put("", fmt.Sprintf("... and %d more.", len(items)-i))
			break
		}
		p.put("Dropped: ", fmt.Sprintf("change %d of %s (%s), which was set aside: %s", q.Event, q.Name, q.Part, q.Cause))
	}
	p.put("", "Nothing begins because of it.")
}

// printJudgedAgain says what became of changes that were judged again.
func printJudgedAgain(p *page, list []service.JudgedEvent) {
	if len(list) == 0 {
		p.put("", "Nothing is set aside.")
		return
	}
	for _, j := range list {
		text := fmt.Sprintf("change %d: %s", j.Event, judgedWord(j))
		switch {
		case j.Run != 0:
			text += fmt.Sprintf("; `rollcall approve %d` lets it begin, `rollcall reject %d` does not", j.Run, j.Run)
		case j.Instance != 0:
			text += fmt.Sprintf(" as orchestration %d", j.Instance)
		}
		p.put("", text)
	}
}

func judgedWord(j service.JudgedEvent) string {
	switch j.Verdict {
	case service.EventHeld:
		return "held, as more would begin than limits.start"
	case service.EventAside:
		return "still set aside, `rollcall quarantine list` says why"
	case service.EventFiltered:
		return "not in the filter"
	case service.EventEcho:
		return "it would only go back to where it came from"
	case service.EventBegun, service.EventDropped:
	}
	return string(j.Verdict)
}

// judgedExit is the exit code of changes that were judged again.
func judgedExit(list []service.JudgedEvent) error {
	worst := exit.Done
	for _, j := range list {
		switch {
		case j.Verdict == service.EventHeld:
			worst = exit.Held
		case j.Verdict == service.EventAside && worst == exit.Done:
			worst = exit.Quarantine
		}
	}
	if worst == exit.Done {
		return nil
	}
	return exitError(worst)
}
