package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func printPlan(w io.Writer, p ident.Plan, brief bool) {
	_, _ = fmt.Fprintf(w, "Plan of automation %s for application %s, made %s. Nothing has been written.\n\n",
		printable(p.Automation), printable(p.Application), p.Made.Local().Format(timeFormat))
	for _, change := range p.Changes {
		printChange(w, change, brief)
	}
	if len(p.Changes) > 0 {
		_, _ = fmt.Fprintln(w)
	}
	printSummary(w, engine.Summary{Records: p.Records, NobodyMissing: p.NobodyMissing, Limits: p.Limits, Quarantined: p.Quarantined, Notes: p.Notes},
		"`rollcall --output json plan "+p.Automation+"` shows all")
	if p.Doubt != "" {
		_, _ = fmt.Fprintf(w, "The delivery is in doubt: %s.\n", printable(strings.TrimSuffix(p.Doubt, ".")))
	}
	switch apply, held, refused := countVerdicts(p); {
	case len(p.Changes) == 0:
		_, _ = fmt.Fprintln(w, "Nothing to do.")
	default:
		_, _ = fmt.Fprintf(w, "%s to apply, %d held for approval, %d refused.\n", operations(apply), held, refused)
	}
}

func operations(n int) string {
	if n == 1 {
		return "1 operation"
	}
	return fmt.Sprintf("%d operations", n)
}

func countVerdicts(p ident.Plan) (apply, held, refused int) {
	for _, c := range p.Changes {
		for _, op := range c.Operations {
			switch op.Verdict {
			case ident.VerdictApply:
				apply++
			case ident.VerdictRefuse:
				refused++
			case ident.VerdictHold, ident.VerdictDecided:
				held++
			case ident.VerdictRejected:
			}
		}
	}
	return apply, held, refused
}

func printChange(w io.Writer, c ident.Change, brief bool) {
	for _, op := range c.Operations {
		printHead(w, op.Class, c.Name, c.Key, mark(op))
		if brief {
			continue
		}
		_, _ = fmt.Fprintf(w, "           %s\n", printable(op.Reason))
		printEffect(w, c.DN, op)
	}
}

// printHead begins an operation: its class, whom it is about, and what is to
// become or became of it.
func printHead(w io.Writer, class ident.Class, name string, key ident.Key, state string) {
	if state != "" {
		state = " [" + state + "]"
	}
	_, _ = fmt.Fprintf(w, "%-8s %s%s\n", printable(string(class)), printable(fmt.Sprintf("%s (key %s)", name, key)), printable(state))
}

// printEffect prints what an operation does to the object at dn: places, old
// and new values, groups.
func printEffect(w io.Writer, dn ident.DN, op ident.Operation) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, "           "+format+"\n", args...) }
	switch {
	case op.Class == ident.ClassCreate, op.To != "" && op.From == "":
		line("%s", printable(string(op.To)))
	case op.To != "":
		line("%s -> %s", printable(string(op.From)), printable(string(op.To)))
	case dn != "":
		line("%s", printable(string(dn)))
	}
	if op.OU != "" && !op.OU.EqualFold(op.To.Parent()) {
		line("stays there; ou would put it into %s", printable(string(op.OU)))
	}
	for _, a := range op.Attributes {
		line("%s: %s", printable(a.Name), oldToNew(op.Class, a))
	}
	for _, g := range op.Groups {
		line("add to %s", printable(string(g)))
	}
}

// mark tells what the limits and earlier decisions make of an operation.
func mark(op ident.Operation) string {
	switch op.Verdict {
	case ident.VerdictHold:
		return "held"
	case ident.VerdictRefuse:
		return "refused"
	case ident.VerdictDecided:
		return fmt.Sprintf("held by run %d", op.Earlier)
	case ident.VerdictRejected:
		return fmt.Sprintf("rejected in run %d", op.Earlier)
	case ident.VerdictApply:
	}
	return ""
}

func oldToNew(class ident.Class, a ident.AttributeChange) string {
	to := values(a.Shown(a.New))
	if a.Add {
		to = "add " + to
	}
	text := values(a.Shown(a.Old)) + " -> " + to
	if class == ident.ClassCreate {
		text = to
	}
	if a.Drift {
		text += " (changed by hand)"
	}
	return text
}

