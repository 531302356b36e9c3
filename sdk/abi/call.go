package abi

import (
	"fmt"
	"slices"
)

// The functions of a connector, as Call.Function names them.
const (
	FunctionFetch  = "fetch"
	FunctionInvoke = "invoke"
	FunctionCheck  = "check"
)

// Call is the JSON that call_input returns: everything that a connector learns
// about its task. It holds no credentials.
type Call struct {
	Function    string         `json:"function"`
	Application string         `json:"application"`
	Settings    map[string]any `json:"settings,omitempty"` // as the manifest declares them, defaults filled in
	Endpoint    *Endpoint      `json:"endpoint,omitempty"` // set in a fetch: its templates are evaluated
	Webhook     *Webhook       `json:"webhook,omitempty"`  // set in an invoke: its templates are evaluated
	Again       bool           `json:"again,omitempty"`    // set in an invoke: see InvokeCall
	Needs       []Need         `json:"needs,omitempty"`    // set in a check: what the configuration uses
	Retry       RetryLimits    `json:"retry"`
}

// RetryLimits bounds how often and how long a connector tries.
type RetryLimits struct {
	Attempts  int   `json:"attempts"`    // how often one request is sent, the first time included
	MaxWaitMS int64 `json:"max_wait_ms"` // the longest wait before another attempt
}

// FetchCall is a fetch that the agent asks of a connector.
type FetchCall struct {
	// Endpoint is complete: the configuration's changes are merged into the
	// manifest's definition, and templates are evaluated.
	Endpoint Endpoint
	// Keep lists the top-level fields of a record to deliver; nil delivers all
	// of them. The key is found whether it is listed or not.
	Keep []string
	// Cursor is what the connector set in the last fetch that counted; "" in the
	// first one. It is for endpoints in mode changes.
	Cursor string
	// Retry replaces the host's limits where it is not zero.
	Retry RetryLimits
	// Pages is the number of pages after which the fetch is ended; 0: it goes on
	// to the end.
	Pages int
	// Unkeyed says that no key is looked for in the records, since the caller knows
	// whom the answer is about. In place of the list there may be the record itself, or
	// null when there is none.
	Unkeyed bool
}

// InvokeCall is one webhook that the agent asks a connector to carry out.
type InvokeCall struct {
	// Webhook is complete: the configuration's changes are merged into the
	// manifest's definition, and templates are evaluated.
	Webhook Webhook
	// Again says that an earlier call may already have carried out the webhook.
	// If the webhook has a Verify, it is asked before anything is sent.
	Again bool
	// Retry replaces the host's limits where it is not zero.
	Retry RetryLimits
}

// Need is something of the application that the configuration uses. A check
// reports for each of its rights whether the account has it.
type Need struct {
	Use    string   `json:"use"` // what uses it: "endpoint users", "webhook create_user"
	Method string   `json:"method"`
	Path   string   `json:"path,omitempty"` // Path or URL, as the endpoint or webhook defines it
	URL    string   `json:"url,omitempty"`
	Rights []string `json:"rights,omitempty"` // as the manifest lists them
}

// RightState says whether an account has a right.
type RightState string

// The states of a right.
const (
	RightGranted RightState = "granted"
	RightLacking RightState = "lacking"
	RightUnknown RightState = "unknown" // the application does not say
)

// Finding is what a check learned about one right. A check delivers its
// findings with emit_json.
type Finding struct {
	Use    string     `json:"use"` // as in the Need
	Right  string     `json:"right"`
	State  RightState `json:"state"`
	Reason string     `json:"reason"` // how the check knows, and what to do
}

// Check reports whether a finding is about one of the needs.
func (f Finding) Check(needs []Need) error {
	switch f.State {
	case RightGranted, RightLacking, RightUnknown:
	default:
		return fmt.Errorf("finding about %q: state %q is not granted, lacking or unknown", f.Use, f.State)
	}
	if !slices.ContainsFunc(needs, func(n Need) bool { return n.Use == f.Use }) {
		return fmt.Errorf("finding about %q: nothing of this name is needed", f.Use)
	}
	return nil
}

// HTTP methods, repeated here so that a connector need not link net/http.
const (
	MethodGet    = "GET"
	MethodHead   = "HEAD"
	MethodPost   = "POST"
	MethodPut    = "PUT"
	MethodPatch  = "PATCH"
	MethodDelete = "DELETE"
)

// NoAuth as Request.Auth sends a request without credentials.
const NoAuth = "none"

// Request is the JSON that http_send takes. Exactly one of URL and Path is set.
type Request struct {
	Method string `json:"method"`
	// URL is absolute, or a path on the host of the base URL. It must lie on an
	// allowed host.
	URL string `json:"url,omitempty"`
	// Path starts with a slash and is appended to the application's base URL.
	Path string `json:"path,omitempty"`
	// Query is added, sorted by name, to any query in the URL or path.
	Query   map[string]string `json:"query,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	// Auth names an auth profile of the manifest. "" is the profile that the
	// application is configured with; NoAuth sends no credentials.
	Auth string `json:"auth,omitempty"`
	// Cost is the price of the request in the tokens of the application's daily
	// budget; 0 means 1.
	Cost int64 `json:"cost,omitempty"`
}
