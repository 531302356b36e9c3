package dctest

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Proxy forwards TCP between a client and a domain controller, and can fail as
// a network does. The certificate of the domain controller is valid behind it.
type Proxy struct {
	URL string

	listener net.Listener
	target   string
	mu       sync.Mutex
	conns    map[net.Conn]bool
	silent   chan struct{} // while it is open, nothing passes to the client; nil lets everything pass
	accepted int
	closed   bool
	running  sync.WaitGroup
}

// Proxy starts a proxy in front of d, on its address, that ends with the test.
func (d *DC) Proxy(t testing.TB) *Proxy { return d.ProxyOn(t, d.IP) }

// ProxyOn starts a proxy on another loopback address. The certificate is valid
// for 127.0.0.20 to 127.0.0.60.
func (d *DC) ProxyOn(t testing.TB, ip string) *Proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		URL: "ldaps://" + listener.Addr().String(), listener: listener,
		target: d.IP + ":636", conns: map[net.Conn]bool{},
	}
	p.running.Go(p.serve)
	t.Cleanup(func() {
		p.Answer()
		p.Refuse()
		p.running.Wait()
	})
	return p
}

// Cut breaks every open connection; new ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Refuse closes the listener and every connection: the server is down for good.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut()
}

// Silence holds back everything that the server says from now on, as a
// partition does: requests still arrive and are carried out.
func (p *Proxy) Silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent == nil {
		p.silent = make(chan struct{})
	}
}

// Answer ends Silence and delivers what was held back.
func (p *Proxy) Answer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent != nil {
		close(p.silent)
		p.silent = nil
	}
}

// Accepted counts the connections so far.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.accepted++
		p.conns[client], p.conns[server] = true, true
		if p.closed {
			_ = client.Close()
			_ = server.Close()
		}
		p.mu.Unlock()
		p.running.Go(func() { p.pass(server, client, func() {}) })
		p.running.Go(func() { p.pass(client, server, p.hold) })
	}
}

// pass copies until one side ends, then closes both.
func (p *Proxy) pass(to, from net.Conn, before func()) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			before()
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
	p.mu.Lock()
	delete(p.conns, to)
	delete(p.conns, from)
	p.mu.Unlock()
}

func (p *Proxy) hold() {
	p.mu.Lock()
	silent := p.silent
	p.mu.Unlock()
	if silent != nil {
		<-silent
	}
}
