package abi_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// received returns a manifest with a receiver that names everything.
func received() abi.Manifest {
	m := good()
	m.Webhooks = append(m.Webhooks,
		abi.Webhook{Name: "subscribe", Path: "/hooks", Body: "{}"}, abi.Webhook{Name: "unsubscribe", Method: "DELETE", Path: "/hooks/1"})
	m.Endpoints = append(m.Endpoints, abi.Endpoint{Name: "hooks", Path: "/hooks", Key: "/id"}, abi.Endpoint{Name: "persons", Path: "/persons", Key: "/id"})
	m.Receiver = &abi.Receiver{
		Path: "/v2/events", ID: "/meta/id", Time: "/meta/timestamp", Kind: "/meta/action", Key: "/meta/entity_id", Records: "/meta/entity",
		Auth:      abi.ReceiverAuth{Kind: abi.ReceiverHMAC, Header: "x-signature", Prefix: "v0=", Timestamp: "x-time", Signed: "v0:{timestamp}:{body}"},
		Endpoints: map[string]string{"user": "users", "person": "persons"},
		Take:      []string{"create", "change"}, Ignore: []string{"delete"}, Expect: map[string]string{"/meta/version": "2.0"},
		Subscribe: "subscribe", Unsubscribe: "unsubscribe", Subscriptions: "hooks",
		Subscription: &abi.Subscription{
			URLSetting: "hook_url", UsernameSetting: "hook_user", IDSetting: "hook_id", PasswordSecret: "hook_password",
			Created: "/data/id", URL: "/url", Username: "/user", Active: "/active", Delivered: "/at", Status: "/status", Reason: "/reason",
			Match: map[string]string{"/object": "user"},
		},
	}
	m.Settings = append(m.Settings, abi.Setting{Name: "hook_url", Type: abi.SettingString}, abi.Setting{Name: "hook_user", Type: abi.SettingString},
		abi.Setting{Name: "hook_id", Type: abi.SettingInt}, abi.Setting{Name: "hook_switch", Type: abi.SettingBool})
	m.Secrets = append(m.Secrets, abi.Secret{Name: "hook_password"})
	m.Normalize()
	return m
}

