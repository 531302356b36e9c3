package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

const timeFormat = "2006-01-02 15:04:05"

// show prints a result: as JSON, or by text.
func (c *cli) show(value any, text func(io.Writer)) error {
	if c.output == "json" {
		enc := json.NewEncoder(c.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(value)
	}
	text(c.stdout)
	return nil
}

// printable keeps foreign text from driving the terminal or breaking the
// table: control characters are shown as escapes.
func printable(s string) string { return escaped(s, "") }

// printableLines is printable for a message of several lines.
func printableLines(s string) string { return escaped(s, "\n\t") }

// escaped shows what cannot be printed as escapes, except for what is kept.
func escaped(s, keep string) string {
	bad := func(r rune) bool { return !unicode.IsPrint(r) && !strings.ContainsRune(keep, r) }
	if !strings.ContainsFunc(s, bad) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if bad(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// table writes rows in columns; every cell is made printable.
func table(w io.Writer, header string, rows func(row func(cells ...any))) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, header)
	rows(func(cells ...any) {
		text := make([]string, len(cells))
		for i, c := range cells {
			text[i] = printable(fmt.Sprint(c))
		}
		_, _ = fmt.Fprintln(t, strings.Join(text, "\t"))
	})
	_ = t.Flush()
}

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
		_, _ = fmt.Fprintf(w, "%-8s %s (key %s)%s\n", printable(string(op.Class)), printable(c.Name), printable(string(c.Key)), mark(op.Verdict))
		if brief {
			continue
		}
		_, _ = fmt.Fprintf(w, "           %s\n", printable(op.Reason))
		printEffect(w, op)
	}
}

// printEffect prints what an operation does: places, old and new values, groups.
func printEffect(w io.Writer, op ident.Operation) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, "           "+format+"\n", args...) }
	switch {
	case op.Class == ident.ClassCreate, op.To != "" && op.From == "":
		line("%s", printable(string(op.To)))
	case op.To != "":
		line("%s -> %s", printable(string(op.From)), printable(string(op.To)))
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

func mark(v ident.Verdict) string {
	switch v {
	case ident.VerdictHold:
		return " [held]"
	case ident.VerdictRefuse:
		return " [refused]"
	case ident.VerdictDecided:
		return " [held by an earlier run]"
	case ident.VerdictRejected:
		return " [rejected]"
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
	printQuarantine(w, s.Quarantined, rest)
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

// printQuarantine lists what needs a person: at most 50 of a kind when rest
// tells where the others are, all of them when it is "".
func printQuarantine(w io.Writer, items []ident.QuarantineItem, rest string) {
	records, parts := byPart(items)
	printItems(w, "In quarantine (nothing is done about these records):", records, rest)
	printItems(w, "Needs a person (everything else about them goes on):", parts, rest)
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

func printItems(w io.Writer, title string, items []ident.QuarantineItem, rest string) {
	if len(items) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\n%s\n", title)
	for _, q := range items[:bounded(len(items), rest)] {
		_, _ = fmt.Fprintf(w, "  %s\n      next: %s\n", printable(who(q.Name, q.Key)+about(q)+q.Cause), printable(q.Next))
	}
	printRest(w, len(items), rest)
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

// printReport prints a run; brief leaves out what went as planned.
func printReport(w io.Writer, r engine.Report, brief bool) {
	_, _ = fmt.Fprintf(w, "Run %d of automation %s (%s, by %s) %s", r.ID, printable(r.Automation), r.Kind, printable(r.By), r.Started.Local().Format(timeFormat))
	if r.Ended != nil {
		_, _ = fmt.Fprintf(w, ", %.1f s", r.Ended.Sub(r.Started).Seconds())
	}
	_, _ = fmt.Fprintf(w, ": %s\n", r.Result)
	if r.Error != "" {
		_, _ = fmt.Fprintf(w, "  %s\n", printable(r.Error))
	}
	for _, o := range r.Outcomes {
		if brief && o.Result == ident.ResultApplied || brief && o.Result == ident.ResultHeld {
			continue
		}
		printOutcome(w, o)
		if !brief {
			printEffect(w, o.Operation)
		}
	}
	_, _ = fmt.Fprintln(w)
	if r.Summary.Records.Delivered > 0 || r.Summary.NobodyMissing != "" {
		printSummary(w, r.Summary, fmt.Sprintf("`rollcall --output json runs %d` shows all, `rollcall quarantine list` all that need a person", r.ID))
	}
	for _, class := range ident.Classes {
		for _, result := range []ident.Result{ident.ResultApplied, ident.ResultHeld, ident.ResultRefused, ident.ResultSkipped, ident.ResultFailed, ident.ResultRejected, ident.ResultDropped} {
			if n := r.Counts[class][result]; n > 0 {
				_, _ = fmt.Fprintf(w, "%-8s %-8s %d\n", class, result, n)
			}
		}
	}
	if len(r.Counts) == 0 && r.Result != store.RunFailed && r.Result != store.RunInterrupted {
		_, _ = fmt.Fprintln(w, "Nothing was changed.")
	}
	if n := r.Count(ident.ResultHeld); n > 0 {
		_, _ = fmt.Fprintf(w, "\nHeld: %s. `rollcall runs %d` shows what, `rollcall approve %d` applies it, `rollcall reject %d` does not.\n", operations(n), r.ID, r.ID, r.ID)
	}
	if r.Waiting > 0 {
		_, _ = fmt.Fprintf(w, "\nStill held by earlier runs: %s; see `rollcall runs`.\n", operations(r.Waiting))
	}
}

func printOutcome(w io.Writer, o ident.Outcome) {
	_, _ = fmt.Fprintf(w, "  %-8s %-8s %s\n", o.Result, printable(string(o.Operation.Class)), printable(fmt.Sprintf("%s (key %s) %s", o.Name, o.Key, o.DN)))
	if o.Cause != "" {
		_, _ = fmt.Fprintf(w, "             %s\n", printable(o.Cause))
	}
	if o.Next != "" {
		_, _ = fmt.Fprintf(w, "             next: %s\n", printable(o.Next))
	}
}
