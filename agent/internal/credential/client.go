package credential

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// MaxBody is the greatest size of an answer, in bytes.
const MaxBody = 1 << 20

// Timeout limits a whole exchange: name resolution, connection and body.
const Timeout = 30 * time.Second

// NewClient returns a client for token URLs and logins. It does not follow
// redirects, because they would carry a secret elsewhere. transport decides
// where requests may go.
func NewClient(transport http.RoundTripper, userAgent string) *http.Client {
	return &http.Client{
		Timeout: Timeout, Transport: &courteous{transport, userAgent},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// courteous adds the user agent to requests and limits the size of answers.
type courteous struct {
	next      http.RoundTripper
	userAgent string
}

func (c *courteous) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", c.userAgent)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	resp, err := c.next.RoundTrip(req)
	if err == nil {
		resp.Body = &bounded{ReadCloser: resp.Body, left: MaxBody + 1}
	}
	return resp, err
}

var errTooLong = fmt.Errorf("the answer has more than %d bytes", MaxBody)

// bounded returns an error at its limit, where a limited reader would pretend
// that the body has ended.
type bounded struct {
	io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Unsent reports whether an error means that no byte of the request can have
// reached the server: the host may not be called, its name was not found, it did
// not accept the connection, or its certificate is not trusted.
func Unsent(err error) bool {
	var refused interface{ Refused() bool }
	if errors.As(err, &refused) && refused.Refused() {
		return true
	}
	var op *net.OpError
	var dns *net.DNSError
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &dns) || errors.As(err, &untrusted) || errors.As(err, &op) && op.Op == "dial"
}

// Cause returns what went wrong with an exchange, without the URL, which the
// caller names in its own message.
func Cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return fmt.Errorf("no complete answer within %s", Timeout)
		}
		return wrapped.Err
	}
	return err
}