func TestValidateReceiver(t *testing.T) {
	if err := received().Validate(); err != nil {
		t.Fatal(err)
	}
	auth := func(change func(*abi.ReceiverAuth)) func(*abi.Receiver) {
		return func(r *abi.Receiver) { change(&r.Auth) }
	}
	own := func(change func(*abi.Subscription)) func(*abi.Receiver) {
		return func(r *abi.Receiver) { change(r.Subscription) }
	}
	for name, c := range map[string]struct {
		change func(*abi.Receiver)
		want   string
	}{
		"kind of auth":      {auth(func(a *abi.ReceiverAuth) { *a = abi.ReceiverAuth{Kind: "digest"} }), `receiver: auth: kind "digest" is not basic, header or hmac`},
		"no auth":           {auth(func(a *abi.ReceiverAuth) { *a = abi.ReceiverAuth{} }), `receiver: auth: kind "" is not basic, header or hmac`},
		"header of basic":   {auth(func(a *abi.ReceiverAuth) { *a = abi.ReceiverAuth{Kind: "basic", Header: "x"} }), "header does not belong to kind basic"},
		"hash of header":    {auth(func(a *abi.ReceiverAuth) { *a = abi.ReceiverAuth{Kind: "header", Header: "x", Algorithm: "sha256"} }), "algorithm does not belong to kind header"},
		"no header":         {auth(func(a *abi.ReceiverAuth) { *a = abi.ReceiverAuth{Kind: "header"} }), `header "" is not the name of a header`},
		"header":            {auth(func(a *abi.ReceiverAuth) { a.Header = "x y" }), `header "x y" is not the name of a header`},
		"prefix":            {auth(func(a *abi.ReceiverAuth) { a.Prefix = "a\nb" }), "line break"},
		"algorithm":         {auth(func(a *abi.ReceiverAuth) { a.Algorithm = "md5" }), `algorithm "md5" is not sha256, sha512 or sha1`},
		"encoding":          {auth(func(a *abi.ReceiverAuth) { a.Encoding = "base32" }), `encoding "base32" is not hex or base64`},
		"time not signed":   {auth(func(a *abi.ReceiverAuth) { a.Signed = "{body}" }), "a time that is not signed proves nothing"},
		"time from nowhere": {auth(func(a *abi.ReceiverAuth) { a.Timestamp = "" }), "timestamp and {timestamp} in signed belong together"},
		"time header":       {auth(func(a *abi.ReceiverAuth) { a.Timestamp = "x y" }), `timestamp "x y" is not the name of a header`},
		"body not signed":   {auth(func(a *abi.ReceiverAuth) { a.Signed = "{timestamp}" }), `does not hold {body} once`},
		"unknown in signed": {auth(func(a *abi.ReceiverAuth) { a.Signed = "{id}{timestamp}{body}" }), "only {body} and {timestamp} stand in braces"},
		"path":              {func(r *abi.Receiver) { r.Path = "events" }, `receiver: path "events" is not a slash and segments`},
		"way out":           {func(r *abi.Receiver) { r.Path = "/../metrics" }, "is not a slash and segments"},
		"path pattern":      {func(r *abi.Receiver) { r.Path = "/{x}" }, "is not a slash and segments"},
		"end of path":       {func(r *abi.Receiver) { r.Path = "/x/" }, "is not a slash and segments"},
		"id":                {func(r *abi.Receiver) { r.ID = "meta" }, "receiver: id: JSON pointer"},
		"nothing of its own": {
			func(r *abi.Receiver) { r.ID, r.Time, r.Auth = "", "", abi.ReceiverAuth{Kind: abi.ReceiverBasic} },
			"receiver: id, time or auth.timestamp must be set: without any of them two changes with the same body would be one delivery",
		},
		"time":                    {func(r *abi.Receiver) { r.Time = "meta" }, "receiver: time: JSON pointer"},
		"kind":                    {func(r *abi.Receiver) { r.Kind = "meta" }, "receiver: kind: JSON pointer"},
		"key":                     {func(r *abi.Receiver) { r.Key = "meta" }, "receiver: key: JSON pointer"},
		"no key":                  {func(r *abi.Receiver) { r.Key = "" }, "receiver: key is missing"},
		"records":                 {func(r *abi.Receiver) { r.Records = "meta" }, "receiver: records: JSON pointer"},
		"expect":                  {func(r *abi.Receiver) { r.Expect = map[string]string{"meta": "2"} }, "receiver: expect: JSON pointer"},
		"expect a body":           {func(r *abi.Receiver) { r.Expect = map[string]string{"": "2"} }, "receiver: expect: an empty pointer"},
		"take without kind":       {func(r *abi.Receiver) { r.Kind = "" }, "take and ignore need kind"},
		"kind without take":       {func(r *abi.Receiver) { r.Take, r.Ignore = nil, nil }, "kind needs take or ignore"},
		"empty kind":              {func(r *abi.Receiver) { r.Take = []string{""} }, "take, ignore: an empty text"},
		"taken and ignored":       {func(r *abi.Receiver) { r.Ignore = []string{"create"} }, `"create" is in take and in ignore`},
		"too many":                {func(r *abi.Receiver) { r.Ignore = slices.Repeat([]string{"x"}, 101) }, "more than 100 values"},
		"about two":               {func(r *abi.Receiver) { r.Endpoint = "users" }, "either endpoint must be set, or records and endpoints"},
		"about nothing":           {func(r *abi.Receiver) { r.Records, r.Endpoints = "", nil }, "either endpoint must be set"},
		"about something":         {func(r *abi.Receiver) { r.Endpoints = nil }, "either endpoint must be set"},
		"unknown endpoint":        {func(r *abi.Receiver) { r.Endpoints["user"] = "people" }, `endpoints: there is no endpoint "people"`},
		"one unknown":             {func(r *abi.Receiver) { r.Records, r.Endpoints, r.Endpoint = "", nil, "people" }, `endpoint: there is no endpoint "people"`},
		"subscribe":               {func(r *abi.Receiver) { r.Subscribe = "x" }, `subscribe: there is no webhook "x"`},
		"unsubscribe":             {func(r *abi.Receiver) { r.Unsubscribe = "x" }, `unsubscribe: there is no webhook "x"`},
		"no way back":             {func(r *abi.Receiver) { r.Unsubscribe = "" }, "subscribe, unsubscribe, subscriptions and subscription belong together"},
		"subscriptions":           {func(r *abi.Receiver) { r.Subscriptions = "x" }, `subscriptions: there is no endpoint "x"`},
		"no look-up":              {func(r *abi.Receiver) { r.Subscriptions = "" }, "belong together"},
		"no description":          {func(r *abi.Receiver) { r.Subscription = nil }, "belong together"},
		"only described":          {func(r *abi.Receiver) { r.Subscribe, r.Unsubscribe, r.Subscriptions = "", "", "" }, "belong together"},
		"address":                 {own(func(s *abi.Subscription) { s.URLSetting = "x" }), `subscription: url_setting: there is no setting "x"`},
		"address of another type": {own(func(s *abi.Subscription) { s.URLSetting = "hook_id" }), `url_setting: setting "hook_id" has the type int`},
		"id of the end":           {own(func(s *abi.Subscription) { s.IDSetting = "hook_switch" }), `id_setting: setting "hook_switch" has the type bool`},
		"user":                    {own(func(s *abi.Subscription) { s.UsernameSetting = "x" }), `username_setting: there is no setting "x"`},
		"password":                {own(func(s *abi.Subscription) { s.PasswordSecret = "x" }), `password_secret: there is no secret "x"`},
		"created":                 {own(func(s *abi.Subscription) { s.Created = "" }), `created and url are missing`},
		"no url":                  {own(func(s *abi.Subscription) { s.URL = "" }), `created and url are missing`},
		"pointer of match":        {own(func(s *abi.Subscription) { s.Match = map[string]string{"x": "1"} }), `subscription: match: JSON pointer`},
		"active pointer":          {own(func(s *abi.Subscription) { s.Active = "x" }), `subscription: active: JSON pointer`},
		"status pointer":          {own(func(s *abi.Subscription) { s.Status = "x" }), `subscription: status: JSON pointer`},
		"reason pointer":          {own(func(s *abi.Subscription) { s.Reason = "x" }), `subscription: reason: JSON pointer`},
		"delivered pointer":       {own(func(s *abi.Subscription) { s.Delivered = "x" }), `subscription: delivered: JSON pointer`},
	} {
		m := received()
		c.change(m.Receiver)
		refusesManifest(t, name, m, c.want)
	}
}

