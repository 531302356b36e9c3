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

// Credentials authorize requests; see host.Credentials for the obligations.
type Credentials interface {
	Apply(ctx context.Context, req *http.Request) error
	Rejected(ctx context.Context) (retry bool, err error)
	BaseURL(ctx context.Context) (string, error)
	Redact() []string
}

// Settings of a Client.
type Settings struct {
	Network      Network
	Pool         *Pool  // of the application; nil: connections of the Client's own
	Configured   string // the base URL of the configuration; wins over the token's and the manifest's
	Manifest     string // the base URL of the manifest
	Profiles     []string
	Credentials  Credentials // nil: none
	SecretNames  []string    // that the manifest declares
	Secrets      map[string]func(context.Context) (string, error)
	Limiter      *Limiter // of the application; nil: none
	Outbound     bool     // the call delivers: it takes turns with those that fetch
	Timeout      time.Duration
	SpoolDir     string
	UserAgent    string
	MaxBody      int64
	Observe      func(status int, took time.Duration)
	ObserveLimit func(waited time.Duration)
}

// Client sends the requests of one call. Close it afterwards.
type Client struct {
	Settings
	connections *connections
	vault       vault
	bodies      body.Store
	hidden      bool // what the application has is in the vault
	local       error
	flush       func()
}

// New makes a Client. An error is that of the proxy's URL.
func New(s Settings) (*Client, error) {
	if s.Pool == nil {
		s.Pool = &Pool{closed: true}
	}
	connections, err := s.Pool.take(s.Network)
	if err != nil {
		return nil, err
	}
	return &Client{Settings: s, connections: connections, bodies: body.Store{Dir: s.SpoolDir, Pool: &s.Pool.bodies}}, nil
}

// Close hands its connections and memory back, and has the Limiter saved. The
// bodies of its answers must have been closed.
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

// failed is an Error without secrets, for what does not come from here.
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
	c.flush = func() { c.Limiter.Flush(context.WithoutCancel(ctx)) }
	resp, err := c.attempt(ctx, r, target)
	if err != nil || resp.Status != http.StatusUnauthorized || !c.authorizes(r) {
		return resp, err
	}
	// 401 says that the request was not carried out: even a POST may be sent
	// once more.
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

// credentialCode tells credentials that cannot be had now from those that are
// refused: a server that is down says nothing about them, nor does a host that
// may not be asked.
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

// isLocal notes an error that says of itself that it is a fault of this machine,
// such as a secret that cannot be read.
func (c *Client) isLocal(err error) bool {
	var here interface{ Local() bool }
	if !errors.As(err, &here) || !here.Local() {
		return false
	}
	c.local = err
	return true
}

// Local is why a request could not be authorized by what this machine has; nil
// when nothing of the kind came up.
func (c *Client) Local() error { return c.local }

func (c *Client) authorizes(r abi.Request) bool { return c.Credentials != nil && r.Auth != abi.NoAuth }

var errTimeout = errors.New("no complete answer in time")

// explain makes an *Error of whatever went wrong. It names the request without
// its query.
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
	var wrapped *url.Error // its text holds the query
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return failed(abi.CodeNetwork, "%s: the connection was closed in the middle of the answer", where)
	}
	return c.failed(abi.CodeNetwork, "%s: %w", where, err)
}