func values(list []string) string {
	switch len(list) {
	case 0:
		return "(none)"
	case 1:
		return printable(list[0])
	}
	return printable(strings.Join(list, ", "))
}

func printSummary(w io.Writer, s engine.Summary, rest string) {
	r := s.Records
	_, _ = fmt.Fprintf(w, "Records: %d delivered, %d in scope, %d out of scope, %d in quarantine; %d need no change; %d links missing.\n",
		r.Delivered, r.InScope, r.OutOfScope, r.Quarantined, r.Unchanged, r.Missing)
	if r.Deleted > 0 {
		_, _ = fmt.Fprintf(w, "Reported deleted: %d.\n", r.Deleted)
	}
	if s.NobodyMissing != "" {
		_, _ = fmt.Fprintf(w, "Nobody is considered missing: %s.\n", printable(strings.TrimSuffix(s.NobodyMissing, ".")))
	}
	if len(s.Limits) > 0 {
		_, _ = fmt.Fprintln(w)
		table(w, "LIMIT\tSET TO\tALLOWED IN 24 H\tUSED\tPLANNED\tOVER\tWHY", func(row func(...any)) {
			for _, l := range s.Limits {
				allowed := fmt.Sprint(l.Allowed)
				if l.Allowed < 0 {
					allowed = "any"
				}
				row(l.Class, l.Limit, allowed, l.Used, l.Planned, l.Over, l.Reason)
			}
		})
	}
	printQuarantine(w, s.Quarantined, rest, rest)
	if len(s.Notes) > 0 {
		_, _ = fmt.Fprintln(w, "\nWorth knowing:")
		for _, n := range s.Notes[:bounded(len(s.Notes), rest)] {
			_, _ = fmt.Fprintf(w, "  %s\n", printable(who(n.Name, n.Key)+n.Text))
		}
		printRest(w, len(s.Notes), rest)
	}
	_, _ = fmt.Fprintln(w)
}

// most is how many items or notes of one kind a plan or a report lists: a
// thousand would hide everything else.
const most = 50

// printQuarantine lists what needs a person, each cause once: at most 50 causes
// of a kind when rest tells where the others are, all of them when it is "". In
// the same way names tells where everybody with a cause is named.
func printQuarantine(w io.Writer, items []ident.QuarantineItem, rest, names string) {
	records, parts := byPart(items)
	printItems(w, "In quarantine (nothing is done about these records):", records, rest, names)
	printItems(w, "Needs a person (everything else about them goes on):", parts, rest, names)
}

// byPart tells records that are set aside from parts that need a person.
func byPart(items []ident.QuarantineItem) (records, parts []ident.QuarantineItem) {
	for _, q := range items {
		if q.Part == "" {
			records = append(records, q)
		} else {
			parts = append(parts, q)
		}
	}
	return records, parts
}

func printItems(w io.Writer, title string, items []ident.QuarantineItem, rest, names string) {
	if len(items) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\n%s\n", title)
	causes := byCause(items)
	for _, c := range causes[:bounded(len(causes), rest)] {
		c.print(w, names)
	}
	printRest(w, len(causes), rest)
}

// bounded is how many of n are listed.
func bounded(n int, rest string) int {
	if rest == "" {
		return n
	}
	return min(n, most)
}

func printRest(w io.Writer, n int, rest string) {
	if more := n - bounded(n, rest); more > 0 {
		_, _ = fmt.Fprintf(w, "  and %d more: %s\n", more, printable(rest))
	}
}

// about names the attribute that an item is about.
func about(q ident.QuarantineItem) string {
	switch q.Part {
	case "", ident.PartAccount, ident.PartGroups:
		return ""
	}
	return q.Part + ": "
}

func who(name string, key ident.Key) string {
	switch {
	case key == "" && name == "":
		return ""
	case key == "":
		return name + ": "
	case name == "": // it may be the name that cannot be read
		return fmt.Sprintf("key %s: ", key)
	}
	return fmt.Sprintf("%s (key %s): ", name, key)
}
