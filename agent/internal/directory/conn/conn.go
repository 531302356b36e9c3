// Package conn speaks LDAP with one Active Directory domain controller. It
// verifies the certificate (LDAPS), binds, keeps a small pool of connections,
// sends requests under contexts, and returns errors that contain the
// operator's next step.
//
// It knows nothing of plans, scope or protection: package write decides what
// may be written. It does not follow referrals, does not fail over while it is
// open (a run stays on the domain controller that it began with), and never
// repeats a write.
package conn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// defaultTimeout limits one request if Settings sets no other time.
const defaultTimeout = 30 * time.Second

// Settings say where the directory is and as which account the agent binds.
type Settings struct {
	URLs     []string // ldaps://host[:port], tried in this order
	BaseDN   ident.DN // in a naming context of the domain controller
	BindDN   string   // DN, user@domain or DOMAIN\user
	Password func(context.Context) (string, error)
	// Gate is called before each bind, also of a further connection and after one was
	// lost. It calls bind, or returns why it does not. nil always binds.
	Gate func(ctx context.Context, server, password string, bind func() error) error
	// CAFile names a PEM file with the authorities to trust; "" trusts those
	// of the system.
	CAFile string
	// Timeout bounds each connect, bind and request, and each page of a
	// search; 0 is 30 s. A request that exceeds it closes its connection.
	Timeout     time.Duration
	Connections int // at most that many connections at once; less than 1 means 1
	// Catalog says that the URLs are of global catalogs, which hold some attributes of
	// every domain of the forest. BaseDN counts for nothing, and nothing can be written.
	Catalog bool
}

// Observer counts what happens, for metrics. Its methods are called from
// several goroutines and must not block.
type Observer interface {
	// Request reports one exchange: "bind", "search", "add", "modify",
	// "modify_dn", "delete" or "dirsync"; code is the LDAP result code or
	// CodeNetwork.
	Request(operation string, code int, took time.Duration)
	// Connected reports whether the last contact with a domain controller,
	// named by its URL, succeeded. Closing a Client that is no longer needed
	// is not reported, because it says nothing about the server.
	Connected(server string, up bool)
}

// Server is the domain controller that a Client is pinned to.
type Server struct {
	URL         string
	DNSHostName string
	// ServiceName is the DN of the NTDS settings object: which DC this is.
	ServiceName ident.DN
	// InvocationID identifies the DC's database: USNs and cookies of another
	// one are meaningless here. It is "" if the account may not read it.
	InvocationID  ident.GUID
	NamingContext ident.DN // of Settings.BaseDN
	DomainSID     string   // S-1-5-21-...
	// TokenSIDs are the SIDs in the token of the bound account, including its
	// own. It is empty if the DC does not tell.
	TokenSIDs []string
}

// Identity names the domain controller and the copy of the database that its
// cookies and USNs belong to.
func (s Server) Identity() string {
	host := s.DNSHostName
	if host == "" {
		host = s.URL
	}
	return fmt.Sprintf("%s (database %s)", host, s.InvocationID)
}

// Client holds connections to one domain controller. It is safe for use by
// several goroutines; each request takes one of the connections.
type Client struct {
	settings Settings
	log      *slog.Logger
	observer Observer
	server   Server
	free     chan *connection

	closed chan struct{}
	all    []*connection

	mu      sync.Mutex
	address string // host:port that the URL resolved to
}

// Open connects to the first usable domain controller of the settings: its
// certificate verifies, it accepts the bind, holds the base DN and is writable
// and synchronized. Skipped ones are logged. A refused password ends the
// attempts, so that no account is locked out. An unreadable password or CA
// file ends them too, because it would fail with the next domain controller as
// well.
func Open(ctx context.Context, s Settings, log *slog.Logger, observer Observer) (*Client, error) {
	if len(s.URLs) == 0 {
		return nil, errors.New("open directory: no URL is configured")
	}
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	s.Connections = max(s.Connections, 1)
	if observer == nil {
		observer = nobody{}
	}
	var failed []error
	for _, u := range s.URLs {
		c, err := openOne(ctx, s, u, log, observer)
		if err == nil {
			for i, e := range failed {
				log.Warn("domain controller passed over", "server", s.URLs[i], "cause", e, "instead", u)
			}
			log.Info("directory connected", "server", u, "host", c.server.DNSHostName)
			return c, nil
		}
		if ctx.Err() == nil {
			observer.Connected(u, false)
		}
		failed = append(failed, err)
		var e *Error
		if ctx.Err() != nil || errors.As(err, &e) && e.Code == codeInvalidCredentials || isLocal(err) {
			break
		}
	}
	return nil, errors.Join(failed...)
}

func openOne(ctx context.Context, s Settings, rawURL string, log *slog.Logger, observer Observer) (*Client, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "ldaps" || u.Hostname() == "" {
		return nil, &Error{
			Op: "connect", Server: rawURL, Err: errors.New("not an ldaps:// URL"),
			Hint: "write it as ldaps://dc1.example.com; passwords are set over TLS only",
		}
	}
	port := u.Port()
	if port == "" {
		port = "636"
		if s.Catalog {
			port = "3269"
		}
	}
	c := &Client{settings: s, log: log, observer: observer, free: make(chan *connection, s.Connections), closed: make(chan struct{})}
	c.server.URL = rawURL
	for range s.Connections {
		l := &connection{client: c, host: u.Hostname(), port: port}
		c.all = append(c.all, l)
		c.free <- l
	}
	if err := c.identify(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close closes every connection. Requests in progress fail; a write among them
// has an unknown outcome.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		return nil
	}
	close(c.closed)
	for _, l := range c.all {
		l.kill()
	}
	return nil
}

func (c *Client) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Server describes the domain controller.
func (c *Client) Server() Server { return c.server }

// request is one exchange with the server.
type request struct {
	op    string // as Observer.Request names it
	dn    ident.DN
	write bool
}

// do runs f on a free connection. If the connection turns out to be dead, a
// read is repeated once on a new one. A write is never repeated: unless the
// server said that it failed, its outcome is unknown.
func (c *Client) do(ctx context.Context, r request, f func(context.Context, *connection) error) error {
	l, err := c.take(ctx)
	if err != nil {
		return c.fail(r, err, false)
	}
	defer func() { c.free <- l }()
	for attempt := 0; ; attempt++ {
		if err := l.ready(ctx); err != nil {
			return err
		}
		err := f(ctx, l)
		if err == nil {
			return nil
		}
		broken := isNetwork(err)
		if broken {
			l.kill()
			c.lost(ctx)
		}
		if broken && !r.write && attempt == 0 && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			continue
		}
		return c.fail(r, err, broken && r.write)
	}
}

// lost reports that the server could not be used, unless this side gave up:
// the caller stopped waiting, or Close was called.
func (c *Client) lost(ctx context.Context) {
	if ctx.Err() == nil && !c.isClosed() {
		c.observer.Connected(c.server.URL, false)
	}
}

func (c *Client) take(ctx context.Context) (*connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case l := <-c.free:
		return l, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a free connection: %w", ctx.Err())
	}
}

type nobody struct{}

func (nobody) Request(string, int, time.Duration) {}
func (nobody) Connected(string, bool)             {}

var _ Observer = nobody{}
