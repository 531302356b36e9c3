package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// printReport prints a run; brief omits what went as planned.
func printReport(w io.Writer, r service.Report, how extent) {
	p := pageOf(w)
	printRunHead(p, r)
	failed := failures{}
	for i, o := range outcomes(r, how.brief) {
		if i == 0 {
			p.apart()
		}
		if nth := failed.count(o); !how.brief || nth <= fewFailures {
			printOutcome(p, r.ID, o, how.brief)
		}
	}
	if how.brief {
		failed.print(p, r.ID)
	}
	if !p.terminal || how.brief || len(r.Outcomes) == 0 {
		p.blank()
	}
	if r.Summary.Records.Delivered > 0 || r.Summary.NobodyMissing != "" {
		printSummary(p, r.Summary, how,
			fmt.Sprintf("`rollcall --output json runs %d` shows all, `rollcall quarantine list --all` all that need a person", r.ID))
	}
	switch {
	case r.Summary.Began != nil:
		printBegan(p, r)
	case r.Kind == service.KindEvents && r.Result == service.RunOK:
		p.put("", "What the orchestrations that changes in the directory began have done there within a day.")
		printCounts(p, r)
	case r.Kind == service.KindEvents:
		p.put("", "Changes in the directory asked for more orchestrations than limits.start lets begin in 24 hours.")
	default:
		printCounts(p, r)
	}
	printDone(p, r.Outcomes)
	printDecided(p, r)
	if n := r.Count(ident.ResultHeld); n > 0 {
		show := ""
		if how.brief {
			show = fmt.Sprintf("`rollcall runs %d` shows what, ", r.ID)
		}
		p.blank()
		p.put("", fmt.Sprintf("Held: %s. %s`rollcall approve %d` applies it, `rollcall reject %d` does not.", operations(n), show, r.ID, r.ID))
	}
	printStillHeld(p, r.Summary.HeldBy)
	printCaused(p, r)
	printFailed(p, r)
}

// printFailed ends the report of a run that did not do what it should have
// done, because at the end of a long report its beginning has scrolled away.
func printFailed(p *page, r service.Report) {
	f := failed(r)
	if f == "" {
		return
	}
	p.blank()
	if len(r.Outcomes) > 0 {
		p.putStyled(plainText, "", red, r.Error)
	}
	p.putStyled(plainText, "", bold,
		fmt.Sprintf("%sRun %d of %s, with %s applied.", f, r.ID, whatRan(r.Run), operations(r.Count(ident.ResultApplied))))
}

// whatRan names what a run was made for.
func whatRan(r service.Run) string {
	switch {
	case r.Automation == "":
		return "orchestration " + r.Orchestration
	case r.Orchestration != "":
		return "automation " + r.Automation + ", orchestration " + r.Orchestration
	}
	return "automation " + r.Automation
}

// failed returns the line that begins and ends the report of such a run.
func failed(r service.Report) string {
	var silent exitError
	switch {
	case r.Result == service.RunInterrupted:
		return "STOPPED: "
	case errors.As(resultExit(r.Result), &silent) && int(silent) == exit.Failed:
		return "FAILED: "
	}
	return ""
}

// outcomes returns the outcomes of a run to print, grouped by person.
func outcomes(r service.Report, brief bool) []ident.Outcome {
	list := slices.DeleteFunc(slices.Clone(r.Outcomes), func(o ident.Outcome) bool {
		return brief && (o.DoneAlready() || o.Result == ident.ResultApplied || o.Result == ident.ResultHeld)
	})
	slices.SortStableFunc(list, func(x, y ident.Outcome) int { return x.Key.Compare(y.Key) })
	return list
}

func printRunHead(p *page, r service.Report) {
	head := fmt.Sprintf("%sRun %d of %s", failed(r), r.ID, whatRan(r.Run))
	if r.Application != "" {
		head += " for application " + r.Application
	}
	head += fmt.Sprintf(" (%s, by %s) %s", r.Kind, r.By, r.Started.Local().Format(timeFormat))
	if r.Ended != nil {
		head += fmt.Sprintf(", %.1f s", r.Ended.Sub(r.Started).Seconds())
	}
	p.putStyled(plainText, "", bold, fmt.Sprintf("%s: %s", head, r.Result))
	if r.Error != "" {
		p.putStyled(plainText, "  ", red, r.Error)
	}
}

// results lists the results in the order in which a report counts them.
var results = []ident.Result{
	ident.ResultApplied, ident.ResultHeld, ident.ResultRefused, ident.ResultSkipped,
	ident.ResultFailed, ident.ResultRejected, ident.ResultDropped,
}

