package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func printQueue(w io.Writer, queue []service.Delivery) {
	if len(queue) == 0 {
		pageOf(w).put("", "Nothing waits to be sent.")
		return
	}
	table(w, "ID\tSTATE\tSINCE\tAPPLICATION\tWEBHOOK\tFOR\tNEXT TRY\tREASON", func(row func(...any)) {
		for _, d := range queue {
			row(d.ID, d.State, shown(d.Created), d.Application, d.Webhook, d.Name, shown(d.NextAt), waits(d))
		}
	})
}

// shown writes a time as other lists do; "" for none.
func shown(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(timeFormat)
}

// waits says why a delivery is not sent yet.
func waits(d service.Delivery) string {
	if d.WaitsFor != 0 {
		return fmt.Sprintf("waits for delivery %d, which is %s", d.WaitsFor, d.WaitsForState)
	}
	return d.Cause
}

func printDelivery(w io.Writer, d service.DeliveryAnswer) {
	p := pageOf(w)
	p.putStyled(plainText, "", bold, fmt.Sprintf("Delivery %d, %s for %s (%s): %s", d.ID, d.Webhook, d.Name, d.DN, d.State))
	p.put("  ", fmt.Sprintf("to application %s, step %s of orchestration %s, which is number %d, queued %s",
		d.Application, d.Step, d.Orchestration, d.Instance, shown(d.Created)))
	if d.WaitsFor != 0 {
		p.put("  ", "It "+waits(d.Delivery)+".")
	}
	if d.Request != "" {
		p.message("request", d.Request)
	}
	printTries(p, d.Story)
	if !told(d.Story, d.Cause, d.Next) {
		printCause(p, d.Cause, d.Next)
	}
	if d.State == service.DeliveryDead {
		p.blank()
		p.put("", fmt.Sprintf("Until somebody decides, nothing else about %s is sent to %s: %s sends it again, %s gives it up.",
			d.Name, d.Application, ticked(ident.Command("queue retry", fmt.Sprint(d.ID))), ticked(ident.Command("queue drop", fmt.Sprint(d.ID)))))
	}
}

// told says whether the last cause in a story is this one.
func told(story []service.StoryLine, cause, next string) bool {
	for _, s := range slices.Backward(story) {
		if s.Cause != "" {
			return s.Cause == cause && s.Next == next
		}
	}
	return false
}

func printTries(p *page, story []service.StoryLine) {
	for _, s := range story {
		p.blank()
		head := shown(s.At)
		if s.Step != "" {
			head += " " + s.Step
		}
		if s.Attempt > 1 {
			head += fmt.Sprintf(", attempt %d", s.Attempt)
		}
		if s.By != "" {
			head += ", by " + s.By
		}
		p.putStyled(plainText, "", bold, head+": "+s.Result)
		p.exchange(s)
	}
}

// exchange writes what a try sent, and what came of it.
func (p *page) exchange(s service.StoryLine) {
	if s.Request != "" {
		p.message("request", s.Request)
	}
	switch {
	case s.Status != 0:
		p.message(fmt.Sprintf("answer %d", s.Status), s.Answer)
	case s.Answer != "": // of a mail server
		p.message("answer", s.Answer)
	}
	printCause(p, s.Cause, s.Next)
}

// message writes what was sent or answered, with its lines below each other.
func (p *page) message(lead, text string) {
	if text == "" {
		p.put("  ", lead)
		return
	}
	first, rest, more := strings.Cut(text, "\n")
	p.put("  "+lead+": ", first)
	for more {
		first, rest, more = strings.Cut(rest, "\n")
		p.put("    ", first)
	}
}

func printCause(p *page, cause, next string) {
	if cause != "" {
		p.putStyled(plainText, "  ", red, cause)
	}
	if next != "" {
		p.put("  next: ", next)
	}
}

func printInstances(w io.Writer, instances []service.Instance) {
	if len(instances) == 0 {
		pageOf(w).put("", "No orchestration is under way.")
		return
	}
	table(w, "ID\tORCHESTRATION\tFOR\tSTATUS\tSTEP\tSINCE\tNEXT AT\tSTARTED BY\tREASON", func(row func(...any)) {
		for _, i := range instances {
			reason := i.Cause
			if i.Status == service.InstanceHeld && i.Next != "" {
				reason += ": " + i.Next
			}
			row(i.ID, i.Orchestration, i.Name, i.Status, i.Step, shown(i.Since), shown(i.NextAt), i.By, reason)
		}
	})
}

func printInstance(w io.Writer, i service.InstanceAnswer) {
	p := pageOf(w)
	p.putStyled(plainText, "", bold, fmt.Sprintf("Orchestration %d, %s for %s (%s): %s", i.ID, i.Orchestration, i.Name, i.DN, i.Status))
	p.put("  ", fmt.Sprintf("started by %s (%s) %s, at this point since %s", i.By, i.Trigger, shown(i.Created), shown(i.Since)))
	printCause(p, i.Cause, i.Next)
	p.blank()
	for n, step := range i.Steps {
		style := plainText
		if n == i.At {
			style = bold
		}
		p.putStyled(plainText, "  ", style, step)
	}
	printTries(p, i.Story)
}
