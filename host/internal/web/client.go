package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Credentials authorize requests; see host.Credentials for the obligations.
type Credentials interface {
	Apply(ctx context.Context, req *http.Request) error
	Rejected(ctx context.Context) (retry bool, err error)
	BaseURL(ctx context.Context) (string, error)
	Redact() []string
}

// Settings of a Client.
type Settings struct {
	Rules        Rules
	Configured   string // the base URL of the configuration; wins over the token's and the manifest's
	Manifest     string // the base URL of the manifest
	Profiles     []string
	Credentials  Credentials // nil: none
	Limiter      *Limiter    // nil: none
	Timeout      time.Duration
	SpoolDir     string
	UserAgent    string
	MaxBody      int64
	TLS          *tls.Config // nil: the system's roots
	Observe      func(status int, took time.Duration)
	ObserveLimit func(waited time.Duration)
}

// Client sends the requests of one call. Close it afterwards.
type Client struct {
	Settings
	transport *http.Transport
}

// New makes a Client.
func New(s Settings) *Client {
	return &Client{Settings: s, transport: newTransport(s.TLS)}
}

// Close ends its connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Response is an answer with its whole body.
type Response struct {
	Status int
	Header http.Header
	Body   *body.Body
}

// Error is a request without an answer.
type Error struct {
	Code abi.Code
	Err  error
}

// Error says what happened, without secrets.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func failed(code abi.Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// Send sends a request and reads the answer. Its error is an *Error.
func (c *Client) Send(ctx context.Context, r abi.Request) (*Response, error) {
	target, err := c.target(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := c.checkRequest(r); err != nil {
		return nil, err
	}
	resp, err := c.attempt(ctx, r, target)
	if err != nil || resp.Status != http.StatusUnauthorized || !c.authorizes(r) {
		return resp, err
	}
	retry, err := c.Credentials.Rejected(ctx)
	if err != nil {
		resp.Body.Close()
		return nil, failed(abi.CodeAuth, "the application answered 401, and then: %w", c.redacted(err))
	}
	if !retry {
		return resp, nil
	}
	resp.Body.Close()
	return c.attempt(ctx, r, target)
}

func (c *Client) authorizes(r abi.Request) bool { return c.Credentials != nil && r.Auth != abi.NoAuth }

// target finds the URL of a request.
func (c *Client) target(ctx context.Context, r abi.Request) (*url.URL, error) {
	if (r.Path == "") == (r.URL == "") {
		return nil, failed(abi.CodeInput, "exactly one of path and url must be set")
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, failed(abi.CodeInput, "url %q cannot be read", r.URL)
	}
	if !u.IsAbs() {
		base, err := c.base(ctx)
		if err != nil {
			return nil, err
		}
		switch {
		case r.Path != "" && !strings.HasPrefix(r.Path, "/"):
			return nil, failed(abi.CodeInput, "path %q does not start with a slash", r.Path)
		case r.Path != "":
			u, err = url.Parse(strings.TrimSuffix(base.String(), "/") + r.Path)
		case !strings.HasPrefix(r.URL, "/"):
			return nil, failed(abi.CodeInput, "url %q is neither absolute nor a path", r.URL)
		default:
			u = base.ResolveReference(u)
		}
		if err != nil {
			return nil, failed(abi.CodeInput, "path %q cannot be read", r.Path)
		}
	}
	u.Fragment = ""
	if len(r.Query) > 0 {
		query := url.Values{}
		for name, value := range r.Query {
			query.Set(name, value)
		}
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += query.Encode()
	}
	return u, nil
}

// base finds where the API lives.
func (c *Client) base(ctx context.Context) (*url.URL, error) {
	text := c.Configured
	if text == "" && c.Credentials != nil {
		var err error
		if text, err = c.Credentials.BaseURL(ctx); err != nil {
			return nil, failed(abi.CodeAuth, "%w", c.redacted(err))
		}
	}
	if text == "" {
		text = c.Manifest
	}
	u, err := url.Parse(text)
	if err != nil || !u.IsAbs() {
		return nil, failed(abi.CodeRefused, "the application has no base URL: neither the configuration (base_url) nor the manifest nor a token names one")
	}
	return u, nil
}

func (c *Client) checkRequest(r abi.Request) error {
	for name, value := range r.Headers {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", "Accept-Encoding", "Proxy-Authorization", "User-Agent":
			return failed(abi.CodeInput, "header %q is the host's own", name)
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return failed(abi.CodeInput, "header %q holds a line break", name)
		}
	}
	if r.Auth == "" || r.Auth == abi.NoAuth {
		return nil
	}
	for _, p := range c.Profiles {
		if p == r.Auth {
			return nil
		}
	}
	return failed(abi.CodeInput, "auth profile %q is not in the manifest", r.Auth)
}

// attempt sends once, after waiting for its turn, and follows redirects.
func (c *Client) attempt(ctx context.Context, r abi.Request, target *url.URL) (*Response, error) {
	waited, err := c.Limiter.Wait(ctx)
	if waited > 0 && c.ObserveLimit != nil {
		c.ObserveLimit(waited)
	}
	if err != nil {
		return nil, failed(abi.CodeDeadline, "waiting for the rate limit: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, errTimeout)
	defer cancel()
	start := time.Now()
	resp, err := c.follow(ctx, r, target)
	status := 0
	if resp != nil {
		status = resp.Status
	}
	if c.Observe != nil {
		c.Observe(status, time.Since(start))
	}
	if err != nil {
		return nil, c.explain(ctx, err, target)
	}
	return resp, nil
}

var errTimeout = errors.New("no complete answer in time")

// explain makes an *Error of whatever went wrong.
func (c *Client) explain(ctx context.Context, err error, target *url.URL) error {
	where := target.Scheme + "://" + target.Host + target.EscapedPath()
	var own *Error
	var refused *refusedError
	switch cause := context.Cause(ctx); {
	case errors.As(err, &own):
		return own
	case errors.As(err, &refused):
		return failed(abi.CodeRefused, "%s: %s", where, refused.reason)
	case errors.Is(err, body.ErrTooLarge):
		return failed(abi.CodeTooLarge, "%s: %w", where, err)
	case errors.Is(cause, errTimeout):
		return failed(abi.CodeNetwork, "%s: no complete answer within %s", where, c.Timeout)
	case cause != nil:
		return failed(abi.CodeDeadline, "%s: %w", where, cause)
	}
	var wrapped *url.Error // its text holds the query
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return failed(abi.CodeNetwork, "%s: the connection was closed in the middle of the answer", where)
	}
	return failed(abi.CodeNetwork, "%s: %w", where, c.redacted(err))
}

// redacted keeps the cause of an error and takes secrets out of its text.
func (c *Client) redacted(err error) error {
	if c.Credentials == nil {
		return err
	}
	if text := body.Redact(err.Error(), c.Credentials.Redact()); text != err.Error() {
		return errors.New(text)
	}
	return err
}
