package abi

import (
	"maps"
	"slices"
)

// Receiver says how the application tells of changes by itself: which requests
// it sends, how they are authenticated and where in their body stands what. The
// agent's receiver takes such a delivery at URL/APPLICATION and Path, and runs
// the automations of the record that it names. The host reads deliveries; no
// code of the connector does.
type Receiver struct {
	Description string `toml:"description" json:"description,omitempty"`
	// Path is appended to the address of the application; "" for an application
	// that sends everything to the address itself.
	Path string       `toml:"path" json:"path,omitempty"`
	Auth ReceiverAuth `toml:"auth" json:"auth"`

	// ID is the JSON pointer to what is the same in every attempt of a delivery,
	// and in no other delivery. "", or no text there: a digest of the body takes its
	// place, and of Auth.Timestamp where there is no Time. So ID, Time or
	// Auth.Timestamp must be set, or equal bodies would be one delivery for ever.
	ID string `toml:"id" json:"id,omitempty"`
	// Time is the JSON pointer to when it happened: RFC 3339, or seconds or
	// milliseconds since 1970 as a number or as text.
	Time string `toml:"time" json:"time,omitempty"`
	Kind string `toml:"kind" json:"kind,omitempty"` // JSON pointer to the kind of the change
	Key  string `toml:"key" json:"key"`             // JSON pointer to the key of the record
	// Records is the JSON pointer to the kind of the record, in the application's
	// words; Endpoints names for each of them the endpoint that delivers such
	// records. Without Records every delivery is about a record of Endpoint.
	Records   string            `toml:"records" json:"records,omitempty"`
	Endpoints map[string]string `toml:"endpoints" json:"endpoints,omitempty"`
	Endpoint  string            `toml:"endpoint" json:"endpoint,omitempty"`

	// Take lists the kinds of changes that lead to a run; without it all do that
	// Ignore does not list. Ignore lists kinds that are known and of no interest.
	// A kind in neither list is not used, with a line in the log.
	Take   []string `toml:"take" json:"take,omitempty"`
	Ignore []string `toml:"ignore" json:"ignore,omitempty"`
	// Expect maps JSON pointers to the text that must stand there, such as the
	// version of the format. Other deliveries are not used, with a line in the log.
	Expect map[string]string `toml:"expect" json:"expect,omitempty"`

	// Subscribe and Unsubscribe name the webhooks that make and end the
	// subscription at the application, and Subscriptions the endpoint that lists
	// subscriptions. They belong together with Subscription.
	Subscribe     string        `toml:"subscribe" json:"subscribe,omitempty"`
	Unsubscribe   string        `toml:"unsubscribe" json:"unsubscribe,omitempty"`
	Subscriptions string        `toml:"subscriptions" json:"subscriptions,omitempty"`
	Subscription  *Subscription `toml:"subscription" json:"subscription,omitempty"`
}

// Subscription says how the webhooks of a receiver are told what to subscribe, and
// where a record of the list says what about a subscription.
type Subscription struct {
	// URLSetting, UsernameSetting and IDSetting name the settings that hold, during
	// a call of the webhooks, the address of the receiver, the user name that the
	// application is to send, and the id of the subscription that is to end.
	// PasswordSecret names the secret that holds the password or secret. The
	// administrator gives them once, in [receiver] and
	// [applications.NAME.receiver].
	URLSetting      string `toml:"url_setting" json:"url_setting"`
	UsernameSetting string `toml:"username_setting" json:"username_setting,omitempty"`
	IDSetting       string `toml:"id_setting" json:"id_setting"`
	PasswordSecret  string `toml:"password_secret" json:"password_secret,omitempty"`

	Created string `toml:"created" json:"created"` // JSON pointer to the id in the answer of Subscribe

	// The others are JSON pointers within a record of the list, whose key is the id.
	URL      string `toml:"url" json:"url"`
	Username string `toml:"username" json:"username,omitempty"`
	// Match holds the texts that a subscription to the events of this receiver has
	// besides; numbers and booleans count as they are spelled in JSON.
	Match     map[string]string `toml:"match" json:"match,omitempty"`
	Active    string            `toml:"active" json:"active,omitempty"`       // false, 0 or null: the application has ended it
	Delivered string            `toml:"delivered" json:"delivered,omitempty"` // when the last delivery was tried, RFC 3339
	Status    string            `toml:"status" json:"status,omitempty"`       // HTTP status of the last delivery
	Reason    string            `toml:"reason" json:"reason,omitempty"`       // why the application has ended it
}

// ReceiverAuthKind is a way in which an application proves that a delivery is
// its own.
type ReceiverAuthKind string

// The ways of authentication.
const (
	ReceiverBasic  ReceiverAuthKind = "basic"  // HTTP Basic: a user name and a password
	ReceiverHeader ReceiverAuthKind = "header" // a header with a secret
	ReceiverHMAC   ReceiverAuthKind = "hmac"   // a header with the HMAC of the body
)

// ReceiverAuth says how deliveries are authenticated. The administrator gives
// the secrets, which the connector never sees.
type ReceiverAuth struct {
	Kind   ReceiverAuthKind `toml:"kind" json:"kind"`
	Header string           `toml:"header" json:"header,omitempty"` // with the secret or the signature
	Prefix string           `toml:"prefix" json:"prefix,omitempty"` // before it, such as "sha256="

	Algorithm string `toml:"algorithm" json:"algorithm,omitempty"` // of hmac: sha256 (the default), sha512 or sha1
	Encoding  string `toml:"encoding" json:"encoding,omitempty"`   // of the signature: hex (the default) or base64
	// Timestamp is the header with the time of sending, which must be part of what
	// is signed. Signed is that text, with {timestamp} and {body}; default {body}.
	Timestamp string `toml:"timestamp" json:"timestamp,omitempty"`
	Signed    string `toml:"signed" json:"signed,omitempty"`
}

// What Signed may hold.
const (
	SignedBody      = "{body}"
	SignedTimestamp = "{timestamp}"
)

// About returns the endpoint that delivers records of a kind, which is what
// stands at Records.
func (r Receiver) About(records string) (endpoint string, ok bool) {
	if r.Records == "" {
		return r.Endpoint, true
	}
	endpoint, ok = r.Endpoints[records]
	return endpoint, ok
}

// EveryEndpoint lists the endpoints that deliveries can be about.
func (r Receiver) EveryEndpoint() []string {
	if r.Records == "" {
		return []string{r.Endpoint}
	}
	all := slices.Sorted(maps.Values(r.Endpoints))
	return slices.Compact(all)
}

// Interest says what a kind of change leads to.
type Interest int

// The interests.
const (
	Taken   Interest = iota // a run
	Ignored                 // nothing: the manifest says so
	Unknown                 // nothing: the manifest does not know the kind
)

// Takes says what a delivery of a kind leads to.
func (r Receiver) Takes(kind string) Interest {
	switch {
	case r.Kind == "" || slices.Contains(r.Take, kind):
		return Taken
	case slices.Contains(r.Ignore, kind):
		return Ignored
	case len(r.Take) == 0:
		return Taken
	}
	return Unknown
}
