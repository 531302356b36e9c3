package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/receiver"
	"github.com/rollcall-agent/rollcall/agent/internal/subscription"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// vendor asks an application about its subscriptions through its connector.
type vendor struct {
	served
	target host.Application
	conf   config.Application
	want   subscription.Want
	secret func(context.Context) (string, error) // that the application is to send; nil: none
}

var _ subscription.Vendor = (*vendor)(nil)

// subscriptionVendor returns what is wanted of an application's subscription, and
// how the application is asked.
func (s *Snapshot) subscriptionVendor(ctx context.Context, application string) (subscription.Want, *vendor, error) {
	conf, ok := s.config.Applications[application]
	if !ok {
		return subscription.Want{}, nil, fmt.Errorf("there is no application %q in the configuration", application)
	}
	c, err := s.servedTo(conf)
	if err != nil {
		return subscription.Want{}, nil, err
	}
	if r := c.manifest.Receiver; r == nil || r.Subscription == nil {
		return subscription.Want{}, nil, &NoSubscriptionsError{Application: application, Connector: conf.Connector, Receives: r != nil}
	}
	target, err := s.Application(ctx, conf, c.manifest)
	if err != nil {
		return subscription.Want{}, nil, err
	}
	// An instance of the connector that served other settings is not asked.
	target.Configured += "\x00subscription"
	secret := conf.Receiver.Password
	if secret.IsZero() {
		secret = conf.Receiver.Secret
	}
	want := subscription.Want{
		URL: s.config.ReceiverAddress(application, c.manifest.Receiver.Path), Username: conf.Receiver.Username, Reference: secret.String(),
	}
	if name := c.manifest.Receiver.Subscription.PasswordSecret; name != "" && !secret.IsZero() {
		target.Secrets = maps.Clone(target.Secrets)
		target.Secrets[name] = s.secret(secret)
	}
	v := &vendor{served: c, target: target, conf: conf, want: want}
	if !secret.IsZero() {
		v.secret = s.secret(secret)
	}
	return want, v, nil
}

// checkSecret refuses a password or secret with which the receiver would take
// nothing.
func (v *vendor) checkSecret(ctx context.Context) error {
	if v.secret == nil {
		return nil
	}
	secret, err := v.secret(ctx)
	if err != nil {
		return fmt.Errorf("the password or secret of the receiver: %w", err)
	}
	return receiver.CheckSecret(secret)
}

// NoSubscriptionsError says that a connector cannot make subscriptions.
type NoSubscriptionsError struct {
	Application, Connector string
	Receives               bool // it knows what the application sends
}

// Error says what to do instead.
func (e *NoSubscriptionsError) Error() string {
	if e.Receives {
		return fmt.Sprintf("connector %s of application %s knows what the application sends, and cannot make the subscription: "+
			"make it by hand in the application, to the address that the page about the receiver tells", e.Connector, e.Application)
	}
	return fmt.Sprintf("connector %s of application %s does not know how its application tells of changes: "+
		"they are found by the automations' schedules", e.Connector, e.Application)
}

// List returns the subscriptions that the application shows.
func (v *vendor) List(ctx context.Context) ([]subscription.Listed, error) {
	r := v.manifest.Receiver
	e, _ := v.manifest.Endpoint(r.Subscriptions) // otherwise the manifest would be refused
	var list []subscription.Listed
	var broken error
	_, err := v.Connector.Fetch(ctx, v.target, abi.FetchCall{Endpoint: e, Keep: fieldsOf(*r.Subscription)}, func(record host.Record) error {
		if record.Problem != "" {
			broken = errors.Join(broken, fmt.Errorf("a subscription cannot be read: %s", record.Problem))
			return nil
		}
		list = append(list, listedSubscription(record, *r.Subscription))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, broken
}

// fieldsOf lists the fields that are read: an application may list passwords too.
func fieldsOf(at abi.Subscription) []string {
	names := []string{}
	for _, pointer := range append(slices.Collect(maps.Keys(at.Match)), at.URL, at.Username, at.Active, at.Delivered, at.Status, at.Reason) {
		name, _, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
		if name = unescapePointer(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// unescapePointer returns a name as it stands in the document (RFC 6901 section 4).
func unescapePointer(name string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
}

// listedSubscription reads a record of the list.
func listedSubscription(r host.Record, at abi.Subscription) subscription.Listed {
	l := subscription.Listed{
		ID: r.Key, URL: textAt(r.Fields, at.URL), Username: textAt(r.Fields, at.Username), Reason: textAt(r.Fields, at.Reason),
		Ours: true, Active: true,
	}
	for pointer, want := range at.Match {
		l.Ours = l.Ours && textAt(r.Fields, pointer) == want
	}
	if at.Active != "" {
		switch textAt(r.Fields, at.Active) {
		case "", "0", "false":
			l.Active = false
		}
	}
	l.Delivered, _ = time.Parse(time.RFC3339, textAt(r.Fields, at.Delivered)) // otherwise it is not known
	l.Status, _ = strconv.Atoi(textAt(r.Fields, at.Status))
	return l
}

// textAt returns the value at a JSON pointer as text; "" for null and for what is
// not there.
func textAt(fields map[string]any, pointer string) string {
	if pointer == "" {
		return ""
	}
	var v any = fields
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		members, _ := v.(map[string]any)
		v = members[unescapePointer(name)]
	}
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return ""
}

// Make makes the subscription, if the receiver would take what comes of it.
func (v *vendor) Make(ctx context.Context) (id string, err error) {
	if err := v.checkSecret(ctx); err != nil {
		return "", err
	}
	return v.call(ctx, v.manifest.Receiver.Subscribe, fit.Subscribing{URL: v.want.URL, Username: v.want.Username})
}

// End ends a subscription. The connector takes one that is gone for ended.
func (v *vendor) End(ctx context.Context, id string) error {
	_, err := v.call(ctx, v.manifest.Receiver.Unsubscribe, fit.Subscribing{ID: id})
	return err
}

func (v *vendor) call(ctx context.Context, name string, told fit.Subscribing) (id string, err error) {
	target := v.target
	if target.Settings, err = fit.SubscriptionSettings(v.manifest, settingsOf(v.conf, v.manifest), told); err != nil {
		return "", err
	}
	w, err := fit.SubscriptionCall(v.manifest, name, target.Settings, time.Now())
	if err != nil {
		return "", err
	}
	if told.ID == "" {
		w.LinkKey = v.manifest.Receiver.Subscription.Created
	}
	answer, err := v.Connector.Invoke(ctx, target, dispatch.Call(w, false))
	return answer.LinkKey, err
}
