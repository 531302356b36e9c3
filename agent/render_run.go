package main

import (
	"fmt"
	"io"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// printReport prints a run; brief leaves out what went as planned.
func printReport(w io.Writer, r engine.Report, brief bool) {
	printRunHead(w, r)
	done := 0
	for _, o := range r.Outcomes {
		if o.DoneAlready() {
			done++
		}
		if brief && (o.DoneAlready() || o.Result == ident.ResultApplied || o.Result == ident.ResultHeld) {
			continue
		}
		printOutcome(w, r.ID, o, brief)
	}
	_, _ = fmt.Fprintln(w)
	if r.Summary.Records.Delivered > 0 || r.Summary.NobodyMissing != "" {
		printSummary(w, r.Summary, fmt.Sprintf("`rollcall --output json runs %d` shows all, `rollcall quarantine list` all that need a person", r.ID))
	}
	printCounts(w, r)
	if done > 0 {
		_, _ = fmt.Fprintf(w, "Skipped because done already: %s.\n", operations(done))
	}
	printDecided(w, r)
	if n := r.Count(ident.ResultHeld); n > 0 {
		show := ""
		if brief {
			show = fmt.Sprintf("`rollcall runs %d` shows what, ", r.ID)
		}
		_, _ = fmt.Fprintf(w, "\nHeld: %s. %s`rollcall approve %d` applies it, `rollcall reject %d` does not.\n", operations(n), show, r.ID, r.ID)
	}
	printStillHeld(w, r.Summary.HeldBy)
}

func printRunHead(w io.Writer, r engine.Report) {
	_, _ = fmt.Fprintf(w, "Run %d of automation %s", r.ID, printable(r.Automation))
	if r.Application != "" {
		_, _ = fmt.Fprintf(w, " for application %s", printable(r.Application))
	}
	_, _ = fmt.Fprintf(w, " (%s, by %s) %s", r.Kind, printable(r.By), r.Started.Local().Format(timeFormat))
	if r.Ended != nil {
		_, _ = fmt.Fprintf(w, ", %.1f s", r.Ended.Sub(r.Started).Seconds())
	}
	_, _ = fmt.Fprintf(w, ": %s\n", r.Result)
	if r.Error != "" {
		_, _ = fmt.Fprintf(w, "  %s\n", printable(r.Error))
	}
}

// results are in the order in which a report counts them.
var results = []ident.Result{
	ident.ResultApplied, ident.ResultHeld, ident.ResultRefused, ident.ResultSkipped,
	ident.ResultFailed, ident.ResultRejected, ident.ResultDropped,
}

func printCounts(w io.Writer, r engine.Report) {
	for _, class := range ident.Classes {
		for _, result := range results {
			if n := r.Counts[class][result]; n > 0 {
				_, _ = fmt.Fprintf(w, "%-8s %-8s %d\n", class, result, n)
			}
		}
	}
	if len(r.Counts) == 0 && r.Result != store.RunFailed && r.Result != store.RunInterrupted {
		_, _ = fmt.Fprintln(w, "Nothing was changed.")
	}
}

// printDecided counts what has become of the operations that the run held.
func printDecided(w io.Writer, r engine.Report) {
	counts := map[string]int{}
	var order []string
	for _, o := range r.Outcomes {
		if o.Run != r.ID || o.SettledBy == 0 && o.Result != ident.ResultRejected && o.Result != ident.ResultDropped {
			continue
		}
		text := became(r.ID, o)
		if counts[text]++; counts[text] == 1 {
			order = append(order, text)
		}
	}
	if len(order) > 0 {
		_, _ = fmt.Fprintln(w, "\nWhat became of what it held:")
	}
	for _, text := range order {
		_, _ = fmt.Fprintf(w, "  %s: %s\n", operations(counts[text]), printable(text))
	}
}

// printStillHeld tells which runs hold what this one would have made.
func printStillHeld(w io.Writer, list []engine.HeldBy) {
	for i, h := range list {
		if i == 0 || list[i-1].Run != h.Run {
			_, _ = fmt.Fprintf(w, "\nStill held by run %d (`rollcall runs %d` shows what):", h.Run, h.Run)
		} else {
			_, _ = fmt.Fprint(w, ",")
		}
		_, _ = fmt.Fprintf(w, " %d %s", h.Count, printable(string(h.Class)))
		if i == len(list)-1 || list[i+1].Run != h.Run {
			_, _ = fmt.Fprintln(w)
		}
	}
}

// became tells what became of an operation, to a reader of a run: the one that
// held it, or the one that carried it out.
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

func printOutcome(w io.Writer, run int64, o ident.Outcome, brief bool) {
	state := became(run, o)
	if o.Run == run && (o.SettledBy != 0 || o.Result == ident.ResultRejected || o.Result == ident.ResultDropped) {
		state += ", " + o.At.Local().Format(timeFormat)
	}
	printHead(w, o.Operation.Class, o.Name, o.Key, state)
	line := func(label, text string) {
		if text != "" {
			_, _ = fmt.Fprintf(w, "           %s%s\n", label, printable(text))
		}
	}
	if !brief && o.Operation.Reason != o.Cause {
		line("", o.Operation.Reason)
	}
	if o.Result != ident.ResultRejected && o.Result != ident.ResultDropped { // which say it in the head
		line("", o.Cause)
	}
	line("next: ", o.Next)
	if !brief {
		printEffect(w, o.DN, o.Operation)
	}
}

func printRuns(w io.Writer, runs []store.Run) {
	table(w, "RUN\tAUTOMATION\tAPPLICATION\tSTARTED\tSECONDS\tKIND\tBY\tRESULT\tERROR", func(row func(...any)) {
		for _, r := range runs {
			took := "-"
			if r.Ended != nil {
				took = fmt.Sprintf("%.1f", r.Ended.Sub(r.Started).Seconds())
			}
			row(r.ID, r.Automation, orDash(r.Application), r.Started.Local().Format(timeFormat), took, r.Kind, r.By, resultOf(r), r.Error)
		}
	})
}

// resultOf tells of a run that held something how much of it is open still.
func resultOf(r store.Run) string {
	switch {
	case r.Held > 0:
		return fmt.Sprintf("%s (%d open)", r.Result, r.Held)
	case r.Result == store.RunHeld:
		return string(r.Result) + " (none open)"
	}
	return string(r.Result)
}
