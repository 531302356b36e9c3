package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// extent says how much of a plan or a run is printed.
type extent struct {
	brief   bool // one line per operation; of a run, only what did not go as planned
	verbose bool // include the limits that nothing came close to
}

func printPlan(w io.Writer, plan ident.Plan, how extent) {
	p := pageOf(w)
	if plan.Application == "" && plan.Records == (ident.RecordCounts{}) && len(plan.Changes) == 0 { // an automation without records
		for _, note := range plan.Notes {
			p.put("", plan.Automation+": "+note.Text)
		}
		return
	}
	p.put("", fmt.Sprintf("Plan of automation %s for application %s, made %s. Nothing has been written.",
		plan.Automation, plan.Application, plan.Made.Local().Format(timeFormat)))
	p.blank()
	for _, change := range plan.Changes {
		printChange(p, change, how.brief)
	}
	if len(plan.Changes) > 0 && (how.brief || !p.terminal) {
		p.blank()
	}
	summary := service.Summary{
		Records: plan.Records, Scope: plan.Scope,
		NobodyMissing: plan.NobodyMissing, Limits: plan.Limits, Quarantined: plan.Quarantined, Notes: plan.Notes,
	}
	printSummary(p, summary, how, "`rollcall --output json plan "+plan.Automation+"` shows all")
	if plan.Doubt != "" {
		p.putStyled(yellow, "", yellow, fmt.Sprintf("The delivery is in doubt: %s.", strings.TrimSuffix(plan.Doubt, ".")))
	}
	printFollows(p, plan.Follows)
	apply, held, refused := countVerdicts(plan)
	if len(plan.Changes) == 0 {
		p.put("", "Nothing to do.")
		return
	}
	p.putStyled(plainText, "", bold, fmt.Sprintf("%s to apply, %d held for approval, %d refused.", operations(apply), held, refused))
}

func operations(n int) string { return counted(n, "operation", "operations") }

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
	p := pageOf(w)
	for _, op := range c.Operations {
		printHead(p, op.Class, c.Name, c.Key, mark(op))
		if brief {
			continue
		}
		p.detail(op.Reason)
		printEffect(p, c.DN, op)
		p.apart()
	}
}

// printHead begins an operation: its class, the person concerned, and what
// will become or has become of it.
func printHead(p *page, class ident.Class, name string, key ident.Key, state string) {
	if state != "" {
		state = " [" + state + "]"
	}
	lead := fmt.Sprintf("%-8s ", class)
	sign := ops.Sign(class)
	if p.terminal {
		lead = sign + " " + lead
	}
	p.putStyled(signs[sign], lead, bold, fmt.Sprintf("%s (key %s)%s", name, key, state))
}

// signs are the marks of changes on a terminal, with their colours.
var signs = map[string]style{"+": green, "~": yellow, "-": red}

// detail writes a line about an operation below its head.
func (p *page) detail(text string) { p.put(p.indent(), text) }

func (p *page) indent() string {
	if p.terminal {
		return "    "
	}
	return "           "
}

// effect writes one thing that an operation does.
func (p *page) effect(sign, text string) {
	if !p.terminal {
		p.detail(text)
		return
	}
	p.putStyled(signs[sign], p.indent()+sign+" ", plainText, text)
}

// apart separates operations by a blank line for people, but not for scripts.
func (p *page) apart() {
	if p.terminal {
		p.blank()
	}
}

// printEffect prints what an operation does to the object at dn.
func printEffect(p *page, dn ident.DN, op ident.Operation) {
	for _, line := range ops.Read(op, dn) {
		if line.Sign == "" {
			p.detail(line.Text)
		} else {
			p.effect(line.Sign, line.Text)
		}
	}
}

// mark says what the limits and earlier decisions mean for an operation.
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

func printSummary(p *page, s service.Summary, how extent, rest string) {
	r := s.Records
	needs := "need"
	if r.Unchanged == 1 {
		needs = "needs"
	}
	p.put("", fmt.Sprintf("Records: %d delivered, %d in scope, %d out of scope, %d in quarantine; %d %s no change; %s missing.",
		r.Delivered, r.InScope, r.OutOfScope, r.Quarantined, r.Unchanged, needs, counted(r.Missing, "link", "links")))
	if r.Unjoined > 0 {
		p.put("", fmt.Sprintf("Left out by an inner join: %d.", r.Unjoined))
	}
	if out := scopeReasons(s.Scope); out != "" {
		p.put("", out)
	}
	if r.Deleted > 0 {
		p.put("", fmt.Sprintf("Reported deleted: %d.", r.Deleted))
	}
	if s.NobodyMissing != "" {
		p.put("", fmt.Sprintf("Nobody is considered missing: %s.", strings.TrimSuffix(s.NobodyMissing, ".")))
	}
	printLimitStates(p, s.Limits, how.verbose)
	printQuarantine(p, s.Quarantined, rest, rest)
	printItems(p, "Worth knowing:", noted(s.Notes), rest, rest)
	p.blank()
}

