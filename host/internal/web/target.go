package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// target returns the URL of a request.
func (c *Client) target(ctx context.Context, r abi.Request) (*url.URL, error) {
	if (r.Path == "") == (r.URL == "") {
		return nil, failed(abi.CodeInput, "exactly one of path and url must be set")
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, failed(abi.CodeInput, "url %q cannot be read", r.URL)
	}
	if !u.IsAbs() {
		if u, err = c.relative(ctx, r, u); err != nil {
			return nil, err
		}
	}
	u.Fragment, u.RawFragment = "", ""
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

// relative appends a path to the base URL, or puts a URL without a host on the
// host of the base URL.
func (c *Client) relative(ctx context.Context, r abi.Request, u *url.URL) (*url.URL, error) {
	base, err := c.base(ctx)
	if err != nil {
		return nil, err
	}
	if r.Path == "" {
		if !strings.HasPrefix(r.URL, "/") {
			return nil, failed(abi.CodeInput, "url %q is neither absolute nor a path", r.URL)
		}
		return base.ResolveReference(u), nil
	}
	if !strings.HasPrefix(r.Path, "/") {
		return nil, failed(abi.CodeInput, "path %q does not start with a slash", r.Path)
	}
	if u, err = url.Parse(strings.TrimSuffix(root(base, r.Path), "/") + r.Path); err != nil {
		return nil, failed(abi.CodeInput, "path %q cannot be read", r.Path)
	}
	return u, nil
}

// root returns the prefix for a path: the base URL, without its path if the
// given path begins with it.
func root(base *url.URL, path string) string {
	prefix := strings.TrimSuffix(base.EscapedPath(), "/")
	if prefix == "" || path != prefix && !strings.HasPrefix(path, prefix+"/") && !strings.HasPrefix(path, prefix+"?") {
		return base.String()
	}
	without := *base
	without.Path, without.RawPath = "", ""
	return without.String()
}

// base returns where the API lives.
func (c *Client) base(ctx context.Context) (*url.URL, error) {
	text := c.Configured
	if text == "" && c.Credentials != nil {
		var err error
		text, err = c.Credentials.BaseURL(ctx)
		c.vault.learn(c.Credentials.Redact()...)
		if err != nil && !c.Rehearse { // what cannot be found out is not needed then
			return nil, c.failed(c.credentialCode(ctx, err), "%w", err)
		}
	}
	if text == "" {
		text = c.Manifest
	}
	u, err := url.Parse(text)
	if err != nil || !u.IsAbs() || u.RawQuery != "" || u.Fragment != "" {
		return nil, failed(abi.CodeRefused,
			"the application has no base URL: neither the configuration (base_url) nor the manifest nor a token names one")
	}
	return u, nil
}

// own lists the headers that the host sets, or that belong to the connection.
var own = []string{
	"Host", "User-Agent", "Accept-Encoding", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection",
	"Proxy-Authorization", "Proxy-Authenticate", "Te", "Trailer", "Upgrade", "Http2-Settings", "Expect",
}

// checkRequest checks the parts of a request that the guest may choose.
func (c *Client) checkRequest(r abi.Request) error {
	if !token(r.Method) || slices.Contains([]string{"CONNECT", "TRACE", "TRACK"}, strings.ToUpper(r.Method)) {
		return failed(abi.CodeInput, "method %q is not one of requests", r.Method)
	}
	if r.Cost < 0 {
		return failed(abi.CodeInput, "a request cannot cost %d", r.Cost)
	}
	seen := map[string]bool{}
	for name, value := range r.Headers {
		k := http.CanonicalHeaderKey(name)
		switch {
		case !token(name):
			return failed(abi.CodeInput, "%q is not the name of a header", name)
		case slices.Contains(own, k):
			return failed(abi.CodeInput, "header %q is the host's own", name)
		case seen[k]:
			return failed(abi.CodeInput, "header %q is there twice", name)
		case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7F }):
			return failed(abi.CodeInput, "header %q holds a line break or another control character", name)
		}
		seen[k] = true
	}
	if r.Auth == "" || r.Auth == abi.NoAuth || slices.Contains(c.Profiles, r.Auth) {
		return nil
	}
	return failed(abi.CodeInput, "auth profile %q is not in the manifest", r.Auth)
}

// token reports whether s is a token (RFC 9110 section 5.6.2).
func token(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~") == ""
}
