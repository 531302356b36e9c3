package service

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/subscription"
)

// describeSubscription says in plain words what a status means, and what to do. may
// says that the configuration lets the application send.
func describeSubscription(s *SubscriptionStatus, may bool) {
	register := ident.Command("webhook-receiver register", s.Application)
	unregister := ident.Command("webhook-receiver unregister", s.Application)
	say := func(state SubscriptionState, says string, next ...string) {
		s.State, s.Says, s.Next = state, says, next
	}
	wanted := s.Registered != nil && s.Registered.State == store.SubscriptionRegistered
	active := slices.IndexFunc(s.Found, func(l subscription.Listed) bool {
		return l.Active && !(wanted && slices.Contains(s.Registered.Leftovers, l.ID))
	})
	switch {
	case !may:
		say(SubscriptionDisabled, "The application is not asked and sends nothing: "+s.NotAsked)
		if wanted {
			s.Next = []string{"it was registered: put the configuration right, or end it in the application itself"}
		}
	case s.NotAsked != "":
		say(SubscriptionUnknown, "The application did not say: "+s.NotAsked, "automations find by their schedules what changes meanwhile")
	case s.Registered != nil && s.Registered.State == store.SubscriptionEnding && active >= 0:
		say(SubscriptionEnding, "The subscription is to end, and the application still has it.", unregister)
	case active < 0 && wanted:
		say(SubscriptionLost, lostBecause(s.Found), register+" makes it now; the agent makes it again within an hour while it runs")
	case active < 0 && s.Registered != nil:
		say(SubscriptionEnded, "The subscription was ended on purpose, and is not made again.", register+" makes a new one")
	case active < 0:
		say(SubscriptionNone, "Nothing is registered: changes are found by the schedules.", register)
	case !wanted:
		say(SubscriptionWrong,
			fmt.Sprintf("The application has subscription %s to this receiver, which this agent did not register.", s.Found[active].ID),
			register+" takes it over", unregister+" ends it")
	default:
		describeActive(s, register)
	}
}

// lostBecause says what became of a subscription that the application does not have.
func lostBecause(found []subscription.Listed) string {
	for _, l := range found {
		if l.Reason != "" {
			return fmt.Sprintf("The application has ended subscription %s: %s.", l.ID, l.Reason)
		}
	}
	return "The application does not have the subscription any more, as when deliveries have failed for days."
}

const afterManyFailures = "after many failures the application sends nothing for a while, and ends the subscription in the end; " +
	"the schedules find what is missed"

// describeActive describes a subscription that is registered and there.
func describeActive(s *SubscriptionStatus, register string) {
	say := func(state SubscriptionState, says string, next ...string) {
		s.State, s.Says, s.Next = state, says, next
	}
	plan := subscription.Decide(s.want, subscription.KnownOf(*s.Registered, true), s.Found, false)
	switch {
	case plan.Keep == nil:
		say(SubscriptionWrong, "The subscription is not as it should be: "+plan.Why+".",
			register+" replaces it; the agent does so within an hour while it runs")
	case s.NotListening != "":
		say(SubscriptionNotListening, "The application has the subscription, and nothing listens for what it sends: "+s.NotListening,
			"start the agent: `rollcall run`, or its service", "if it runs, look for the receiver in its log")
	case plan.Keep.Refused():
		says := "The receiver refused the last delivery with %d: the application sends another user name or password."
		say(SubscriptionFailing, fmt.Sprintf(says, plan.Keep.Status), register+" replaces the subscription with the password of now")
	case plan.Keep.Failing() && plan.Keep.Status == http.StatusForbidden:
		say(SubscriptionFailing, "The application's last delivery was answered with 403, forbidden: it told of something too long ago or in "+
			"the future, or something in front of the receiver does not let the application through. The password is not the cause.",
			"look for the receiver in the agent's log: with a line there, compare the clock of this machine with the real time, "+
				"and max_age of [receiver] with how long the application repeats",
			"without a line, give the application the permission in the proxy or firewall that answers", afterManyFailures)
	case plan.Keep.Failing() && plan.Keep.Status == 0:
		say(SubscriptionFailing, "The application got no answer to its last delivery.",
			"look whether "+s.URL+" can be reached from outside: name, port, certificate", afterManyFailures)
	case plan.Keep.Failing():
		say(SubscriptionFailing, fmt.Sprintf("The application's last delivery was answered with %d.", plan.Keep.Status),
			"look for the receiver in the agent's log; without a line there, something in front of it answers", afterManyFailures)
	default:
		say(SubscriptionActive, "The application tells of changes at once.")
	}
	if plan.Keep == nil {
		return
	}
	if plan.Odd != "" {
		s.Next = append(s.Next, "the application shows that "+plan.Odd+", also when the subscription is made again: it is kept as it is")
	}
	for _, l := range plan.End {
		s.Next = append(s.Next, fmt.Sprintf("subscription %s to %s is not needed: the agent ends it within an hour while it runs, "+
			"and "+register+" now", l.ID, l.URL))
	}
}
