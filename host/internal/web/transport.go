package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// refusedError is a rule that was broken.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

// anyAddress marks the context of a request whose host the administrator
// named, or that goes through a proxy: its address may be a private one.
type anyAddress struct{}

// newTransport makes the connections of one call. Connections are not shared
// between calls, so that what one configuration allows does not help another.
func newTransport(base *tls.Config) *http.Transport {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		conf = base.Clone()
		conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, ControlContext: checkAddress}
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: dialer.DialContext, TLSClientConfig: conf, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
		MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 256 << 10,
	}
}

// checkAddress sees the address that a name was resolved to, right before the
// connection: a public name must not lead into the private network.
func checkAddress(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if allowed, _ := ctx.Value(anyAddress{}).(bool); allowed || !private(address) {
		return nil
	}
	return &refusedError{fmt.Sprintf("the name resolves to %s, which is not a public address, and the configuration does not name the host", address)}
}
