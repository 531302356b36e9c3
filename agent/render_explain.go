package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// momentFormat shows in which order things happened within a second.
const momentFormat = "2006-01-02 15:04:05.000"

func printExplanation(w io.Writer, e explanation, brief bool) {
	p := pageOf(w)
	printPerson(p, e.Person)
	for _, one := range e.Now {
		p.blank()
		printProspect(w, one, brief)
	}
	p.blank()
	switch {
	case e.Person.Earlier:
		more := ticked(fmt.Sprintf("--limit %d", min(10*len(e.Timeline), service.MostExplained))) + " shows more"
		if len(e.Timeline) == service.MostExplained {
			more = ticked(ident.Command("journal export")) + " has the runs, operations and decisions among them, and " +
				ticked(ident.Command("events --user USER")) + " the changes in the directory"
		}
		p.put("", "There are entries before these: "+more+".")
	case len(e.Timeline) == 0:
		p.put("", "Nothing that is kept has happened to them in this time.")
	}
	told := map[int64]bool{} // instances whose beginning a verdict tells
	for _, one := range e.Timeline {
		if one.Verdict != nil {
			told[one.Verdict.Instance] = true
		}
	}
	for _, one := range e.Timeline {
		if i := one.Orchestration; i != nil && i.Became == service.BecameBegun && told[i.Instance] {
			continue
		}
		printEntry(p, one, e.Person.DN)
	}
	printDivergence(w, e.RunningAgent, "What would happen now goes by the file.")
}

// printProspect shows what an automation would do about one record, and why.
func printProspect(w io.Writer, one service.Prospect, brief bool) {
	p := pageOf(w)
	head := "Now"
	if one.Automation != "" {
		head += fmt.Sprintf(", by automation %s (data source %s)", one.Automation, one.DataSource)
	}
	p.putStyled(plainText, "", bold, head+":")
	if one.Record != nil {
		printMapped(w, *one.Record, brief)
	} else if one.Key != "" {
		p.put("key "+string(one.Key)+": ", "no record to look at")
	}
	for _, n := range one.Notes {
		p.put("  note: ", n)
	}
	if one.Problem != "" {
		p.putStyled(yellow, "  not found out: ", plainText, one.Problem)
	}
	if one.Next != "" {
		p.put("    next: ", one.Next)
	}
	switch {
	case !one.Planned:
	case len(one.Changes) == 0 && (one.Record == nil || one.Record.Scope != service.ScopeIn):
		p.put("  plan: ", "nothing follows from this record alone; a whole run decides: "+ticked(ident.Command("plan", one.Automation)))
	case len(one.Changes) == 0:
		p.put("  plan: ", "a run would change nothing")
	default:
		p.put("  plan: ", "a run would do this")
		for _, c := range one.Changes {
			printChange(w, c, false)
		}
	}
}

func printPerson(p *page, who service.Person) {
	head := who.Name
	if who.DN != "" {
		head += fmt.Sprintf(" (%s)", who.DN)
	}
	p.putStyled(plainText, "", bold, head+": "+accountState(who))
	var names []string
	for _, n := range []struct{ label, value string }{
		{"account", who.Account}, {"UPN", who.UPN}, {"mail", who.Mail}, {"objectGUID", string(who.GUID)},
	} {
		if n.value != "" {
			names = append(names, n.label+" "+n.value)
		}
	}
	if len(names) > 0 {
		p.put("  ", strings.Join(names, ", "))
	}
	linked := map[string]bool{}
	for _, l := range who.Links {
		anchor := ident.Anchor(l.Space(), l.Key)
		linked[anchor] = true
		text := fmt.Sprintf("%s since %s, %s by %s", anchor, shown(l.Created), l.Origin, l.Maker())
		if l.Automation == "" && l.Orchestration == "" {
			text = fmt.Sprintf("%s since %s, %s", anchor, shown(l.Created), l.Origin)
		}
		if l.MissingSince != nil {
			text += ", disabled " + disabledFor(l.Off) + " " + shown(*l.MissingSince)
		}
		p.put("  link: ", text)
	}
	for _, r := range who.Records {
		if !linked[r] {
			p.put("  record: ", r+", not linked now")
		}
	}
	printWaiting(p, who)
}

// disabledFor says why rollcall disabled an account.
func disabledFor(off ident.Off) string {
	if off == "" {
		return "as missing"
	}
	return "by " + string(off)
}

// accountState says what has become of an account.
func accountState(who service.Person) string {
	switch who.State {
	case service.PersonDeleted:
		return "deleted, as was seen " + shown(who.Deleted)
	case service.PersonUnseen:
		if who.Seen.IsZero() {
			return "the directory has not been read"
		}
		return "not in what was read of the directory " + shown(who.Seen)
	case service.PersonPresent:
		return "in the directory"
	case service.PersonNone:
		return "a record without an account"
	}
	return string(who.State)
}

// printWaiting tells what is not settled about a person.
func printWaiting(p *page, who service.Person) {
	for _, h := range who.Held {
		p.putStyled(yellow, "  held: ", plainText, fmt.Sprintf("%s by run %d: %s or %s", h.Operation.Class, h.Run,
			ticked(ident.Command("approve", fmt.Sprint(h.Run))), ticked(ident.Command("reject", fmt.Sprint(h.Run)))))
	}
	for _, i := range who.Open {
		text := fmt.Sprintf("orchestration %d (%s), %s since %s", i.ID, i.Orchestration, i.Status, shown(i.Since))
		if i.Step != "" {
			text += " at step " + i.Step
		}
		if i.Cause != "" {
			text += ": " + i.Cause
		}
		p.putStyled(yellow, "  open: ", plainText, text)
		if i.Next != "" {
			p.put("    next: ", i.Next)
		}
	}
	for _, a := range who.Attend {
		p.putStyled(yellow, "  needs a person: ", plainText, fmt.Sprintf("%s%s (automation %s)", about(a.QuarantineItem), a.Cause, a.Automation))
		if a.Next != "" {
			p.put("    next: ", a.Next)
		}
	}
}

