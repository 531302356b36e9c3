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

// MaxBody is the most bytes of an answer that are read.
const MaxBody = 1 << 20

// Timeout is for a whole exchange, with name, connection and body.
const Timeout = 30 * time.Second

// NewClient returns a client for token URLs and logins. It follows no
// redirect, because that would carry a secret elsewhere. Where requests may go
// is for transport to say.
func NewClient(transport http.RoundTripper, userAgent string) *http.Client {
	return &http.Client{
		Timeout: Timeout, Transport: &courteous{transport, userAgent},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// courteous says who asks, and bounds the answer.
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

// bounded fails where a limited reader would pretend that the body is over.
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
// reached the server: it may not be asked, its name was not found, nobody took
// the connection, or its certificate is not to be trusted.
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

// Cause is what went wrong with an exchange, without the URL: whoever reports
// it names that.
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
