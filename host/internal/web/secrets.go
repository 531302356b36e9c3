package web

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // some APIs sign with nothing better
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
// guessed and is good for one call.
const (
	placeholderStart  = "rollcall-secret-"
	placeholderEnd    = "-end"
	placeholderRandom = 16 // bytes, written as hexadecimal digits
	placeholderSize   = len(placeholderStart) + 2*placeholderRandom + len(placeholderEnd)
)

// vault holds what a call knows of secrets.
type vault struct {
	mu           sync.Mutex
	placeholders map[string]string // by name
	values       map[string]string // by placeholder
	known        []string          // everything that must not be seen
	redactor     *body.Redactor    // of known; nil: to be made
}

// maxKnown bounds what is looked for in answers. Tokens that were replaced
// within a call stay known; the oldest of very many are forgotten.
const maxKnown = 64

// learn adds what must not be seen in anything that a server reflects.
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

// look returns what finds the secrets.
func (v *vault) look() *body.Redactor {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.redactor == nil {
		v.redactor = body.NewRedactor(v.known)
	}
	return v.redactor
}

// hide learns what the application has before its first answer is read. An
// earlier call may have sent it, and a server can keep what it was sent; a token
// is fetched through the proxy before any request of the connector.
func (c *Client) hide(ctx context.Context) {
	if c.hidden {
		return
	}
	c.hidden = true
	if c.Credentials != nil {
		c.vault.learn(c.Credentials.Redact()...)
	}
	for _, name := range c.SecretNames {
		_, _ = c.secret(ctx, name) // whoever asks for it is told that it is not there
	}
	for _, scheme := range []string{"https", "http"} { // the environment may name one for each
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

// Secret answers a placeholder for a secret of the manifest. Sent in the path,
// query, header values or body of a request to a host of the manifest or of the
// base URL it is replaced. Errors are an *Error: input for a name that the
// manifest does not declare, auth for one that cannot be had.
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

// HMAC signs data with a secret of the manifest. Errors are those of Secret,
// and input for an algorithm that is not known.
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

// reveal replaces the placeholders of a request that is about to be sent.
// allowed tells whether it goes where secrets may go.
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

// replace puts secrets in, in one pass: what looks like a placeholder within a
// secret stays. One that was not given out in this call is an error, so that
// none is ever sent.
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

// escaper is how a secret is written into a body.
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
	quoted, _ := json.Marshal(s) // a string is always text
	return string(quoted[1 : len(quoted)-1])
}

func xmlText(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer takes everything
	return b.String()
}
