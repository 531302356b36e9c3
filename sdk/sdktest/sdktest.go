// Package sdktest is a host in memory: it runs a connector natively, against
// any HTTP server, so that a connector's own tests need no WebAssembly.
//
// It answers like the real host as far as a connector can tell, with two
// differences: it reads a whole body before it returns a value from it, and it
// records waits instead of waiting. It enforces no limits and no rules about
// hosts, so use it for tests only.
package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Host is the test's side of one or more calls. The zero value works once URL
// is set. It is not safe for concurrent use.
type Host struct {
	URL       string // the application's base URL
	Settings  map[string]any
	Authorize func(*http.Request) // puts credentials on a request; may be nil
	Client    *http.Client        // default http.DefaultClient
	Retry     abi.RetryLimits     // default 5 attempts, 5 minutes
	Cursor    string              // what a fetch starts with; a successful fetch replaces it
	Secrets   map[string]string   // the manifest's secrets by name; the placeholder is replaced everywhere in a request
	Values    map[string]any      // what templates may name, besides settings: {"link": {"key": "7"}}
	// Macros renders templates instead of the small renderer of this package.
	// An error that wraps an abi.Code has that code.
	Macros func(template string, place abi.Place) (string, error)

	// Body and Until stand for a body that takes the position and for until, which
	// are evaluated by the agent: until is given the answer.
	Body  func(position string, number int64) string
	Until func(answer []byte, number, records, total int64) bool

	Records []Record        // what was emitted, over all calls
	Waits   []time.Duration // what was waited for
	Lines   []string        // what was logged, "level: text"

	input   []byte
	open    map[int64]*answer
	last    int64
	problem string
	failure *Error
	seen    map[string]bool // keys that were delivered
	idle    int             // pages in a row without a new key
	cursor  string
	answer  *Answer
	found   []abi.Finding
}

var _ sdk.Host = (*Host)(nil)

// Record is one record that the connector emitted.
type Record struct {
	Key     string // "" when the record has none
	Deleted bool   // the connector said that the key is deleted
	Partial bool   // an attachment: the field as base64 text
	Fields  map[string]any
}

// Answer is what the connector responded to a webhook.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	LinkKey string // "" when the webhook names none

	changes bool
}

// Error says how a call failed.
type Error struct {
	Kind    abi.Kind
	Message string
}

// Error returns the connector's message.
func (f *Error) Error() string { return f.Message }

type answer struct {
	status  int
	header  http.Header
	body    []byte
	changes bool // the request could change something
}

// Fetch runs the connector's Fetch. Its error is a *Error.
func (h *Host) Fetch(c sdk.Connector, e abi.Endpoint) error {
	e.Normalize()
	return h.run(c, abi.Call{Function: abi.FunctionFetch, Endpoint: &e})
}

// Invoke runs the connector's Invoke. Its error is a *Error.
func (h *Host) Invoke(c sdk.Connector, call abi.InvokeCall) (Answer, error) {
	call.Webhook.Normalize()
	err := h.run(c, abi.Call{Function: abi.FunctionInvoke, Webhook: &call.Webhook, Again: call.Again})
	if err == nil && h.answer == nil {
		err = &Error{Message: "the connector succeeded and did not respond"}
	}
	if err != nil {
		return Answer{}, err
	}
	if s := h.answer.Status; s < 200 || s > 299 {
		return Answer{}, &Error{Kind: abi.KindInternal, Message: fmt.Sprintf("the connector took an answer with status %d for a success", s)}
	}
	h.answer.LinkKey, err = linkKey(h.answer, call.Webhook)
	return *h.answer, err
}

// Check runs the connector's Check and returns what it found out about the
// rights in the needs. Its error is a *Error.
func (h *Host) Check(c sdk.Connector, needs ...abi.Need) ([]abi.Finding, error) {
	err := h.run(c, abi.Call{Function: abi.FunctionCheck, Needs: needs})
	return h.found, err
}

func (h *Host) run(c sdk.Connector, call abi.Call) error {
	call.Application, call.Settings, call.Retry = "test", h.Settings, h.Retry
	input, err := json.Marshal(call)
	if err != nil {
		return fmt.Errorf("encode the call: %w", err)
	}
	h.input, h.open, h.failure, h.cursor, h.answer, h.found = input, map[int64]*answer{}, nil, "", nil, nil
	h.seen, h.idle = map[string]bool{}, 0
	status := sdk.Run(h, c)
	switch {
	case h.failure != nil:
		return h.failure
	case status != 0:
		return &Error{Message: "the connector failed and did not say why"}
	case len(h.open) > 0:
		return &Error{Message: fmt.Sprintf("%d responses were not closed", len(h.open))}
	}
	if h.cursor != "" {
		h.Cursor = h.cursor
	}
	return nil
}

func (h *Host) no(code abi.Code, format string, args ...any) int64 {
	h.problem = fmt.Sprintf(format, args...)
	return int64(code)
}

func give(buf, answer []byte) int64 {
	if len(answer) <= len(buf) {
		copy(buf, answer)
	}
	return int64(len(answer))
}

// CallInput implements sdk.Host.
func (h *Host) CallInput(buf []byte) int64 { return give(buf, h.input) }

// HTTPSend implements sdk.Host.
func (h *Host) HTTPSend(request []byte) int64 {
	var r abi.Request
	if err := json.Unmarshal(request, &r); err != nil {
		return h.no(abi.CodeInput, "decode request: %v", err)
	}
	h.reveal(&r)
	req, err := h.build(r)
	if err != nil {
		return h.no(abi.CodeInput, "%v", err)
	}
	client := h.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return h.no(abi.CodeNetwork, "%v", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read to its end, or failed
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return h.no(abi.CodeNetwork, "read body: %v", err)
	}
	h.last++
	h.open[h.last] = &answer{
		status: resp.StatusCode, header: resp.Header, body: body, changes: r.Method != abi.MethodGet && r.Method != abi.MethodHead,
	}
	return h.last
}

func (h *Host) build(r abi.Request) (*http.Request, error) {
	base, err := url.Parse(h.URL)
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	if (r.Path == "") == (r.URL == "") {
		return nil, fmt.Errorf("exactly one of path and url must be set")
	}
	target := strings.TrimSuffix(h.URL, "/") + r.Path
	if prefix := strings.TrimSuffix(base.Path, "/"); prefix != "" && (r.Path == prefix || strings.HasPrefix(r.Path, prefix+"/")) {
		target = base.Scheme + "://" + base.Host + r.Path // as the host: a base path is not doubled
	}
	if r.URL != "" {
		target = r.URL
	}
	ref, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("URL: %w", err)
	}
	u := base.ResolveReference(ref)
	query := u.Query()
	for k, v := range r.Query {
		query.Set(k, v)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(context.Background(), r.Method, u.String(), strings.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for k, v := range r.Headers {
		req.Header.Set(k, v)
	}
	if h.Authorize != nil && r.Auth != abi.NoAuth {
		h.Authorize(req)
	}
	return req, nil
}
