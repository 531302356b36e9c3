package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/subscription"
)

// These are the questions of `rollcall webhook-receiver`, and their answers.
type (
	// SubscriptionRequest names the application.
	SubscriptionRequest struct {
		OnDisk
		Application string
		Anew        bool // register: replace what is there
	}
	// SubscriptionAnswer says what was done at the application.
	SubscriptionAnswer struct {
		Application string `json:"application"`
		URL         string `json:"url,omitempty"`
		subscription.Outcome
		// NotListening says why the receiver does not take what comes; "" when it does.
		NotListening string `json:"not_listening,omitempty"`
	}
	// SubscriptionStatus says how the subscription of an application stands.
	SubscriptionStatus struct {
		Application string `json:"application"`
		URL         string `json:"url,omitempty"` // by the configuration
		// State is a word for scripts: active, failing, not_listening, lost, wrong,
		// not_registered, ending, ended, disabled, unknown.
		State SubscriptionState `json:"state"`
		Says  string            `json:"says"`
		Next  []string          `json:"next,omitempty"`
		// Registered is what was registered last; nil: nothing was.
		Registered *store.Subscription `json:"registered,omitempty"`
		// Found lists the subscriptions of this agent that the application has.
		Found        []subscription.Listed `json:"found"`
		NotAsked     string                `json:"not_asked,omitempty"` // why the application was not asked, or did not answer
		NotListening string                `json:"not_listening,omitempty"`
		LastEvent    time.Time             `json:"last_event,omitzero"`
		RunningAgent *Divergence           `json:"running_agent,omitempty"`

		want subscription.Want // by the configuration
	}
	// RegisteredSubscription is what was registered at an application.
	RegisteredSubscription = store.Subscription
	// SubscriptionState is a word for how a subscription stands.
	SubscriptionState string
)

// What somebody can want of a subscription.
const (
	WantRegistered = store.SubscriptionRegistered
	WantEnding     = store.SubscriptionEnding
	WantEnded      = store.SubscriptionEnded
)

// How a subscription can stand.
const (
	SubscriptionActive       SubscriptionState = "active"
	SubscriptionFailing      SubscriptionState = "failing"       // the receiver did not accept the last delivery
	SubscriptionNotListening SubscriptionState = "not_listening" // nobody would take a delivery
	SubscriptionLost         SubscriptionState = "lost"          // the application has ended it
	SubscriptionWrong        SubscriptionState = "wrong"         // it is not as the configuration wants it
	SubscriptionNone         SubscriptionState = "not_registered"
	SubscriptionEnding       SubscriptionState = "ending" // it is to end, and may still be there
	SubscriptionEnded        SubscriptionState = "ended"
	SubscriptionDisabled     SubscriptionState = "disabled" // the configuration does not let the application send
	SubscriptionUnknown      SubscriptionState = "unknown"  // the application did not say
)

// Needs reports whether a person has to do something about it.
func (s SubscriptionState) Needs() bool {
	return !slices.Contains([]SubscriptionState{SubscriptionActive, SubscriptionNone, SubscriptionEnded, SubscriptionDisabled}, s)
}

// Register lets an application tell of its changes.
func (s *Service) Register(ctx context.Context, caller Caller, in SubscriptionRequest) (SubscriptionAnswer, error) {
	now, err := s.subscribing(ctx, in)
	if err != nil {
		return SubscriptionAnswer{}, err
	}
	if err := now.MayReceive(in.Application); err != nil {
		return SubscriptionAnswer{}, exit.Mistake(err)
	}
	out, want, err := s.agent.Subscribe(ctx, now, in.Application, string(caller), in.Anew)
	if err != nil {
		return SubscriptionAnswer{}, cannotSubscribe(fmt.Errorf("register the subscription of %s: %w", in.Application, err))
	}
	answer := SubscriptionAnswer{Application: in.Application, URL: want.URL, Outcome: out}
	if err := now.ReceiverAnswers(ctx); err != nil {
		answer.NotListening = err.Error()
	}
	return answer, nil
}

