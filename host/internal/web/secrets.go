package web

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // some APIs offer no stronger signature
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"hash"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// A placeholder stands for a secret until a request is sent. It cannot be
// guessed and is valid for one call.
const (
	placeholderStart  = "rollcall-secret-"
	placeholderEnd    = "-end"
	placeholderRandom = 16 // bytes, written as hexadecimal digits
	placeholderSize   = len(placeholderStart) + 2*placeholderRandom + len(placeholderEnd)
)

// vault holds a call's secrets.
type vault struct {
	mu           sync.Mutex
	placeholders map[string]string // by name
	values       map[string]string // by placeholder
	known        []string          // every text that must not be shown
	redactor     *body.Redactor    // for known; nil: must be looked up
	made         *redactors        // the application's; nil: none
}

// maxKnown limits how many secrets are searched for in answers. Tokens replaced
// within a call stay known; of very many, the oldest are dropped.
const maxKnown = 64

// learn adds secrets that must not be shown, even when a server reflects them.
func (v *vault) learn(secrets ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range secrets {
		if s == "" || slices.Contains(v.known, s) {
			continue
		}
		v.known = append(v.known, s)
		if len(v.known) > maxKnown {
			v.known = slices.Delete(v.known, 0, 1)
		}
		v.redactor = nil
	}
}

// look returns the redactor for the known secrets.
func (v *vault) look() *body.Redactor {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.redactor == nil {
		v.redactor = v.made.find(v.known)
	}
	return v.redactor
}

// redactors keeps the last redactor of an application for its next calls, as to
// make one takes longer than a short request. Another application has its own.
type redactors struct {
	mu    sync.Mutex
	known []string
	last  *body.Redactor
}

// find returns the redactor for secrets, in the order in which they were learned.
func (r *redactors) find(known []string) *body.Redactor {
	if r == nil {
		return body.NewRedactor(known)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || !slices.Equal(r.known, known) {
		r.known, r.last = slices.Clone(known), body.NewRedactor(known)
	}
	return r.last
}

// hide learns the application's secrets before the first answer is read. A
// server may have stored a secret from an earlier call, and a token is fetched
// through the proxy before the connector's first request.
func (c *Client) hide(ctx context.Context) {
	if c.hidden {
		return
	}
	c.hidden = true
	if c.Credentials != nil {
		c.vault.learn(c.Credentials.Redact()...)
	}
	for _, name := range c.SecretNames {
		_, _ = c.secret(ctx, name) // a connector that asks for it gets the error
	}
	for _, scheme := range []string{"https", "http"} { // the environment may name a proxy for each
		proxy, err := c.connections.transport.Proxy(&http.Request{URL: &url.URL{Scheme: scheme, Host: "example.com"}})
		if err != nil || proxy == nil {
			continue
		}
		if password, ok := proxy.User.Password(); ok {
			pair := proxy.User.Username() + ":" + password
			c.vault.learn(password, pair, base64.StdEncoding.EncodeToString([]byte(pair)))
		}
	}
}

// Secret returns a placeholder for a secret of the manifest. The secret
// replaces it in the path, query, header values and body of requests to a host
// of the manifest or the base URL. Errors are an *Error: input for a name that
// the manifest does not declare, auth for a secret that cannot be read.
func (c *Client) Secret(ctx context.Context, name string) (string, error) {
	value, err := c.secret(ctx, name)
	if err != nil {
		c.isLocal(err)
		return "", err
	}
	c.vault.mu.Lock()
	defer c.vault.mu.Unlock()
	if p, ok := c.vault.placeholders[name]; ok {
		return p, nil
	}
	random := make([]byte, placeholderRandom)
	_, _ = rand.Read(random) // it never fails
	p := placeholderStart + hex.EncodeToString(random) + placeholderEnd
	if c.vault.placeholders == nil {
		c.vault.placeholders, c.vault.values = map[string]string{}, map[string]string{}
	}
	c.vault.placeholders[name], c.vault.values[p] = p, value
	return p, nil
}

// Redact returns a text in which the application's secrets are replaced by
// asterisks.
func (c *Client) Redact(ctx context.Context, text string) string {
	c.hide(ctx)
	return c.vault.look().Text(text)
}

// HMAC signs data with a secret of the manifest. Its errors are those of
// Secret, and input for an unknown algorithm.
func (c *Client) HMAC(ctx context.Context, name string, algorithm abi.Algorithm, data []byte) ([]byte, error) {
	hashes := map[abi.Algorithm]func() hash.Hash{abi.HMACSHA256: sha256.New, abi.HMACSHA512: sha512.New, abi.HMACSHA1: sha1.New}
	newHash, ok := hashes[algorithm]
	if !ok {
		return nil, failed(abi.CodeInput, "algorithm %d is not known", algorithm)
	}
	value, err := c.secret(ctx, name)
	if err != nil {
		c.isLocal(err)
		return nil, err
	}
	mac := hmac.New(newHash, []byte(value))
	mac.Write(data)
	return mac.Sum(nil), nil
}

func (c *Client) secret(ctx context.Context, name string) (string, error) {
	if !slices.Contains(c.SecretNames, name) {
		return "", failed(abi.CodeInput, "secret %q is not in the manifest", name)
	}
	read := c.Secrets[name]
	if read == nil {
		return "", failed(abi.CodeAuth, "secret %q is not configured for the application", name)
	}
	value, err := read(ctx)
	if err != nil {
		return "", c.failed(abi.CodeAuth, "secret %q: %w", name, err)
	}
	if value == "" {
		return "", failed(abi.CodeAuth, "secret %q is empty", name)
	}
	c.vault.learn(value)
	return value, nil
}

// reveal replaces the placeholders in a request about to be sent. allowed says
// whether secrets may go to its target.
func (v *vault) reveal(req *http.Request, text string, allowed bool) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	found := strings.Contains(text, placeholderStart) || strings.Contains(req.URL.String(), placeholderStart)
	for _, values := range req.Header {
		found = found || slices.ContainsFunc(values, func(s string) bool { return strings.Contains(s, placeholderStart) })
	}
	if !found {
		return text, nil
	}
	if !allowed {
		return "", &refusedError{"the request holds a placeholder of a secret, and those are replaced only " +
			"towards the hosts of the manifest and of the base URL, and not after a redirect to another host"}
	}
	if err := v.revealURL(req.URL); err != nil {
		return "", err
	}
	for name, values := range req.Header {
		for i := range values {
			out, err := v.replace(values[i], func(s string) string { return s })
			if err != nil {
				return "", err
			}
			if strings.ContainsAny(out, "\r\n\x00") {
				return "", &refusedError{"the secret in header " + name + " holds a line break"}
			}
			values[i] = out
		}
	}
	return v.replace(text, escaper(req.Header.Get("Content-Type")))
}