func printCounts(p *page, r service.Report) {
	for _, class := range ident.Classes {
		for _, result := range results {
			if n := r.Counts[class][result]; n > 0 {
				p.put("", fmt.Sprintf("%-8s %-8s %d", class, result, n))
			}
		}
	}
	if len(r.Counts) == 0 && r.Result != service.RunFailed && r.Result != service.RunInterrupted {
		p.put("", "Nothing was changed.")
	}
}

// printDone counts operations that were skipped because nothing was left to
// do.
func printDone(p *page, list []ident.Outcome) {
	done := 0
	for _, o := range list {
		if o.DoneAlready() {
			done++
		}
	}
	if done > 0 {
		p.put("", fmt.Sprintf("Skipped because done already: %s.", operations(done)))
	}
}

// printDecided counts what has become of the operations that the run held.
func printDecided(p *page, r service.Report) {
	counts := map[string]int{}
	var order []string
	for _, o := range r.Outcomes {
		if o.Run != r.ID || !decided(o) {
			continue
		}
		text := became(r.ID, o)
		if counts[text]++; counts[text] == 1 {
			order = append(order, text)
		}
	}
	if len(order) > 0 {
		p.blank()
		p.putStyled(plainText, "", bold, "What became of what it held:")
	}
	for _, text := range order {
		p.put("  ", operations(counts[text])+": "+text)
	}
}

// decided reports whether an operation was held and no longer is.
func decided(o ident.Outcome) bool {
	return o.SettledBy != 0 || o.Result == ident.ResultRejected || o.Result == ident.ResultDropped
}

// printStillHeld says which runs hold operations that this one would have
// made.
func printStillHeld(p *page, list []service.HeldBy) {
	if len(list) > 0 {
		p.blank()
	}
	for i := 0; i < len(list); {
		run := list[i].Run
		var what []string
		for ; i < len(list) && list[i].Run == run; i++ {
			what = append(what, fmt.Sprintf("%d %s", list[i].Count, list[i].Class))
		}
		p.put("", fmt.Sprintf("Still held by run %d (`rollcall runs %d` shows what): %s", run, run, strings.Join(what, ", ")))
	}
}

// became says what became of an operation, to a reader of the run that held it
// or of the run that carried it out.
func became(run int64, o ident.Outcome) string {
	approved := ""
	if o.Approved != "" {
		approved = "approved by " + o.Approved + ", "
	}
	switch {
	case o.Result == ident.ResultRejected:
		return o.Cause
	case o.Result == ident.ResultDropped:
		return fmt.Sprintf("%s: %s", o.Result, o.Cause)
	case o.Run != run:
		return fmt.Sprintf("held by run %d, %s%s", o.Run, approved, o.Result)
	case o.SettledBy != 0:
		return fmt.Sprintf("%s%s in run %d", approved, o.Result, o.SettledBy)
	}
	return approved + string(o.Result)
}

func printOutcome(p *page, run int64, o ident.Outcome, brief bool) {
	state := became(run, o)
	if o.Run == run && decided(o) {
		state += ", " + o.At.Local().Format(timeFormat)
	}
	printHead(p, o.Operation.Class, o.Name, o.Key, state)
	if !brief && o.Operation.Reason != o.Cause {
		p.detail(o.Operation.Reason)
	}
	if o.Cause != "" && o.Result != ident.ResultRejected && o.Result != ident.ResultDropped { // these say it in the head
		p.detail(o.Cause)
	}
	if o.Next != "" {
		p.put(p.indent()+"next: ", o.Next)
	}
	if !brief {
		printEffect(p, o.DN, o.Operation)
		p.apart()
	}
}

func printRuns(w io.Writer, runs []service.Run) {
	table(w, "RUN\tAUTOMATION\tAPPLICATION\tSTARTED\tSECONDS\tKIND\tBY\tRESULT\tERROR", func(row func(...any)) {
		for _, r := range runs {
			took := "-"
			if r.Ended != nil {
				took = fmt.Sprintf("%.1f", r.Ended.Sub(r.Started).Seconds())
			}
			row(r.ID, cmp.Or(r.Automation, whatRan(r)), orDash(r.Application), r.Started.Local().Format(timeFormat), took,
				r.Kind, r.By, resultOf(r), r.Error)
		}
	})
}

// resultOf says how much of what a run held is still open.
func resultOf(r service.Run) string {
	switch {
	case r.Held+r.HeldStarts > 0:
		return fmt.Sprintf("%s (%d open)", r.Result, r.Held+r.HeldStarts)
	case r.Result == service.RunHeld:
		return string(r.Result) + " (none open)"
	}
	return string(r.Result)
}
