package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// mostListed is how many objects a plan names; JSON has more.
const mostListed = 100

// verdictTexts say what the verdict about an object means.
var verdictTexts = map[string]string{
	string(service.VerdictBegin): "begins", string(service.VerdictHold): "held", string(service.VerdictBefore): "not again yet",
	string(service.VerdictUnderWay): "under way", string(service.VerdictUnclear): "unclear",
}

// printBegins prints for which objects an orchestration would begin, at most so many
// of them by name, with the first request about each where it is known.
func printBegins(w io.Writer, p service.BeginPlan, first []service.First, most int) {
	page := pageOf(w)
	head := "Orchestration " + p.Orchestration
	if p.Automation != "" {
		head = "Automation " + p.Automation + ": orchestration " + p.Orchestration
	}
	page.putStyled(plainText, "", bold, head)
	page.put("", beginCounts(p.BeginCounts, true)+" "+p.Limit+".")
	shown := p.Objects[:min(most, len(p.Objects))]
	if len(shown) > 0 {
		page.blank()
	}
	for i, o := range shown {
		page.put("", fmt.Sprintf("%-13s %s (%s)", verdictTexts[string(o.Verdict)], o.Name, o.DN))
		if o.Cause != "" {
			page.put("  ", o.Cause)
		}
		if i < len(first) {
			printFirst(page, first[i])
		}
	}
	if rest := len(p.Objects) - len(shown) + p.More; rest > 0 {
		page.put("", fmt.Sprintf("... and %d more.", rest))
	}
}

func printFirst(p *page, f service.First) {
	if len(f.Before) > 0 {
		p.put("  ", "first: "+strings.Join(f.Before, ", "))
	}
	if f.Webhook != "" {
		p.put("  ", fmt.Sprintf("step %s, %s:", f.Step, f.Webhook))
	}
	for line := range strings.Lines(f.Request) {
		if line = strings.TrimSpace(line); line != "" {
			p.put("    ", line)
		}
	}
	if f.Cause != "" {
		p.putStyled(plainText, "  no request: ", red, f.Cause)
	}
}

// beginCounts says in one sentence what became of the objects, or would.
func beginCounts(c service.BeginCounts, planned bool) string {
	match := "match"
	if c.Matched == 1 {
		match = "matches"
	}
	s := fmt.Sprintf("%s looked at, %d %s:", counted(c.Looked, "object", "objects"), c.Matched, match)
	begin := "began for"
	if planned {
		begin = "would begin for"
	}
	s += fmt.Sprintf(" it %s %d", begin, c.Begun)
	for _, one := range []struct {
		n    int
		what string
	}{
		{c.Held, "held for approval"},
		{c.UnderWay, "under way already"},
		{c.Before, "not again yet"},
		{c.Unclear, "for which the condition has no value"},
	} {
		if one.n > 0 {
			s += fmt.Sprintf(", %d %s", one.n, one.what)
		}
	}
	return s + "."
}

// printBegan ends the report of a run that began an orchestration.
func printBegan(p *page, r service.Report) {
	p.put("", beginCounts(*r.Summary.Began, false))
	for i, q := range r.Summary.Quarantined {
		if i == fewListed {
			p.put("", fmt.Sprintf("... and %d more: `rollcall --output json runs %d` shows all.", len(r.Summary.Quarantined)-i, r.ID))
			break
		}
		p.put("", q.Name)
		printCause(p, q.Cause, q.Next)
	}
}
