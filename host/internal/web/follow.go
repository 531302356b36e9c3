package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const maxRedirects = 10

// follow sends a request and its redirects. It checks each hop like the first.
// Once a hop has left the host, no further hop gets credentials or secrets.
func (c *Client) follow(ctx context.Context, r abi.Request, target *url.URL) (*Response, error) {
	trusted := true
	for range maxRedirects + 1 {
		resp, err := c.hop(ctx, r, target, trusted)
		if err != nil {
			return nil, err
		}
		if trusted && !c.Elsewhere {
			c.Limiter.Answered(ctx, resp.StatusCode, resp.Header)
		}
		next, err := redirect(resp, target)
		if err != nil || next == nil {
			if err == nil {
				return c.read(resp)
			}
			discard(resp)
			return nil, err
		}
		discard(resp)
		redact(resp.Header, c.vault.look())
		c.ended(&Response{Status: resp.StatusCode, Header: resp.Header}, nil)
		trusted = trusted && sameOrigin(next, target)
		keep := resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect
		if !keep && r.Method != http.MethodHead {
			r.Method, r.Body = http.MethodGet, ""
		}
		target = next
	}
	return nil, &refusedError{"more than 10 redirects"}
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && portOf(a) == portOf(b) && strings.EqualFold(a.Hostname(), b.Hostname())
}

// hop sends one request without following redirects.
func (c *Client) hop(ctx context.Context, r abi.Request, target *url.URL, trusted bool) (*http.Response, error) {
	at, err := c.Network.Rules.check(target)
	if err != nil {
		return nil, &refusedError{err.Error()}
	}
	req, err := c.request(ctx, r, target, trusted, trusted && at.secrets)
	if err != nil {
		return nil, err
	}
	return at.send(c.connections.transport, req)
}

// request builds the HTTP request. target keeps its placeholders, because
// errors show it and redirects are relative to it.
func (c *Client) request(ctx context.Context, r abi.Request, target *url.URL, trusted, secrets bool) (*http.Request, error) {
	header := http.Header{}
	for name, value := range r.Headers {
		if k := http.CanonicalHeaderKey(name); trusted || k != "Authorization" && k != "Cookie" {
			header.Set(k, value)
		}
	}
	to := *target
	text, err := c.vault.reveal(&http.Request{URL: &to, Header: header}, r.Body, secrets)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), strings.NewReader(text))
	if err != nil {
		return nil, failed(abi.CodeInput, "%w", err)
	}
	req.URL, req.Header = &to, header
	req.Header.Set("User-Agent", c.UserAgent)
	plain, authorized := c.headers(header), trusted && c.authorizes(r)
	if authorized && !c.Rehearse {
		err := c.Credentials.Apply(ctx, req)
		c.vault.learn(c.Credentials.Redact()...)
		if err != nil {
			return nil, c.failed(c.credentialCode(ctx, err), "%w", err)
		}
	}
	c.begins(req, plain, text, authorized && c.Rehearse)
	return req, nil
}

// redirect returns where an answer redirects to; nil when it does not.
func redirect(resp *http.Response, from *url.URL) (*url.URL, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil //nolint:nilnil // no redirect
	}
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, nil //nolint:nilnil // no redirect
	}
	u, err := from.Parse(location)
	if err != nil {
		return nil, failed(abi.CodeNetwork, "the answer redirects to something that is not a URL")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// discard reads a little of a body, so that its connection can be reused.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close()
}

func (c *Client) read(resp *http.Response) (*Response, error) {
	defer resp.Body.Close() //nolint:errcheck // it was read to its end, or failed
	// Secrets cannot be found in a body that the transport did not decompress.
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") && resp.Body != http.NoBody {
		return nil, failed(abi.CodeNetwork, "the answer is encoded as %q, which was not asked for", e)
	}
	redactor := c.vault.look()
	b, err := c.bodies.Read(resp.Body, resp.ContentLength, c.MaxBody, redactor)
	if err != nil {
		return nil, err
	}
	redact(resp.Header, redactor)
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: b}, nil
}

// redact overwrites secrets in the values of headers, and removes headers with one
// in their name.
func redact(header http.Header, redactor *body.Redactor) {
	for name, values := range header {
		if redactor.Covers(name) {
			delete(header, name)
			continue
		}
		for i := range values {
			values[i] = redactor.Text(values[i])
		}
	}
}

// attempt waits for its turn, sends the request once and follows redirects.
func (c *Client) attempt(ctx context.Context, r abi.Request, target *url.URL) (*Response, error) {
	waited, err := c.Limiter.Wait(ctx, Turn{Delivers: c.Outbound, Cost: max(r.Cost, 1), Method: r.Method, Path: target.EscapedPath()})
	if waited > 0 && c.ObserveLimit != nil {
		c.ObserveLimit(waited)
	}
	if err != nil {
		return nil, err
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
		err = c.explain(ctx, err, target)
	}
	c.ended(resp, err)
	return resp, err
}
