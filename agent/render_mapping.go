package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// printTriedMapping shows what a data source makes of records.
func printTriedMapping(w io.Writer, t service.TestMappingAnswer, brief bool) {
	p := pageOf(w)
	records := counted(len(t.Records), "record", "records")
	p.putStyled(plainText, "", bold, fmt.Sprintf("%s by automation %s: %s", t.DataSource, t.Automation, records))
	if len(t.Others) > 0 {
		p.put("  ", "it is also used by "+strings.Join(t.Others, ", ")+": --automation NAME takes that one's OU and groups")
	}
	if !t.Directory {
		p.put("  ", "the directory was not asked: whether names are free and whom references name is not checked (--directory does)")
	}
	for _, m := range t.Records {
		p.blank()
		printMapped(w, m, brief)
	}
	if len(t.Notes) > 0 {
		p.blank()
	}
	for _, n := range t.Notes {
		p.put("note: ", n)
	}
	printDivergence(w, t.RunningAgent, "This is the mapping of the file.")
}

// printMapped shows one record with what its account should look like.
func printMapped(w io.Writer, m service.Mapped, brief bool) {
	p := pageOf(w)
	state := "in scope"
	switch {
	case m.LeftOut != "":
		state = "left out: " + m.LeftOut
	case len(m.Quarantine) > 0:
		state = "would be set aside"
	case m.Scope == service.ScopeOut:
		state = "out of scope"
	}
	p.putStyled(plainText, "", bold, fmt.Sprintf("key %s: %s", m.Key, state))
	for _, c := range m.Conditions {
		printCondition(p, "where", c, " (this decides)")
	}
	for _, c := range m.State {
		decides := " (the account is disabled by this)"
		if c.Key == string(ident.OffEnded) {
			decides = " (the account is disabled by this, and none is made)"
		}
		printCondition(p, c.Key, c.MappedCondition, decides)
	}
	for _, f := range m.Quarantine {
		p.putStyled(yellow, "  set aside: ", plainText, f.Cause)
		if f.Next != "" {
			p.put("    next: ", f.Next)
		}
	}
	if m.Account != nil {
		p.put("  account: ", fmt.Sprintf("%s, by %s", m.Account.DN, m.Account.By))
	}
	if m.Scope != service.ScopeIn {
		return
	}
	printMappedTable(w, m)
	if m.OU != "" {
		p.put("  OU: ", string(m.OU))
	}
	for _, g := range m.Groups {
		p.put("  group: ", string(g))
	}
	if !brief {
		printExpressions(p, m)
	}
}

func printCondition(p *page, key string, c service.MappedCondition, decides string) {
	sign := map[string]style{"true": green, "false": red}[c.Truth]
	if c.Truth == "undecided" {
		sign = yellow
	}
	text := c.Text + partsText(c.Reads)
	if c.Cause != "" {
		text += ": " + c.Cause
	}
	if c.Decisive {
		text += decides
	}
	p.putStyled(sign, "  "+key+" "+c.Truth+": ", plainText, text)
}

// partsText lists fields with their values, in brackets.
func partsText(parts []service.MappedPart) string {
	if len(parts) == 0 {
		return ""
	}
	var all []string
	for _, one := range parts {
		all = append(all, one.Text+" = "+partValue(one.State, one.Value))
	}
	return " [" + strings.Join(all, ", ") + "]"
}

// partValue spells a value as JSON does, or says that there is none.
func partValue(state string, value json.RawMessage) string {
	if len(value) == 0 {
		return state
	}
	var text string
	if value[0] == '"' && json.Unmarshal(value, &text) == nil { // without escapes for < and the like
		return fmt.Sprintf("%q", text)
	}
	return string(value)
}

// printMappedTable shows what the source has and what the account should have.
func printMappedTable(w io.Writer, m service.Mapped) {
	table(w, "  ATTRIBUTE\tSOURCE\tDESIRED\tNOTE", func(row func(cells ...any)) {
		for _, a := range m.Attributes {
			row("  "+a.Name, sourceOf(a), desiredOf(a), noteOf(a))
		}
	})
}

// sourceOf lists the fields that an attribute is made of.
func sourceOf(a service.MappedAttribute) string {
	var all []string
	seen := map[string]bool{}
	for _, f := range a.Forms {
		if f.Default && f.State != "error" && len(a.Forms) > 1 && a.Forms[0].State == "present" {
			continue
		}
		for _, one := range f.Parts {
			if isField(one.Text) && !seen[one.Text] {
				seen[one.Text] = true
				all = append(all, one.Text+" = "+partValue(one.State, one.Value))
			}
		}
		if len(f.Parts) == 0 && fieldOf(f.Source) != "" && !seen[fieldOf(f.Source)] {
			seen[fieldOf(f.Source)] = true
			all = append(all, fieldOf(f.Source)+" = "+partValue(f.State, f.Value))
		}
	}
	return strings.Join(all, ", ")
}

// fieldOf returns the field that a template consists of; "" when it is more.
func fieldOf(source string) string {
	text := strings.TrimSpace(source)
	if inner, is := strings.CutPrefix(text, "{{"); is {
		text = strings.TrimSpace(strings.TrimSuffix(inner, "}}"))
	}
	if isField(text) {
		return text
	}
	return ""
}

// isField reports whether a part of an expression is a field and nothing more.
func isField(text string) bool {
	root, rest, dotted := strings.Cut(text, ".")
	return dotted && rest != "" && !strings.ContainsAny(text, " ()+-*/{}\"'?:,") &&
		(root == "user" || root == "endpoints" || root == "attributes" || root == "settings" || root == "link")
}

func desiredOf(a service.MappedAttribute) string {
	switch {
	case a.Fault != nil:
		return "(fault)"
	case a.Clear:
		return "(cleared)"
	case len(a.Values) == 0:
		return "(kept)"
	}
	text := strings.Join(a.Values, " | ")
	if a.Add {
		text = "+ " + text
	}
	return text
}

func noteOf(a service.MappedAttribute) string {
	var all []string
	switch a.Apply {
	case ident.ApplyCreate:
		all = append(all, "at the creation")
	case ident.ApplyIfEmpty:
		all = append(all, "while it is empty")
	case ident.ApplyAlways:
	}
	if a.Unique != "" {
		all = append(all, "unique in the "+a.Unique)
	}
	if a.Unchecked {
		all = append(all, "not checked")
	}
	for _, n := range a.Names {
		if n.DN != "" {
			all = append(all, fmt.Sprintf("%s is %s", n.Key, n.DN))
		} else {
			all = append(all, fmt.Sprintf("%s: %s", n.Key, n.Cause))
		}
	}
	if a.Keeps != "" {
		all = append(all, a.Keeps)
	}
	return strings.Join(all, ", ")
}

// printExpressions shows the templates with the values of their parts.
func printExpressions(p *page, m service.Mapped) {
	for _, a := range m.Attributes {
		for _, f := range a.Forms {
			name := a.Name
			if f.Default {
				name += " (default)"
			}
			place := ""
			if f.Place != "" {
				place = "  at " + f.Place
			}
			p.put("  "+name+": ", f.Source+place)
			for _, one := range f.Parts {
				p.put("      ", one.Text+" = "+partValue(one.State, one.Value))
			}
			value := partValue(f.State, f.Value)
			if f.Cause != "" {
				value = f.State + ": " + f.Cause
			}
			if f.Changes {
				value += " (another value each time)"
			}
			p.put("    = ", value)
		}
	}
}
