package abi

import (
	"fmt"
	"slices"
)

// Functions of a connector as a Call names them.
const (
	FunctionFetch  = "fetch"
	FunctionInvoke = "invoke"
	FunctionCheck  = "check"
)

// Call is the JSON that call_input answers: everything that a connector is
// told. It holds no credentials.
type Call struct {
	Function    string         `json:"function"`
	Application string         `json:"application"`
	Settings    map[string]any `json:"settings,omitempty"` // as the manifest declares them, defaults filled in
	Endpoint    *Endpoint      `json:"endpoint,omitempty"` // of a fetch: templates are already text
	Webhook     *Webhook       `json:"webhook,omitempty"`  // of an invoke: templates are already text
	Again       bool           `json:"again,omitempty"`    // of an invoke: see InvokeCall
	Needs       []Need         `json:"needs,omitempty"`    // of a check: what the configuration uses
	Retry       RetryLimits    `json:"retry"`
}

// RetryLimits bound how often and how long a connector tries.
type RetryLimits struct {
	Attempts  int   `json:"attempts"`    // sends of one request, the first included
	MaxWaitMS int64 `json:"max_wait_ms"` // of one wait before another attempt
}

// FetchCall is what the agent asks of a connector.
type FetchCall struct {
	// Endpoint is complete: what the configuration changes is merged into what
	// the manifest says, and templates are evaluated.
	Endpoint Endpoint
	// Keep lists the top-level fields of a record that are delivered; nil
	// delivers all of them. The key is found whether it is listed or not.
	Keep []string
	// Cursor is what the connector set in the last call that counted; "" in the
	// first one. It is for mode changes.
	Cursor string
	// Retry replaces the host's limits where it is not zero.
	Retry RetryLimits
}

// InvokeCall is one webhook that the agent asks a connector to carry out.
type InvokeCall struct {
	// Webhook is complete: what the configuration changes is merged into what
	// the manifest says, and templates are evaluated.
	Webhook Webhook
	// Again says that an earlier call may have carried it out. A webhook with
	// Verify is then asked about before it is sent.
	Again bool
	// Retry replaces the host's limits where it is not zero.
	Retry RetryLimits
}

// Need is something of the application that the configuration uses. A check
// says of each right whether the account has it.
type Need struct {
	Use    string   `json:"use"` // what uses it: "endpoint users", "webhook create_user"
	Method string   `json:"method"`
	Path   string   `json:"path,omitempty"` // or URL, as the endpoint or webhook has it
	URL    string   `json:"url,omitempty"`
	Rights []string `json:"rights,omitempty"` // those of the manifest
}

// RightState says whether an account has a right.
type RightState string

// The states of a right.
const (
	RightGranted RightState = "granted"
	RightLacking RightState = "lacking"
	RightUnknown RightState = "unknown" // the application does not tell
)

// Finding is what a check found out about a right. A check delivers findings
// with emit_json.
type Finding struct {
	Use    string     `json:"use"` // of the Need
	Right  string     `json:"right"`
	State  RightState `json:"state"`
	Reason string     `json:"reason"` // how it is known, and what to do
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

// Methods of requests, here so that a connector need not link an HTTP client.
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

// Request is the JSON that http_send takes. Either URL or Path is set.
type Request struct {
	Method string `json:"method"`
	// URL is absolute, or a path on the host of the base URL. It must lie on an
	// allowed host.
	URL string `json:"url,omitempty"`
	// Path starts with a slash and is appended to the application's base URL.
	Path string `json:"path,omitempty"`
	// Query is added to what the URL or path has already, sorted by name.
	Query   map[string]string `json:"query,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	// Auth names an auth profile of the manifest; "" is the one that the
	// application is configured with, NoAuth sends no credentials.
	Auth string `json:"auth,omitempty"`
	// Cost is the price of the request in the application's own tokens, which
	// its daily budget is counted in; 0 is 1.
	Cost int64 `json:"cost,omitempty"`
}
