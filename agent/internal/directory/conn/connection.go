package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/localfile"
)

// connection is one connection of the pool, dialled when first needed. It
// serves one request at a time.
type connection struct {
	client     *Client
	host, port string

	mu   sync.Mutex // guards conn and raw: Close and deadlines use them from outside
	conn *ldap.Conn
	raw  net.Conn
}

// kill breaks the connection at once, without waiting for the server. A
// request that waits for an answer on it gets an error.
func (l *connection) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.raw != nil {
		_ = l.raw.Close() // the connection is abandoned, so the error does not matter
		l.raw, l.conn = nil, nil
	}
}

func (l *connection) current() *ldap.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.conn.IsClosing() {
		return nil
	}
	return l.conn
}

// ready dials and binds unless the connection is alive. If it fails, no part
// of a request has been sent.
func (l *connection) ready(ctx context.Context) error {
	if l.current() != nil {
		return nil
	}
	l.kill()
	for _, step := range []func(context.Context) error{l.dial, l.bind, l.sameServer} {
		if err := step(ctx); err != nil {
			l.kill()
			l.client.lost(ctx)
			return err
		}
	}
	l.client.observer.Connected(l.client.server.URL, true)
	return nil
}

func (l *connection) dial(ctx context.Context) error {
	c := l.client
	config, err := l.tlsConfig()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.settings.Timeout)
	defer cancel()
	go func() {
		select {
		case <-c.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address())
	if err != nil {
		return &Error{
			Op: "connect", Server: c.server.URL, Code: CodeNetwork, Err: err,
			Hint: "check that the domain controller runs, that its name resolves and that port " + l.port + " is open from here",
		}
	}
	secured := tls.Client(raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return l.handshakeError(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		_ = raw.Close()
		return c.fail(request{op: "connect"}, net.ErrClosed, false)
	}
	c.address = raw.RemoteAddr().String()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raw, l.conn = raw, ldap.NewConn(secured, true)
	l.conn.Start()
	return nil
}

// address returns where the first connection led, so that a URL that stands
// for several domain controllers leads to the same one again.
func (l *connection) address() string {
	l.client.mu.Lock()
	defer l.client.mu.Unlock()
	if l.client.address != "" {
		return l.client.address
	}
	return net.JoinHostPort(l.host, l.port)
}

func (l *connection) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: l.host, MinVersion: tls.VersionTLS12}
	name := l.client.settings.CAFile
	if name == "" {
		return config, nil
	}
	roots, err := localfile.Authorities(name)
	if err != nil {
		return nil, &Error{Op: "connect", Server: l.client.server.URL, Err: fmt.Errorf("ca_file: %w", err)}
	}
	config.RootCAs = roots
	return config, nil
}

func (l *connection) bind(ctx context.Context) error {
	c := l.client
	password, err := c.settings.Password(ctx)
	if err != nil {
		return &Error{Op: "bind", Server: c.server.URL, Err: fmt.Errorf("get the password: %w", err)}
	}
	// A simple bind without a password succeeds anonymously (RFC 4513 section
	// 5.1.2).
	if password == "" {
		return &Error{
			Op: "bind", Server: c.server.URL, Err: errors.New("the password is empty"),
			Hint: "check the secret that bind_password refers to",
		}
	}
	account := request{op: "bind", dn: ident.DN(c.settings.BindDN)}
	bind := func() error {
		err := l.run(ctx, "bind", func(conn *ldap.Conn) error { return conn.Bind(c.settings.BindDN, password) })
		if err != nil {
			return c.fail(account, err, false)
		}
		return nil
	}
	if c.settings.Gate == nil {
		return bind()
	}
	if err := c.settings.Gate(ctx, c.server.URL, password, bind); err != nil {
		return c.fail(account, err, false)
	}
	return nil
}

// sameServer checks that a new connection leads to the domain controller that
// the client is pinned to, because an address may stand for several.
func (l *connection) sameServer(ctx context.Context) error {
	c := l.client
	if c.server.ServiceName == "" {
		return nil // the first connection decides
	}
	var name string
	err := l.run(ctx, "search", func(conn *ldap.Conn) error {
		root, err := rootDSE(conn, "dsServiceName")
		if err == nil {
			name = root.GetAttributeValue("dsServiceName")
		}
		return err
	})
	if err != nil {
		return c.fail(request{op: "search"}, err, false)
	}
	if !c.server.ServiceName.EqualFold(ident.DN(name)) {
		return &Error{
			Op: "connect", Server: c.server.URL, Code: CodeNetwork,
			Err:  fmt.Errorf("another domain controller answers now: %s instead of %s", name, c.server.ServiceName),
			Hint: "name domain controllers in directory.urls, not a load balancer; the next run begins anew",
		}
	}
	return nil
}

// run performs one exchange within the timeout. When the time is up or ctx is
// done, it breaks the connection, so that a late answer cannot be taken for
// the answer to another request.
func (l *connection) run(ctx context.Context, op string, f func(*ldap.Conn) error) error {
	conn := l.current()
	if conn == nil {
		return net.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, l.client.settings.Timeout)
	defer cancel()
	started := time.Now()
	stop := context.AfterFunc(ctx, l.kill)
	err := f(conn)
	if !stop() && err != nil {
		err = fmt.Errorf("no answer within %s: %w", time.Since(started).Round(time.Millisecond), ctx.Err())
	}
	l.client.observer.Request(op, code(err), time.Since(started))
	return err
}