// TestAReceiverNeedsNoSubscription: at some applications an administrator makes it
// by hand.
func TestAReceiverNeedsNoSubscription(t *testing.T) {
	m := received()
	r := m.Receiver
	r.Subscribe, r.Unsubscribe, r.Subscriptions, r.Subscription = "", "", "", nil
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
}

func TestReceiverDefaults(t *testing.T) {
	m := abi.Manifest{Receiver: &abi.Receiver{Auth: abi.ReceiverAuth{Kind: abi.ReceiverHMAC, Header: "x"}}}
	m.Normalize()
	want := abi.ReceiverAuth{Kind: abi.ReceiverHMAC, Header: "x", Algorithm: "sha256", Encoding: "hex", Signed: "{body}"}
	if diff := cmp.Diff(want, m.Receiver.Auth); diff != "" {
		t.Error(diff)
	}
}

func TestReceiverSaysWhatItIsAbout(t *testing.T) {
	r := *received().Receiver
	for records, want := range map[string]string{"user": "users", "person": "persons", "deal": "", "": ""} {
		if got, ok := r.About(records); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", records, got, ok)
		}
	}
	if got := r.EveryEndpoint(); !slices.Equal(got, []string{"persons", "users"}) {
		t.Error(got)
	}
	one := abi.Receiver{Endpoint: "users"}
	if got, ok := one.About("anything"); got != "users" || !ok || !slices.Equal(one.EveryEndpoint(), []string{"users"}) {
		t.Error(got, ok)
	}
}

func TestReceiverTakes(t *testing.T) {
	both := *received().Receiver
	for kind, want := range map[string]abi.Interest{"create": abi.Taken, "delete": abi.Ignored, "merge": abi.Unknown, "": abi.Unknown} {
		if got := both.Takes(kind); got != want {
			t.Errorf("%q: %v", kind, got)
		}
	}
	if (abi.Receiver{}).Takes("x") != abi.Taken || (abi.Receiver{Kind: "/k", Ignore: []string{"a"}}).Takes("b") != abi.Taken {
		t.Error("what nobody excludes is not taken")
	}
}