func (v *vault) revealURL(u *url.URL) error {
	if strings.Contains(u.Host, placeholderStart) {
		return &refusedError{"a secret cannot be part of a host"}
	}
	path, err := v.replace(u.EscapedPath(), percent)
	if err != nil {
		return err
	}
	if u.RawQuery, err = v.replace(u.RawQuery, percent); err != nil {
		return err
	}
	u.RawPath = path
	if u.Path, err = url.PathUnescape(path); err != nil {
		return failed(abi.CodeInput, "the path cannot be read")
	}
	return nil
}

// replace inserts the secrets in one pass, so that text within a secret that
// looks like a placeholder stays. A placeholder from another call is an error,
// so that none is ever sent.
func (v *vault) replace(text string, escape func(string) string) (string, error) {
	var out strings.Builder
	for {
		at := strings.Index(text, placeholderStart)
		if at < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		value, ok := v.values[text[at:min(at+placeholderSize, len(text))]]
		if !ok {
			return "", failed(abi.CodeInput, "the request holds a placeholder of a secret that was not given out in this call")
		}
		out.WriteString(text[:at])
		out.WriteString(escape(value))
		text = text[at+placeholderSize:]
	}
}

// percent writes everything but letters, digits and -_.~ as %XX.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// escaper returns the function that escapes a secret for a kind of body.
func escaper(contentType string) func(string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(contentType), ";")
		media = strings.TrimSpace(media)
	}
	switch {
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		return jsonText
	case media == "application/x-www-form-urlencoded":
		return url.QueryEscape
	case media == "application/xml" || media == "text/xml" || strings.HasSuffix(media, "+xml"):
		return xmlText
	}
	return func(s string) string { return s }
}

func jsonText(s string) string {
	quoted, _ := json.Marshal(s) // a string can always be encoded
	return string(quoted[1 : len(quoted)-1])
}

func xmlText(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer never fails
	return b.String()
}
