package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Credentials authorize requests; host.Credentials states the obligations.
type Credentials interface {
	Apply(ctx context.Context, req *http.Request) error
	Rejected(ctx context.Context) (retry bool, err error)
	BaseURL(ctx context.Context) (string, error)
	Redact() []string
}

// Settings configure a Client.
type Settings struct {
	Network      Network
	Pool         *Pool  // the application's; nil: the Client has its own connections
	Configured   string // base URL from the configuration; takes precedence over the token's and the manifest's
	Manifest     string // base URL from the manifest
	Profiles     []string
	Credentials  Credentials // nil: none
	SecretNames  []string    // names that the manifest declares
	Secrets      map[string]func(context.Context) (string, error)
	Limiter      *Limiter // the application's; nil: none
	Outbound     bool     // the call delivers a webhook: it alternates with calls that fetch
	Elsewhere    bool     // the requests are none of the application's API: their answers say nothing of its limits
	Timeout      time.Duration
	SpoolDir     string
	UserAgent    string
	MaxBody      int64
	Observe      func(status int, took time.Duration)
	ObserveLimit func(waited time.Duration)
	Watch        func(Exchange) // nil: nobody wants to see the requests
	Rehearse     bool           // nothing is sent: Watch sees each request, which then fails
}

// Client sends the requests of one call. The caller must close it.
type Client struct {
	Settings
	connections *connections
	vault       vault
	bodies      body.Store
	hidden      bool // the vault knows the application's secrets
	local       error
	flush       func()
	exchange    *Exchange // the request under way, when somebody watches
	began       time.Time
}

// New returns a Client. It fails when the proxy's URL is invalid.
func New(s Settings) (*Client, error) {
	if s.Pool == nil {
		s.Pool = &Pool{closed: true}
	}
	connections, err := s.Pool.take(s.Network)
	if err != nil {
		return nil, err
	}
	return &Client{
		Settings: s, connections: connections, vault: vault{made: &s.Pool.redactors},
		bodies: body.Store{Dir: s.SpoolDir, Pool: &s.Pool.bodies},
	}, nil
}

// Close returns connections and memory to the Pool, and saves the Limiter's
// state. The bodies of all answers must have been closed.
func (c *Client) Close() {
	c.bodies.Close()
	c.Pool.give(c.connections)
	if c.flush != nil {
		c.flush()
	}
}

// Response is an answer with its whole body.
type Response struct {
	Status int
	Header http.Header
	Body   *body.Body
}

// Error says why a request has no answer.
type Error struct {
	Code abi.Code
	Err  error
	// After is when the rate limit or the pause that kept the request back has
	// room again, from now; 0: nothing kept it back, or waiting does not help.
	After time.Duration
}

// Error returns what happened, without secrets.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func failed(code abi.Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// failed returns an Error. It removes secrets from the text, which may come
// from elsewhere.
func (c *Client) failed(code abi.Code, format string, args ...any) *Error {
	e := failed(code, format, args...)
	if text := c.vault.look().Text(e.Error()); text != e.Error() {
		e.Err = errors.New(text)
	}
	return e
}

// Send sends a request and reads the answer. Its error is an *Error.
func (c *Client) Send(ctx context.Context, r abi.Request) (*Response, error) {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if err := c.checkRequest(r); err != nil {
		return nil, err
	}
	c.hide(ctx)
	target, err := c.target(ctx, r)
	if err != nil {
		return nil, err
	}
	if c.Rehearse {
		return nil, c.rehearse(ctx, r, target)
	}
	c.flush = func() { c.Limiter.Flush(context.WithoutCancel(ctx)) }
	resp, err := c.attempt(ctx, r, target)
	if err != nil || resp.Status != http.StatusUnauthorized || !c.authorizes(r) {
		return resp, err
	}
	// After a 401 even a POST may be sent once more: the request was not carried
	// out.
	retry, err := c.Credentials.Rejected(ctx)
	c.vault.learn(c.Credentials.Redact()...)
	if err != nil {
		resp.Body.Close()
		return nil, c.failed(c.credentialCode(ctx, err), "the application answered 401, and then: %w", err)
	}
	if !retry {
		return resp, nil
	}
	resp.Body.Close()
	return c.attempt(ctx, r, target)
}

// credentialCode returns the code for credentials that cannot be obtained. A
// server that is down, or a host that must not be asked, proves nothing about
// them; only a refusal means that they are bad.
func (c *Client) credentialCode(ctx context.Context, err error) abi.Code {
	var passing interface{ Temporary() bool }
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		return abi.CodeRefused
	case ctx.Err() != nil:
		return abi.CodeDeadline
	case c.isLocal(err):
		return abi.CodeAuth
	case errors.As(err, &passing) && passing.Temporary():
		return abi.CodeNetwork
	}
	return abi.CodeAuth
}

// isLocal remembers an error that declares itself a fault of this machine, such
// as an unreadable secret.
func (c *Client) isLocal(err error) bool {
	var here interface{ Local() bool }
	if !errors.As(err, &here) || !here.Local() {
		return false
	}
	c.local = err
	return true
}

// Local returns why this machine could not authorize a request; nil when that
// did not happen.
func (c *Client) Local() error { return c.local }

func (c *Client) authorizes(r abi.Request) bool { return c.Credentials != nil && r.Auth != abi.NoAuth }

var errTimeout = errors.New("no complete answer in time")

// explain turns any error into an *Error. It names the request without its
// query.
func (c *Client) explain(ctx context.Context, err error, target *url.URL) error {
	where := target.Scheme + "://" + target.Host + target.EscapedPath()
	var own *Error
	var refused *refusedError
	switch cause := context.Cause(ctx); {
	case errors.As(err, &own):
		return c.failed(own.Code, "%w", own.Err)
	case errors.As(err, &refused):
		return c.failed(abi.CodeRefused, "%s: %s", where, refused.reason)
	case errors.Is(err, body.ErrTooLarge):
		return failed(abi.CodeTooLarge, "%s: %w", where, err)
	case errors.Is(cause, errTimeout):
		return failed(abi.CodeNetwork, "%s: no complete answer within %s", where, c.Timeout)
	case cause != nil:
		return failed(abi.CodeDeadline, "%s: %w", where, cause)
	}
	var wrapped *url.Error // the text of a *url.Error includes the query
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return failed(abi.CodeNetwork, "%s: the connection was closed in the middle of the answer", where)
	}
	return c.failed(abi.CodeNetwork, "%s: %w", where, err)
}