// entry begins an entry: when it was and what happened.
func (p *page) entry(e service.TimelineEntry, text string) {
	p.putStyled(plainText, e.At.Local().Format(momentFormat)+"  ", bold, text)
}

// printEntry prints one entry about the person who is at dn now.
func printEntry(p *page, e service.TimelineEntry, dn ident.DN) {
	switch {
	case e.Receipt != nil:
		printReceipt(p, e)
	case e.Outcome != nil:
		printPastOutcome(p, e, dn)
	case e.Link != nil:
		p.entry(e, linkText(*e.Link))
	case e.Event != nil:
		printEvent(p, e)
	case e.Verdict != nil:
		printJudged(p, e)
	case e.Orchestration != nil:
		printPastInstance(p, e)
	case e.Step != nil:
		printPastStep(p, e)
	}
}

func printReceipt(p *page, e service.TimelineEntry) {
	r := e.Receipt
	records := cmp.Or(r.Records, ident.UserKind)
	text := fmt.Sprintf("%s sends %q about its %s %s (delivery %s): %s", r.Application, r.Change, records, r.Key, r.Delivery, r.State)
	for _, run := range r.Runs {
		text += fmt.Sprintf(", run %d", run)
	}
	p.entry(e, text)
	printCause(p, r.Cause, "")
}

func printPastOutcome(p *page, e service.TimelineEntry, dn ident.DN) {
	o := e.Outcome
	ran := whatRan(service.Run{Automation: o.Automation, Orchestration: o.Orchestration})
	from := fmt.Sprintf("run %d of %s (%s, by %s)", o.Run, ran, o.RunKind, o.By)
	if o.Application == "" && o.Orchestration != "" {
		from = "orchestration " + o.Orchestration
	}
	p.entry(e, fmt.Sprintf("%s: %s %s", from, o.Operation.Class, became(o.Run, o.Outcome)))
	if o.Operation.Reason != "" && o.Operation.Reason != o.Cause {
		p.put("  ", o.Operation.Reason)
	}
	if o.Result != ident.ResultRejected && o.Result != ident.ResultDropped {
		printEffects(p, ops.Read(o.Operation, o.DN), dn)
		if o.Cause != "" {
			p.putStyled(plainText, "  ", red, o.Cause)
		}
	}
	if o.Next != "" {
		p.put("  next: ", o.Next)
	}
}

// printEffects leaves out where the person is, which the head says.
func printEffects(p *page, lines []ops.Line, dn ident.DN) {
	for _, line := range lines {
		if line.Sign == "" && line.Text == string(dn) {
			continue
		}
		p.putStyled(signs[line.Sign], "  "+cmp.Or(line.Sign, " ")+" ", plainText, line.Text)
	}
}

func linkText(l service.LinkChange) string {
	verb, how := "removed", ""
	if l.Made {
		verb, how = "made", ", "+string(l.Origin)
	}
	by := ""
	switch {
	case l.Run != 0:
		by = fmt.Sprintf(" by run %d", l.Run)
	case l.By != "":
		by = " by " + l.By
	case l.Orchestration != "":
		by = " by orchestration " + l.Orchestration
	}
	return fmt.Sprintf("link %s %s%s%s", ident.Anchor(ident.SpaceOf(l.Application, l.Kind), l.Key), verb, by, how)
}

func printJudged(p *page, e service.TimelineEntry) {
	v := e.Verdict
	text := fmt.Sprintf("automation %s, of event %d: %s", v.Automation, v.Event, v.Verdict)
	if v.Instance != 0 {
		text += fmt.Sprintf(", orchestration %d", v.Instance)
		if v.Orchestration != "" {
			text += fmt.Sprintf(" (%s)", v.Orchestration)
		}
	}
	p.entry(e, text)
	printCause(p, v.Cause, v.Next)
}

func printPastInstance(p *page, e service.TimelineEntry) {
	i := e.Orchestration
	text := fmt.Sprintf("orchestration %d (%s): %s", i.Instance, i.Orchestration, i.Became)
	switch i.Became {
	case service.BecameBegun, service.BecameHeld:
		text += ", " + i.Trigger
		if i.ReplayOf != 0 {
			text += fmt.Sprintf(" of orchestration %d", i.ReplayOf)
		}
		if i.Automation != "" {
			text += ", automation " + i.Automation
		}
		if i.Run != 0 {
			text += fmt.Sprintf(", run %d", i.Run)
		}
		text += ", by " + i.By
	}
	p.entry(e, text)
	printCause(p, i.Cause, i.Next)
}

func printPastStep(p *page, e service.TimelineEntry) {
	s := e.Step
	text := fmt.Sprintf("orchestration %d (%s)", s.Instance, s.Orchestration)
	if s.Step != "" {
		text += ", step " + s.Step
	}
	if s.Webhook != "" {
		text += ", webhook " + s.Webhook
	}
	if s.Attempt > 1 {
		text += fmt.Sprintf(", attempt %d", s.Attempt)
	}
	if s.By != "" {
		text += ", by " + s.By
	}
	p.entry(e, text+": "+s.Result)
	line := s.StoryLine
	line.Request, line.Answer = compact(line.Request), compact(line.Answer)
	p.exchange(line)
}

// compact leaves out the empty lines of a request or an answer.
func compact(text string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	return strings.Join(lines, "\n")
}
