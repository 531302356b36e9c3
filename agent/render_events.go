package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func printEvent(p *page, e service.TimelineEntry) {
	v := e.Event
	p.entry(e, fmt.Sprintf("directory, event %d: %s", v.ID, happened(*v)))
	for _, part := range v.Parts {
		if sign, text := partText(part); text != "" {
			p.putStyled(signs[sign], "  "+sign+" ", plainText, text)
		}
	}
	if v.Group != nil {
		p.put("    ", string(v.Group.DN))
	}
	if v.Unsure != "" {
		printCause(p, "it is not certain: "+v.Unsure, "")
	}
	if v.Open {
		p.put("  ", "no automation has judged it yet")
	}
}

// happened says what an event is and who wrote it, part by part where these are not
// the same.
func happened(v service.TimelineChange) string {
	if len(v.Parts) == 0 {
		return "(cannot be read)"
	}
	var said []string
	for i := 0; i < len(v.Parts); {
		origin, what := v.Parts[i].Origin, []string{}
		for ; i < len(v.Parts) && sameOrigin(v.Parts[i].Origin, origin); i++ {
			if word := partWord(v, v.Parts[i]); !slices.Contains(what, word) {
				what = append(what, word)
			}
		}
		said = append(said, strings.Join(what, ", ")+" ("+writer(origin)+")")
	}
	return strings.Join(said, "; ")
}

func sameOrigin(a, b *ident.Origin) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// partWord names a part in the words of the configuration.
func partWord(v service.TimelineChange, part ident.EventPart) string {
	word := string(part.Kind)
	if part.Attribute != "" {
		word += " " + part.Attribute
	}
	if v.Group != nil {
		word += " " + v.Group.Name
	}
	return word
}

// writer says whose write it was.
func writer(o *ident.Origin) string {
	switch {
	case o == nil:
		return "not by rollcall"
	case o.Orchestration != "":
		return fmt.Sprintf("by orchestration %d, %s", o.Instance, o.Orchestration)
	case o.Application != "":
		return fmt.Sprintf("by run %d of %s, from %s", o.Run, o.Automation, o.Application)
	}
	return fmt.Sprintf("by run %d of %s", o.Run, o.Automation)
}

// partText tells old and new values; "" where there are none.
func partText(part ident.EventPart) (sign, text string) {
	if part.Kind == ident.EventCreated || len(part.Old) == 0 && len(part.New) == 0 {
		return "", ""
	}
	sign, before, after := "~", valuesText(part.Old), valuesText(part.New)
	switch {
	case len(part.Old) == 0:
		sign = "+"
	case len(part.New) == 0:
		sign = "-"
	}
	text = before + " -> " + after
	if part.Attribute != "" {
		text = part.Attribute + ": " + text
	}
	return sign, text
}

// longestValue is how many characters of a value, and how many values, are shown.
const longestValue = 200

func valuesText(list []string) string {
	if len(list) == 0 {
		return "(none)"
	}
	var out []string
	for _, v := range list[:min(len(list), longestValue)] {
		if r := []rune(v); len(r) > longestValue {
			v = fmt.Sprintf("%s... (%d characters)", string(r[:longestValue]), len(r))
		}
		out = append(out, v)
	}
	if more := len(list) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

func printEvents(w io.Writer, seen seenEvents) {
	list := seen.Events
	if len(list) == 0 {
		pageOf(w).put("", "No change of the directory was seen.")
		return
	}
	if seen.Earlier > 0 {
		p := pageOf(w)
		more := ticked(fmt.Sprintf("--limit %d", min(10*len(list), service.MostExplained))) + " shows more"
		if len(list) == service.MostExplained {
			more = ticked("--user USER") + " shows those of one user"
		}
		p.put("", counted(seen.Earlier, "change was", "changes were")+" seen before these: "+more+".")
		p.blank()
	}
	table(w, "EVENT\tSEEN\tWHO\tWHAT\tAUTOMATIONS", func(row func(...any)) {
		for _, e := range list {
			row(e.ID, e.At.Local().Format(momentFormat), e.Name, happened(e.TimelineChange), verdicts(e))
		}
	})
}

// verdicts says what automations made of an event.
func verdicts(e service.SeenEvent) string {
	if e.Open {
		return "(not judged yet)"
	}
	var said []string
	for _, v := range e.Verdicts {
		text := v.Automation + " " + v.Verdict
		if v.Instance != 0 {
			text += fmt.Sprintf(" %d", v.Instance)
		}
		if v.Cause != "" {
			text += " (" + v.Cause + ")"
		}
		said = append(said, text)
	}
	if len(said) == 0 {
		return "(none asks for it)"
	}
	return strings.Join(said, ", ")
}
