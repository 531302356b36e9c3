package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Listen opens the address for Serve. Opening it early makes a taken port an error
// at start, and tells the caller which port ":0" chose.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for applications on %s: %w (another program? set [receiver] listen)", address, err)
	}
	return l, nil
}

// Serve takes deliveries until ctx ends, and waits for those that are being
// stored. certificate is nil for plain HTTP.
func (r *Receiver) Serve(ctx context.Context, l net.Listener, certificate *Certificate) error {
	g := newGate(l, r.limits.conns, r.limits.patience)
	server := &http.Server{
		Handler: r, ReadHeaderTimeout: r.limits.header, ReadTimeout: r.limits.read, WriteTimeout: r.limits.read, IdleTimeout: 30 * time.Second,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(r.Log.Handler(), slog.LevelDebug), ConnState: g.state, ConnContext: withGated,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // HTTP/1.1 is enough, and has less that can be abused
	}
	listener := net.Listener(g)
	if certificate != nil {
		listener = tls.NewListener(g, certificate.config())
	}
	storing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var keeping sync.WaitGroup
	keeping.Go(func() { r.keeper.run(storing) })
	defer keeping.Wait()
	defer stop() // after the server: who is being answered still waits for the disk
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve applications: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(end); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving applications: %w", err)
	}
	return server.Close()
}

// gate bounds the connections. When there are too many, a new one waits for one
// that ends, and takes the place of one that has proven nothing for a while: whoever
// opens connections to send nothing, or a body without its signature, keeps nobody
// out.
type gate struct {
	net.Listener
	most     int
	patience time.Duration

	mu     sync.Mutex
	conns  map[*gated]time.Time // since when the connection proves nothing; zero: a genuine request is being served
	ended  chan struct{}        // told when one ends
	closed chan struct{}
	once   sync.Once
}

// gated is a connection that the gate counts.
type gated struct {
	net.Conn
	gate *gate
	once sync.Once
}

func newGate(l net.Listener, most int, patience time.Duration) *gate {
	return &gate{
		Listener: l, most: most, patience: patience, conns: map[*gated]time.Time{},
		ended: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	if !g.room() {
		return nil, net.ErrClosed
	}
	conn, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &gated{Conn: conn, gate: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = time.Now()
	return c, nil
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.Listener.Close()
}

// room waits until another connection may be accepted; false when the gate is
// closed.
func (g *gate) room() bool {
	for {
		oldest, wait := g.oldest()
		switch {
		case wait < 0:
			return true
		case wait == 0 && oldest != nil:
			_ = oldest.Close()
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-g.closed:
			timer.Stop()
			return false
		case <-g.ended:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// oldest returns the connection that has proven nothing for longest, and how long to
// wait before it is closed: below 0 when there is room.
func (g *gate) oldest() (oldest *gated, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.conns) < g.most {
		return nil, -1
	}
	var since time.Time
	for c, at := range g.conns {
		if !at.IsZero() && (oldest == nil || at.Before(since)) {
			oldest, since = c, at
		}
	}
	if oldest == nil {
		return nil, g.patience
	}
	return oldest, max(g.patience-time.Since(since), 0)
}

// state implements http.Server.ConnState.
func (g *gate) state(conn net.Conn, state http.ConnState) {
	c := gatedOf(conn)
	if c == nil {
		return
	}
	switch state {
	case http.StateActive, http.StateIdle: // a request begins, or has ended
		g.since(c, time.Now())
	case http.StateNew, http.StateHijacked, http.StateClosed: // since Accept; never; Close tells
	}
}

// since notes since when a connection proves nothing.
func (g *gate) since(c *gated, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, open := g.conns[c]; open {
		g.conns[c] = at
	}
}

// gatedOf returns the connection below TLS; nil for one of no gate.
func gatedOf(conn net.Conn) *gated {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	c, _ := conn.(*gated)
	return c
}

// gatedKey is the key of the connection in the context of a request.
type gatedKey struct{}

// withGated implements http.Server.ConnContext.
func withGated(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, gatedKey{}, gatedOf(conn))
}

// proven notes that the request of ctx is genuine: its connection makes room for
// nobody until it is answered.
func proven(ctx context.Context) {
	if c, _ := ctx.Value(gatedKey{}).(*gated); c != nil {
		c.gate.since(c, time.Time{})
	}
}

// Close implements net.Conn.
func (c *gated) Close() error {
	c.once.Do(func() {
		c.gate.mu.Lock()
		delete(c.gate.conns, c)
		c.gate.mu.Unlock()
		select {
		case c.gate.ended <- struct{}{}:
		default:
		}
	})
	return c.Conn.Close()
}
