package sdk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Call is one call of the connector. It is not safe for concurrent use.
type Call struct {
	host    Host
	input   abi.Call
	buffer  []byte // reused for everything that the host returns
	request []byte // reused for everything that is sent
	unknown bool   // an attempt at the webhook may have been carried out
}

// Application returns the name of the application in the configuration.
func (c *Call) Application() string { return c.input.Application }

// Endpoint returns the endpoint that a fetch must deliver; zero in a check.
func (c *Call) Endpoint() abi.Endpoint {
	if c.input.Endpoint == nil {
		return abi.Endpoint{}
	}
	return *c.input.Endpoint
}

// Webhook returns the webhook that an invoke must carry out; zero in other
// calls.
func (c *Call) Webhook() abi.Webhook {
	if c.input.Webhook == nil {
		return abi.Webhook{}
	}
	return *c.input.Webhook
}

// Again reports whether an earlier call may have carried out the webhook
// already.
func (c *Call) Again() bool { return c.input.Again }

// Repeated reports whether an attempt may have carried out the webhook already,
// in an earlier call or in this one.
func (c *Call) Repeated() bool { return c.unknown || c.input.Again }

// Needs returns, in a check, what the configuration uses of the application.
func (c *Call) Needs() []abi.Need { return c.input.Needs }

// Report delivers what a check has found out about the rights in its needs.
func (c *Call) Report(findings ...abi.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	b, err := json.Marshal(findings)
	if err != nil {
		return err
	}
	return c.done("emit_json", c.host.EmitJSON(b))
}

// RetryLimits returns the bounds on how often and how long to try a request.
func (c *Call) RetryLimits() abi.RetryLimits { return c.input.Retry }

// Setting returns a setting of the application as text; "" when it is not set.
func (c *Call) Setting(name string) string {
	v, ok := c.input.Settings[name]
	if !ok || v == nil {
		return ""
	}
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// Request is one HTTP request. Either Path or URL is set.
type Request struct {
	Method string // GET when empty
	Path   string // starts with a slash, appended to the application's base URL
	URL    string // absolute on an allowed host, or a path on the base URL's host
	Query  map[string]string
	// Headers must not hold credentials: the host adds them.
	Headers map[string]string
	Body    string
	Auth    string // an auth profile; "" is the configured one, abi.NoAuth none
	// Repeatable says that sending the request twice has the same effect as
	// sending it once, although its method is not GET or HEAD.
	Repeatable bool
	Cost       int64  // in tokens of the application's daily budget; 0 means 1
	at         string // the position of the page, for a body that takes it
}

// Send sends one request, once. It does not look at the status of the answer:
// an error means that there is no answer, and is a *HostError. Close the
// response before sending the next request.
func (c *Call) Send(req Request) (*Response, error) {
	if req.Method == "" {
		req.Method = abi.MethodGet
	}
	c.request = appendRequest(c.request[:0], abi.Request{
		Method: req.Method, URL: req.URL, Path: req.Path, Query: req.Query,
		Headers: req.Headers, Body: req.Body, Auth: req.Auth, Cost: req.Cost,
	})
	h := c.host.HTTPSend(c.request)
	if h < 0 {
		return nil, c.fault("http_send", h)
	}
	return &Response{call: c, handle: h, path: req.place()}, nil
}

// place returns the name of the request for messages. It leaves out the query,
// which may hold secrets or personal data.
func (r Request) place() string {
	where := r.Path
	if where == "" {
		where = r.URL
	}
	for i := range len(where) {
		if where[i] == '?' {
			where = where[:i]
			break
		}
	}
	return r.Method + " " + where
}

// Wait waits in the host. It fails at once when the call would end before the
// wait does.
func (c *Call) Wait(d time.Duration) error {
	ms := int64((d + time.Millisecond - 1) / time.Millisecond)
	if code := c.host.WaitMS(max(ms, 0)); code < 0 {
		return c.fault("wait_ms", int64(code))
	}
	return nil
}

// EmitRecords delivers records that the connector built itself, as a JSON
// array.
func (c *Call) EmitRecords(array []byte) (int64, error) {
	n := c.host.EmitJSON(array)
	if n < 0 {
		return 0, c.fault("emit_json", n)
	}
	return n, nil
}

// EmitDeleted delivers a key that the application reports as deleted.
func (c *Call) EmitDeleted(key string) error {
	return c.done("emit_deleted", int64(c.host.EmitDeleted(key)))
}

// Cursor returns what SetCursor was given in the last fetch that counted; "" in
// the first one.
func (c *Call) Cursor() (string, error) {
	b, err := c.read("cursor_get", c.host.CursorGet)
	return string(b), err
}

// SetCursor sets what Cursor returns next time, provided that this fetch
// counts. The last value wins.
func (c *Call) SetCursor(cursor string) error {
	return c.done("cursor_set", int64(c.host.CursorSet(cursor)))
}

// Secret returns a placeholder for a secret of the manifest. The host replaces
// it in requests to the manifest's hosts and the base URL.
func (c *Call) Secret(name string) (string, error) {
	b, err := c.read("secret", func(buf []byte) int64 { return c.host.Secret(name, buf) })
	return string(b), err
}

// HMAC returns the digest of data, keyed with a secret of the manifest.
func (c *Call) HMAC(name string, algorithm abi.Algorithm, data []byte) ([]byte, error) {
	b, err := c.read("secret_hmac", func(buf []byte) int64 { return c.host.SecretHMAC(name, algorithm, data, buf) })
	return append([]byte(nil), b...), err
}

// Macro renders a template with {{ expression }} in it, in the scope of the
// call, and escapes its values for the place where the text will stand. The
// template is a text of the manifest or a setting as the administrator wrote
// it; any other may use only names that the manifest declares under
// macro_roots. A value that is missing is an error, abi.CodeNoValue.
func (c *Call) Macro(template string, place abi.Place) (string, error) {
	b, err := c.read("macro", func(buf []byte) int64 { return c.host.Macro(template, place, buf) })
	return string(b), err
}

func (c *Call) done(function string, code int64) error {
	if code < 0 {
		return c.fault(function, code)
	}
	return nil
}

// Logf writes a line to the agent's log.
func (c *Call) Logf(level abi.Level, format string, args ...any) {
	c.host.Log(level, fmt.Sprintf(format, args...))
}

// fault returns the error for a negative answer of a host function.
func (c *Call) fault(function string, code int64) error {
	e := &HostError{Function: function, Code: abi.Code(code)}
	if len(c.buffer) == 0 {
		c.buffer = make([]byte, startBuffer)
	}
	if n := c.host.LastError(c.buffer); n > 0 && n <= int64(len(c.buffer)) {
		e.Message = string(c.buffer[:n])
	}
	return e
}

const startBuffer = 8 << 10

// read calls a host function that writes into a buffer, and calls it again with
// a larger buffer if necessary. The result is valid until the next read.
func (c *Call) read(function string, f func([]byte) int64) ([]byte, error) {
	if len(c.buffer) == 0 {
		c.buffer = make([]byte, startBuffer)
	}
	n := f(c.buffer)
	if n > int64(len(c.buffer)) {
		c.buffer = make([]byte, n)
		n = f(c.buffer)
	}
	if n < 0 || n > int64(len(c.buffer)) {
		return nil, c.fault(function, n)
	}
	return c.buffer[:n], nil
}
