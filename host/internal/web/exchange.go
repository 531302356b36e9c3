package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Exchange is one request as it was sent, and what came back. It holds no
// secrets: what authorizes a request is shown as asterisks.
type Exchange struct {
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header http.Header `json:"header,omitempty"`
	// Body and AnswerBody are the beginnings of the bodies, at most MaxShown
	// bytes; the sizes are those of the whole bodies.
	Body       string      `json:"body,omitempty"`
	BodySize   int         `json:"body_size,omitempty"`
	Status     int         `json:"status,omitempty"` // 0: there is no answer
	Answer     http.Header `json:"answer_header,omitempty"`
	AnswerBody string      `json:"answer_body,omitempty"`
	AnswerSize int64       `json:"answer_size,omitempty"`
	Problem    string      `json:"problem,omitempty"` // why there is no answer
	// Unauthorized says that the credentials are put on when the request is
	// sent: this one was not.
	Unauthorized bool          `json:"unauthorized,omitempty"`
	Took         time.Duration `json:"took,omitempty"` // in nanoseconds
}

// MaxShown bounds the bodies in an Exchange, in bytes.
const MaxShown = 64 << 10

const hidden = "***"

// errRehearsal is what a request gets that is not to be sent.
var errRehearsal = errors.New("this is a rehearsal: nothing is sent")

// rehearse tells Watch about a request that is not sent.
func (c *Client) rehearse(ctx context.Context, r abi.Request, target *url.URL) error {
	at, err := c.Network.Rules.check(target)
	if err != nil {
		return c.explain(ctx, &refusedError{err.Error()}, target)
	}
	if _, err := c.request(ctx, r, target, true, at.secrets); err != nil {
		return c.explain(ctx, err, target)
	}
	err = &Error{Code: abi.CodeRefused, Err: errRehearsal}
	c.ended(nil, err)
	return err
}

// headers returns a copy of the headers before the credentials are put on; nil
// when nobody watches.
func (c *Client) headers(h http.Header) http.Header {
	if c.Watch == nil {
		return nil
	}
	return h.Clone()
}

// begins notes a request that is about to be sent. plain are its headers before
// the credentials were put on.
func (c *Client) begins(req *http.Request, plain http.Header, text string, unauthorized bool) {
	if c.Watch == nil {
		return
	}
	look := c.vault.look()
	seen := http.Header{}
	for name, values := range req.Header {
		if look.Covers(name) {
			continue
		}
		for _, value := range values {
			if !slices.Contains(plain[name], value) {
				value = withoutCredentials(value)
			}
			seen.Add(name, look.Text(value))
		}
	}
	c.exchange = &Exchange{
		Method: req.Method, URL: look.Text(req.URL.String()), Header: seen, Unauthorized: unauthorized,
		Body: beginning(look.Text(text)), BodySize: len(text),
	}
	c.began = time.Now()
}

// withoutCredentials keeps the scheme of a header that authorizes.
func withoutCredentials(value string) string {
	if scheme, _, ok := strings.Cut(value, " "); ok && token(scheme) {
		return scheme + " " + hidden
	}
	return hidden
}

func beginning(s string) string { return s[:min(len(s), MaxShown)] }

// ended tells Watch what became of the request that was noted last.
func (c *Client) ended(resp *Response, err error) {
	x := c.exchange
	if x == nil {
		return
	}
	c.exchange = nil
	x.Took = time.Since(c.began)
	if resp != nil {
		x.Status, x.Answer = resp.Status, resp.Header.Clone()
		if resp.Body != nil {
			shown := make([]byte, min(resp.Body.Size(), MaxShown))
			n, _ := resp.Body.ReadAt(shown, 0)
			x.AnswerBody, x.AnswerSize = string(shown[:n]), resp.Body.Size()
		}
	}
	if err != nil {
		x.Problem = err.Error()
	}
	c.Watch(*x)
}
