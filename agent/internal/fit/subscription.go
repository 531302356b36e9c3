package fit

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/outbound"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Subscribing is what the webhooks are told that make and end a subscription.
type Subscribing struct {
	URL, Username string
	ID            string // of the subscription that is to end; "" to make one
}

// SubscriptionSettings returns the settings of an application during these calls.
func SubscriptionSettings(m abi.Manifest, settings map[string]any, told Subscribing) (map[string]any, error) {
	about, all := m.Receiver.Subscription, maps.Clone(settings)
	if all == nil {
		all = map[string]any{}
	}
	for _, one := range []struct{ setting, value string }{
		{about.URLSetting, told.URL}, {about.UsernameSetting, told.Username}, {about.IDSetting, told.ID},
	} {
		if one.setting == "" {
			continue
		}
		delete(all, one.setting) // the administrator's is for webhooks used by themselves
		if one.value == "" {
			continue
		}
		value, err := settingValue(m, one.setting, one.value)
		if err != nil {
			return nil, err
		}
		all[one.setting] = value
	}
	return all, nil
}

// settingValue returns a text as the value of a setting.
func settingValue(m abi.Manifest, name, text string) (any, error) {
	for _, s := range m.Settings {
		if s.Name != name || s.Type != abi.SettingInt {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the application's id %q of a subscription is not a whole number, which setting %s takes", text, name)
		}
		return n, nil
	}
	return text, nil
}

// SubscriptionCall renders a webhook that makes or ends a subscription, which is
// about no object. Whether it is there already is asked before by the list of
// subscriptions, so the call has no verify.
func SubscriptionCall(m abi.Manifest, name string, settings map[string]any, now time.Time) (abi.Webhook, error) {
	w, ok := m.Webhook(name)
	if !ok {
		return w, fmt.Errorf("connector %s has no webhook %q", m.Name, name)
	}
	w.Verify, w.LinkKey, w.LinkRecords, w.LinkMatch = nil, "", "", nil
	scope := outbound.NewScope().WithMembers("settings", settingNames(m)...)
	compiled, err := outbound.Compile(w, scope)
	if err != nil {
		return w, err
	}
	return compiled.Render(expr.Env{"settings": settings, "now": now})
}