// Unregister ends the subscription of an application.
func (s *Service) Unregister(ctx context.Context, caller Caller, in SubscriptionRequest) (SubscriptionAnswer, error) {
	now, err := s.subscribing(ctx, in)
	if err != nil {
		return SubscriptionAnswer{}, err
	}
	if conf := now.Config().Applications[in.Application]; !conf.Enabled {
		return SubscriptionAnswer{}, exit.Mistake(fmt.Errorf(
			"%s: application %s is not enabled, so it is not asked: enable it, or end the subscription in the application itself; "+
				"the agent does not make it again while it is not enabled", conf.Pos, in.Application))
	}
	out, err := s.agent.Unsubscribe(ctx, now, in.Application, string(caller))
	if err != nil {
		return SubscriptionAnswer{}, cannotSubscribe(fmt.Errorf("end the subscription of %s: %w", in.Application, err))
	}
	return SubscriptionAnswer{Application: in.Application, Outcome: out}, nil
}

// subscribing returns the configuration for a command that changes something at
// the application: the agent goes on with what it runs with.
func (s *Service) subscribing(ctx context.Context, in SubscriptionRequest) (*runtime.Snapshot, error) {
	now, differs, err := s.agent.OnDisk(ctx, in.OnDisk)
	if err != nil {
		return nil, err
	}
	if err := knownApplication(now, in.Application); err != nil {
		return nil, err
	}
	if differs.Touches("receiver", "applications."+in.Application) {
		return nil, exit.Mistake(fmt.Errorf("nothing was changed at %s: %s. Next: %s", in.Application, differs.Says(), differs.Next))
	}
	return now, nil
}

func knownApplication(now *runtime.Snapshot, name string) error {
	if _, ok := now.Config().Applications[name]; ok {
		return nil
	}
	known := []string{}
	for one := range now.Config().Applications {
		known = append(known, one)
	}
	slices.Sort(known)
	return exit.Mistake(&ident.UnknownNameError{What: "application", Name: name, Known: known})
}

// cannotSubscribe marks what a connector cannot do as the caller's to correct.
func cannotSubscribe(err error) error {
	var cannot *runtime.NoSubscriptionsError
	if errors.As(err, &cannot) {
		return exit.Mistake(err)
	}
	return err
}

// SubscriptionStatus says how the subscription of an application stands, by asking it.
func (s *Service) SubscriptionStatus(ctx context.Context, _ Caller, in SubscriptionRequest) (SubscriptionStatus, error) {
	now, differs, err := s.agent.OnDisk(ctx, in.OnDisk)
	if err != nil {
		return SubscriptionStatus{}, err
	}
	if err := knownApplication(now, in.Application); err != nil {
		return SubscriptionStatus{}, err
	}
	out := SubscriptionStatus{Application: in.Application, Found: []subscription.Listed{}, RunningAgent: differs}
	row, known, err := s.agent.Store().Subscription(ctx, in.Application)
	if err != nil {
		return out, err
	}
	if known {
		out.Registered = &row
	}
	if out.LastEvent, err = s.agent.Store().LastReceipt(ctx, in.Application); err != nil {
		return out, err
	}
	may := now.MayReceive(in.Application)
	if may != nil {
		out.NotAsked = may.Error()
	} else if err := s.askSubscription(ctx, now, &out); err != nil {
		return out, err
	}
	describeSubscription(&out, may == nil)
	return out, nil
}

func (s *Service) askSubscription(ctx context.Context, now *runtime.Snapshot, out *SubscriptionStatus) error {
	found, want, err := s.agent.ListSubscriptions(ctx, now, out.Application)
	out.URL, out.want = want.URL, want
	var cannot *runtime.NoSubscriptionsError
	switch {
	case errors.As(err, &cannot):
		return exit.Mistake(err)
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		out.NotAsked = err.Error()
	default:
		out.Found = append(out.Found, found...)
	}
	if err := now.ReceiverAnswers(ctx); err != nil {
		out.NotListening = err.Error()
	}
	return nil
}
