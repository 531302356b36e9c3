package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/agent/internal/subscription"
	"github.com/rollcall-agent/rollcall/host/rescue"
)

// How often registered subscriptions are looked at. A look costs the application
// one request, which is 10 tokens at Pipedrive: 240 of the 30,000 that the smallest
// plan has for a day.
const (
	subscriptionsEvery = time.Hour
	pollAgainAfter     = time.Minute // while another run of an automation is under way
)

// keepSubscriptions looks at the registered subscriptions at the start and every
// hour until ctx ends. It makes those again that an application has ended, and then
// runs the automations of that application: changes may have been lost.
func (a *Agent) keepSubscriptions(ctx context.Context, e *engine.Engine) {
	owed := missed{}
	for next := time.Now(); ctx.Err() == nil; {
		if !time.Now().Before(next) {
			next = time.Now().Add(subscriptionsEvery)
			a.checkSubscriptions(ctx)
		}
		wait := time.Until(next)
		if !a.pollAfterRepairs(ctx, e, owed) {
			wait = min(wait, pollAgainAfter)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// checkSubscriptions looks at every registered subscription once.
func (a *Agent) checkSubscriptions(ctx context.Context) {
	list, err := a.store.Subscriptions(ctx)
	if err != nil {
		a.log.Error("the subscriptions of applications are not known", "cause", err)
		return
	}
	for _, one := range list {
		err := rescue.Do(a.log, func() error { a.checkSubscription(ctx, one); return nil }, "application", one.Application)
		if err != nil {
			a.log.Error("subscription not checked", "application", one.Application, "cause", err)
		}
	}
}

// checkSubscription looks at one subscription, unless its application is not
// enabled or may not send any more.
func (a *Agent) checkSubscription(ctx context.Context, one store.Subscription) {
	s := a.now.Load()
	_, ok := s.config.Applications[one.Application]
	if one.State != store.SubscriptionRegistered || !ok || s.MayReceive(one.Application) != nil {
		a.metrics.SubscriptionGone(one.Application)
		return
	}
	want, v, err := s.subscriptionVendor(ctx, one.Application)
	if err == nil {
		var out subscription.Outcome
		if out, _, err = a.keeper.Check(ctx, one.Application, want, v); err == nil {
			a.subscriptionChecked(one.Application, want, out)
			return
		}
	}
	if ctx.Err() != nil {
		return
	}
	a.metrics.Subscription(one.Application, false, false)
	a.log.Error("subscription not checked or not made again", "application", one.Application, "url", want.URL,
		"cause", AdviseSubscription(err), "next", "the agent tries again in an hour; until then the schedule finds what changes")
}

// subscriptionChecked says what a check has found.
func (a *Agent) subscriptionChecked(application string, want subscription.Want, out subscription.Outcome) {
	a.metrics.Subscription(application, !out.Failing, out.Made != "")
	if out.Made != "" {
		a.log.Warn("subscription made again", "application", application, "subscription", out.Made, "url", want.URL, "cause", out.Why)
	}
	if out.NotEnds != "" {
		a.log.Warn("subscription not ended", "application", application, "cause", out.NotEnds, "next", "the agent tries again in an hour")
	}
	if out.Odd != "" {
		a.log.Warn("the application shows its subscription otherwise than it was made, also when it is made again",
			"application", application, "subscription", out.Kept, "url", want.URL, "cause", out.Odd,
			"next", "the agent keeps it; rollcall webhook-receiver status says whether deliveries arrive")
	}
	if out.Failing {
		a.log.Warn("the application's last delivery was not accepted", "application", application, "subscription", out.Kept,
			"url", want.URL, "code", out.Status, "next", "rollcall webhook-receiver status says more")
	}
}

// Subscribe makes the subscription of an application for a caller.
func (a *Agent) Subscribe(
	ctx context.Context, s *Snapshot, application, by string, anew bool,
) (subscription.Outcome, subscription.Want, error) {
	want, v, err := s.subscriptionVendor(ctx, application)
	if err != nil {
		return subscription.Outcome{}, want, err
	}
	if err := v.checkSecret(ctx); err != nil {
		return subscription.Outcome{}, want, err
	}
	out, err := a.keeper.Register(ctx, application, want, v, by, anew)
	if err == nil {
		a.metrics.Subscription(application, !out.Failing, false)
	}
	return out, want, AdviseSubscription(err)
}

// Unsubscribe ends the subscription of an application for a caller.
func (a *Agent) Unsubscribe(ctx context.Context, s *Snapshot, application, by string) (subscription.Outcome, error) {
	want, v, err := s.subscriptionVendor(ctx, application)
	if err != nil {
		return subscription.Outcome{}, err
	}
	out, err := a.keeper.Unregister(ctx, application, want, v, by)
	a.metrics.SubscriptionGone(application)
	return out, AdviseSubscription(err)
}

// ListSubscriptions asks an application which of its subscriptions are this
// agent's.
func (a *Agent) ListSubscriptions(ctx context.Context, s *Snapshot, application string) ([]subscription.Listed, subscription.Want, error) {
	want, v, err := s.subscriptionVendor(ctx, application)
	if err != nil {
		return nil, want, err
	}
	list, err := v.List(ctx)
	if err != nil {
		return nil, want, AdviseSubscription(err)
	}
	row, known, err := a.store.Subscription(ctx, application)
	if err != nil {
		return nil, want, err
	}
	return subscription.Own(want, subscription.KnownOf(row, known), list), want, nil
}

// MayReceive returns why an application may not tell of changes, and what to do;
// nil when it may.
func (s *Snapshot) MayReceive(application string) error {
	conf := s.config.Applications[application]
	switch {
	case !conf.Enabled:
		return fmt.Errorf("%s: application %s is not enabled", conf.Pos, application)
	case !conf.Receiver.Enabled:
		return fmt.Errorf("%s: application %s may not tell of changes: set enabled = true in [applications.%s.receiver], "+
			"with what `rollcall connectors %s` says that deliveries are authenticated by", conf.Pos, application, application, conf.Connector)
	case s.config.Receiver.Listen == "" || s.config.Receiver.URL == "":
		return errors.New("there is no receiver: set listen in [receiver], and url to the address by which the application reaches it")
	}
	if m, known := s.manifest(application); known {
		return errors.Join(fit.Receiver(conf, m)...)
	}
	return nil // the call will say why no connector serves
}

// ReceiverAnswers returns why nobody can connect to the receiver at its own
// address; nil when something listens there.
func (s *Snapshot) ReceiverAnswers(ctx context.Context) error {
	at := s.config.Receiver.Listen
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	return conn.Close()
}
