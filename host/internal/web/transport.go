package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// refusedError says which rule a request broke.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

// Refused returns true: nothing was sent.
func (e *refusedError) Refused() bool { return true }

// Network says how to reach the network. Networks do not share connections, so
// that a connection that one configuration allows cannot serve another.
type Network struct {
	Rules Rules
	Proxy string      // see ParseProxy
	TLS   *tls.Config // nil: the system's root certificates; never below TLS 1.2
}

func (n Network) equal(o Network) bool {
	return n.Rules.equal(o.Rules) && n.Proxy == o.Proxy && n.TLS == o.TLS
}

// Pool keeps the connections of one application from call to call, as long as
// its Network stays the same, and memory for bodies. It is safe for concurrent
// use.
type Pool struct {
	bodies    body.Pool
	redactors redactors
	mu        sync.Mutex
	now       *connections
	closed    bool
}

// connections are the connections of one Network. They are closed once they
// have been replaced and their last user has finished.
type connections struct {
	network   Network
	transport *http.Transport
	users     int
}

// take returns the connections for a network, for a call that ends with give.
func (p *Pool) take(n Network) (*connections, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || !p.now.network.equal(n) {
		t, err := newTransport(n)
		if err != nil {
			return nil, err
		}
		p.retire()
		p.now = &connections{network: n, transport: t}
	}
	p.now.users++
	return p.now, nil
}

func (p *Pool) retire() {
	if p.now != nil && p.now.users == 0 {
		p.now.transport.CloseIdleConnections()
	}
	p.now = nil
}

func (p *Pool) give(c *connections) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.users--
	if c.users == 0 && (c != p.now || p.closed) {
		c.transport.CloseIdleConnections()
	}
}

// Close closes idle connections; those in use end with their call.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.retire()
}

// anyAddress marks the context of a request that may go to a private address,
// because the administrator named the host or a proxy is used.
type anyAddress struct{}

func newTransport(n Network) (*http.Transport, error) {
	proxy, err := ParseProxy(n.Proxy)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if n.TLS != nil {
		conf = n.TLS.Clone()
		conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, ControlContext: addressCheck(private)}
	return &http.Transport{
		Proxy: proxy, OnProxyConnectResponse: proxyAnswered,
		DialContext: dialer.DialContext, TLSClientConfig: conf, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
		MaxIdleConns: 16, MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 256 << 10,
	}, nil
}

// guard sends requests that do not come from a Client, by the same rules.
type guard struct {
	rules     Rules
	transport *http.Transport
}

// Guard returns a transport for single requests, such as a login, that obeys
// the rules. It follows no redirects and adds no credentials.
func Guard(n Network) (http.RoundTripper, error) {
	t, err := newTransport(n)
	if err != nil {
		return nil, err
	}
	return &guard{n.Rules, t}, nil
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	at, err := g.rules.check(req.URL)
	if err != nil {
		return nil, &refusedError{err.Error()}
	}
	return at.send(g.transport, req)
}

// send sends a request to an allowed place. The address of its name is checked
// when the connection is made.
func (p place) send(t *http.Transport, req *http.Request) (*http.Response, error) {
	proxy, err := t.Proxy(req)
	if err != nil {
		return nil, failed(abi.CodeNetwork, "the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY) is not a URL")
	}
	return t.RoundTrip(req.WithContext(context.WithValue(req.Context(), anyAddress{}, p.configured || proxy != nil)))
}

type proxyFunc = func(*http.Request) (*url.URL, error)

// ParseProxy reads "direct" (no proxy), the URL of an HTTP proxy (http or
// https), or "" for HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment.
// Its errors do not quote the text, which may contain a password.
func ParseProxy(text string) (proxyFunc, error) {
	switch text {
	case "":
		return http.ProxyFromEnvironment, nil
	case "direct":
		return func(*http.Request) (*url.URL, error) { return nil, nil }, nil //nolint:nilnil // how http.Transport expects no proxy
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New(`proxy: it must be "direct" or a URL such as http://proxy.example.com:3128; https:// is the only other scheme`)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("proxy: the URL of a proxy has no path and no query")
	}
	return http.ProxyURL(u), nil
}

// proxyAnswered returns the error for a proxy that refused a connection.
func proxyAnswered(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	hint := ""
	if answer.StatusCode == http.StatusProxyAuthRequired {
		hint = ": put user and password into the proxy's URL"
	}
	return fmt.Errorf("the proxy %s does not connect: it answered %d%s", proxy.Host, answer.StatusCode, hint)
}

// addressCheck checks the address that a name was resolved to, just before the
// connection: a public name must not lead into the private network. If there
// are several addresses, the dialer tries the next.
func addressCheck(private func(netip.Addr) bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		if allowed, _ := ctx.Value(anyAddress{}).(bool); allowed {
			return nil
		}
		if ap, err := netip.ParseAddrPort(address); err == nil && !private(ap.Addr()) {
			return nil
		}
		return &refusedError{fmt.Sprintf("the name resolves to %s, which is not a public address, and the configuration does not name the host",
			address)}
	}
}
