package runtime

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// SubscriptionError is an error of a call about subscriptions, with what to do.
type SubscriptionError struct {
	Err  error
	Next string
}

// Error returns the error and the next step.
func (e *SubscriptionError) Error() string { return e.Err.Error() + "\nNext: " + e.Next }

// Unwrap returns the error without the next step.
func (e *SubscriptionError) Unwrap() error { return e.Err }

// AdviseSubscription adds the next step to an error of a call about subscriptions,
// where the application's answer suggests one.
func AdviseSubscription(err error) error {
	var call *host.CallError
	if !errors.As(err, &call) {
		return err
	}
	if next := subscriptionNext(call); next != "" {
		return &SubscriptionError{err, next}
	}
	return err
}

func subscriptionNext(call *host.CallError) string {
	switch call.Kind {
	case abi.KindForbidden:
		return "give the account behind the credentials the right to manage webhooks, or the token the scope that is named, then try again"
	case abi.KindRateLimited:
		when := "later"
		if call.After > 0 {
			when = "in " + orchestration.Spell(call.After.Round(time.Second))
		}
		return fmt.Sprintf("the application allows no more requests now: try again %s; what is registered stays", when)
	case abi.KindConfig, abi.KindBadResponse, abi.KindRefused:
		said := text.Lower(call.Message)
		switch {
		case call.Status < 400 || call.Status > 499:
			return call.Next
		case strings.Contains(said, "url"):
			return "the application must be able to reach url of [receiver] from outside: a public name, https with a certificate that it trusts, " +
				"no private or loopback address, no redirect"
		case strings.Contains(said, "already"), strings.Contains(said, "limit"), strings.Contains(said, "maximum"):
			return "the account has as many subscriptions as the application allows: end some that nobody needs there, or use another account"
		}
		return "compare url, username and password of the receiver with what the application says"
	}
	if call.Sent {
		return "it is not known whether that arrived: try again, a subscription that was made is found and not made twice"
	}
	return call.Next
}
