package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const maxRedirects = 10

// follow sends a request and its redirects, each hop checked like the first.
// Once a hop has left the host, the credentials stay behind for good.
func (c *Client) follow(ctx context.Context, r abi.Request, target *url.URL) (*Response, error) {
	trusted := true
	for range maxRedirects + 1 {
		resp, err := c.hop(ctx, r, target, trusted)
		if err != nil {
			return nil, err
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
		if next.Scheme != target.Scheme || portOf(next) != portOf(target) || !strings.EqualFold(next.Hostname(), target.Hostname()) {
			trusted = false
		}
		if keep := resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect; !keep && r.Method != http.MethodHead {
			r.Method, r.Body = http.MethodGet, ""
		}
		target = next
	}
	return nil, &refusedError{"more than 10 redirects"}
}

// hop sends one request, without following anything.
func (c *Client) hop(ctx context.Context, r abi.Request, target *url.URL, trusted bool) (*http.Response, error) {
	configured, err := c.Rules.Check(target)
	if err != nil {
		return nil, &refusedError{err.Error()}
	}
	req, err := http.NewRequest(r.Method, target.String(), strings.NewReader(r.Body)) //nolint:noctx // the context is added below
	if err != nil {
		return nil, failed(abi.CodeInput, "%w", err)
	}
	proxy, err := c.transport.Proxy(req)
	if err != nil {
		return nil, failed(abi.CodeNetwork, "proxy of the environment: %w", err)
	}
	req = req.WithContext(context.WithValue(ctx, anyAddress{}, configured || proxy != nil))
	for name, value := range r.Headers {
		if k := http.CanonicalHeaderKey(name); trusted || k != "Authorization" && k != "Cookie" {
			req.Header.Set(k, value)
		}
	}
	req.Header.Set("User-Agent", c.UserAgent)
	if trusted && c.authorizes(r) {
		if err := c.Credentials.Apply(ctx, req); err != nil {
			return nil, failed(abi.CodeAuth, "%w", c.redacted(err))
		}
	}
	return c.transport.RoundTrip(req)
}

// redirect returns where an answer points to; nil when it is the final one.
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
	return u, nil
}

// discard reads a little of a body, so that its connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close()
}

func (c *Client) read(resp *http.Response) (*Response, error) {
	defer resp.Body.Close() //nolint:errcheck // it was read to its end or failed
	var secrets []string
	if c.Credentials != nil {
		secrets = c.Credentials.Redact()
	}
	b, err := body.Read(resp.Body, resp.ContentLength, c.SpoolDir, c.MaxBody, secrets)
	if err != nil {
		return nil, err
	}
	for _, values := range resp.Header {
		for i := range values {
			values[i] = body.Redact(values[i], secrets)
		}
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: b}, nil
}
