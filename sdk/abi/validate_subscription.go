package abi

import (
	"maps"
	"slices"
)

// checkSubscribing checks the calls that make, end and list subscriptions.
func (m Manifest) checkSubscribing(p problems, r Receiver) {
	set := 0
	for _, is := range []bool{r.Subscribe != "", r.Unsubscribe != "", r.Subscriptions != "", r.Subscription != nil} {
		if is {
			set++
		}
	}
	if set == 0 {
		return
	}
	if set < 4 {
		p.add("subscribe, unsubscribe, subscriptions and subscription belong together")
	}
	for field, name := range map[string]string{"subscribe": r.Subscribe, "unsubscribe": r.Unsubscribe} {
		if _, ok := m.Webhook(name); name != "" && !ok {
			p.add("%s: there is no webhook %q", field, name)
		}
	}
	if r.Subscriptions != "" {
		m.checkNamesEndpoint(p, "subscriptions", r.Subscriptions)
	}
	if r.Subscription != nil {
		m.checkSubscription(p.in("subscription"), *r.Subscription, r.Auth.Kind)
	}
}

// checkSubscription checks that everything can be passed on that a subscription
// needs, and that one's own can be recognised.
func (m Manifest) checkSubscription(p problems, s Subscription, auth ReceiverAuthKind) {
	m.checkNamesSetting(p, "url_setting", s.URLSetting, SettingString)
	m.checkNamesSetting(p, "id_setting", s.IDSetting, SettingString, SettingInt)
	if auth == ReceiverBasic || s.UsernameSetting != "" {
		m.checkNamesSetting(p, "username_setting", s.UsernameSetting, SettingString)
	}
	if _, ok := m.Secret(s.PasswordSecret); !ok && (auth == ReceiverBasic || s.PasswordSecret != "") {
		p.add("password_secret: there is no secret %q", s.PasswordSecret)
	}
	if s.Created == "" || s.URL == "" {
		p.add("created and url are missing: the JSON pointers to the id in the answer of subscribe, and to the address in a record of the list")
	}
	checkPointer(p, "created", s.Created)
	checkPointer(p, "url", s.URL)
	checkPointer(p, "username", s.Username)
	checkPointer(p, "active", s.Active)
	checkPointer(p, "delivered", s.Delivered)
	checkPointer(p, "status", s.Status)
	checkPointer(p, "reason", s.Reason)
	for _, at := range slices.Sorted(maps.Keys(s.Match)) {
		checkPointer(p, "match", at)
	}
	if len(s.Match) > maxSettings {
		p.add("match has more than %d values", maxSettings)
	}
}

func (m Manifest) checkNamesSetting(p problems, field, name string, types ...SettingType) {
	for _, s := range m.Settings {
		if s.Name != name {
			continue
		}
		if !slices.Contains(types, s.Type) {
			p.add("%s: setting %q has the type %s", field, name, s.Type)
		}
		return
	}
	p.add("%s: there is no setting %q", field, name)
}