// scopeReasons says by which conditions of where records are out of scope; "" when
// none is.
func scopeReasons(counts []ident.ScopeCount) string {
	var out []string
	for _, c := range counts {
		if c.OutOfScope > 0 {
			out = append(out, fmt.Sprintf("%d by `%s`", c.OutOfScope, c.Condition))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "Out of scope, by the first condition of where that is false: " + strings.Join(out, ", ") + "."
}

// printLimitStates prints the limits that this plan counts against, or all of
// them.
func printLimitStates(p *page, limits []ident.LimitState, all bool) {
	matter := slices.DeleteFunc(slices.Clone(limits),
		func(l ident.LimitState) bool { return !all && l.Over == 0 && (l.Planned == 0 || l.Allowed < 0) })
	if len(matter) == 0 {
		return
	}
	p.blank()
	table(p, "LIMIT\tSET TO\tALLOWED IN 24 H\tUSED\tPLANNED\tOVER\tWHY", func(row func(...any)) {
		for _, l := range matter {
			allowed := fmt.Sprint(l.Allowed)
			if l.Allowed < 0 {
				allowed = "any"
			}
			row(l.Class, l.Limit, allowed, l.Used, l.Planned, l.Over, l.Reason)
		}
	})
}

// most is how many items or notes of one kind a plan or a report lists: a
// thousand would hide everything else.
const most = 50

// printQuarantine lists what needs a person, each cause once. If rest says
// where to find the others, it lists at most 50 causes of a kind; if rest is
// "", all of them. In the same way, names says where to find everybody with a
// cause.
func printQuarantine(w io.Writer, items []ident.QuarantineItem, rest, names string) {
	p := pageOf(w)
	records, parts := byPart(items)
	printItems(p, "In quarantine (nothing is done about these records):", records, rest, names)
	printItems(p, "Needs a person (everything else about them goes on):", parts, rest, names)
}

// printQuarantineList lists everything that one automation has set aside;
// names is as in printQuarantine.
func printQuarantineList(w io.Writer, q service.QuarantineList, names string) {
	events := len(q.Events) > 0
	if q.Application == "" && len(q.Items) == 0 {
		if events {
			printAside(pageOf(w), q)
		} else {
			pageOf(w).putStyled(plainText, "", bold, fmt.Sprintf("Automation %s: nothing is set aside.", q.Automation))
		}
		return
	}
	records, parts := byPart(q.Items)
	head := "Automation " + q.Automation
	if q.Application != "" {
		head += " for application " + q.Application
	}
	head += ": " + counted(len(records), "record", "records")
	if len(parts) > 0 {
		head += ", and " + counted(len(parts), "more that needs a person", "more that need a person")
	}
	pageOf(w).putStyled(plainText, "", bold, head+".")
	printQuarantine(w, q.Items, "", names)
	if events { // from when its trigger was another one
		pageOf(w).blank()
		printAside(pageOf(w), q)
	}
}

// byPart separates records that are set aside from parts that need a person.
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

func printItems(p *page, title string, items []ident.QuarantineItem, rest, names string) {
	if len(items) == 0 {
		return
	}
	p.blank()
	p.putStyled(plainText, "", bold, title)
	causes := byCause(items)
	for _, c := range causes[:bounded(len(causes), rest)] {
		c.print(p, names)
	}
	printRest(p, len(causes), rest)
}

// noted converts notes to items, so that each cause is printed once.
func noted(notes []ident.Note) []ident.QuarantineItem {
	items := make([]ident.QuarantineItem, 0, len(notes))
	for _, n := range notes {
		items = append(items, ident.QuarantineItem{Key: n.Key, Name: n.Name, Cause: n.Text})
	}
	return items
}

// bounded returns how many of n are listed.
func bounded(n int, rest string) int {
	if rest == "" {
		return n
	}
	return min(n, most)
}

func printRest(p *page, n int, rest string) {
	if more := n - bounded(n, rest); more > 0 {
		p.put("  ", fmt.Sprintf("and %d more: %s", more, rest))
	}
}

// about returns the attribute that an item is about.
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
	case name == "": // perhaps the name is what cannot be read
		return fmt.Sprintf("key %s: ", key)
	}
	return fmt.Sprintf("%s (key %s): ", name, key)
}
