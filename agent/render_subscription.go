package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// printRegistered says what was done to let an application tell of changes.
func printRegistered(w io.Writer, a service.SubscriptionAnswer) {
	p := pageOf(w)
	if a.Made != "" {
		p.put("", fmt.Sprintf("%s sends its changes to %s: subscription %s made (%s).", a.Application, a.URL, a.Made, a.Why))
	} else {
		p.put("", fmt.Sprintf("%s sends its changes to %s: subscription %s was there already.", a.Application, a.URL, a.Kept))
	}
	if len(a.Ended) > 0 {
		p.put("", "Ended: subscription "+strings.Join(a.Ended, ", ")+".")
	}
	if a.NotEnds != "" {
		p.putStyled(yellow, "Caution: ", plainText, a.NotEnds)
	}
	if a.Odd != "" {
		p.putStyled(yellow, "Caution: ", plainText, "the application shows that "+a.Odd+", also when it is made again: it is kept as it is")
	}
	if a.Failing {
		p.putStyled(yellow, "Caution: ", plainText,
			"its last delivery was not accepted: "+ticked(ident.Command("webhook-receiver status", a.Application)))
	}
	if a.NotListening != "" {
		p.putStyled(yellow, "Caution: ", plainText, "nothing listens for what it sends ("+a.NotListening+"): start the agent, "+
			"as the application ends a subscription that fails for long")
	}
}

// printUnregistered says what was ended.
func printUnregistered(w io.Writer, a service.SubscriptionAnswer) {
	p := pageOf(w)
	if len(a.Ended) == 0 {
		p.put("", a.Application+" has no subscription to this receiver: there was nothing to end.")
		return
	}
	p.put("", fmt.Sprintf("%s sends nothing any more: subscription %s ended. The schedules find what changes.",
		a.Application, strings.Join(a.Ended, ", ")))
}

// printSubscription shows how the subscription of an application stands.
func printSubscription(w io.Writer, s service.SubscriptionStatus) {
	p := pageOf(w)
	colour := plainText
	if s.State.Needs() {
		colour = yellow
	}
	p.putStyled(colour, "", bold, s.Application+": "+string(s.State))
	p.put("", s.Says)
	p.blank()
	line := func(name, value string) {
		if value != "" {
			p.put(name+": ", value)
		}
	}
	line("Address", s.URL)
	for _, l := range s.Found {
		text := fmt.Sprintf("%s to %s", l.ID, l.URL)
		if !l.Active {
			text += ", ended by the application"
			if l.Reason != "" {
				text += ": " + l.Reason
			}
		}
		line("Subscription", text)
		if !l.Delivered.IsZero() {
			answer := "no answer"
			if l.Status != 0 {
				answer = fmt.Sprint(l.Status)
			}
			line("Last delivery", shown(l.Delivered)+", answered with "+answer)
		}
	}
	line("Last received", shown(s.LastEvent))
	if r := s.Registered; r != nil {
		line("Registered", registeredText(*r))
		line("Last looked at", shown(r.Checked))
		if r.Repairs > 0 {
			line("Made again", fmt.Sprintf("%s, last at %s: %s", counted(r.Repairs, "time", "times"), shown(r.Repaired), r.RepairedWhy))
		}
		if r.Poll {
			line("Owed", "a run of each automation of the application, as changes may have been lost")
		}
		line("Last look failed", r.Cause)
	}
	if s.NotListening != "" {
		line("Receiver", "nothing listens: "+s.NotListening)
	}
	if len(s.Next) > 0 {
		p.blank()
		for _, next := range s.Next {
			p.put("Next: ", next)
		}
	}
	printDivergence(w, s.RunningAgent, "This is the receiver of the file.")
}

func registeredText(r service.RegisteredSubscription) string {
	switch r.State {
	case service.WantRegistered:
		return "by " + r.By
	case service.WantEnding:
		return "to end, by " + r.By + " at " + shown(r.Changed)
	case service.WantEnded:
		return "ended by " + r.By + " at " + shown(r.Changed)
	}
	return string(r.State)
}
