package runtime

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// refusing is an LDAP server that refuses every bind, unless it accepts for a while, and
// counts them.
type refusing struct {
	url, ca string
	binds   atomic.Int32
	opened  atomic.Int32 // connections
	accepts atomic.Bool
	holds   atomic.Pointer[func() bool] // whether a bind is not answered yet

	mu   sync.Mutex
	open []net.Conn
}

// breaks ends all connections.
func (r *refusing) breaks() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.open {
		_ = c.Close()
	}
}

func newRefusing(t *testing.T) *refusing {
	t.Helper()
	web := httptest.NewTLSServer(nil)
	t.Cleanup(web.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", web.TLS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := &refusing{url: "ldaps://" + l.Addr().String(), ca: filepath.Join(t.TempDir(), "ca.pem")}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(r.ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	return r
}

func (r *refusing) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r.mu.Lock()
	r.open = append(r.open, c)
	r.opened.Add(1)
	r.mu.Unlock()
	for {
		request, err := ber.ReadPacket(c)
		if err != nil {
			return
		}
		id := request.Children[0].Value
		switch request.Children[1].Tag {
		case ldap.ApplicationBindRequest:
			r.binds.Add(1)
			for holds := r.holds.Load(); holds != nil && (*holds)(); {
				time.Sleep(time.Millisecond)
			}
			if r.accepts.Load() {
				err = answer(c, id, result(ldap.ApplicationBindResponse, ldap.LDAPResultSuccess, ""))
			} else {
				err = answer(c, id, result(ldap.ApplicationBindResponse, ldap.LDAPResultInvalidCredentials,
					"80090308: LdapErr: DSID-0C090447, data 52e, v4563"))
			}
		case ldap.ApplicationSearchRequest:
			if err = answer(c, id, root()); err == nil {
				err = answer(c, id, result(ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess, ""))
			}
		default:
			return
		}
		if err != nil {
			return
		}
	}
}

func answer(c net.Conn, id any, op *ber.Packet) error {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(op)
	_, err := c.Write(p.Bytes())
	return err
}

func octets(text string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, "")
}

func result(op ber.Tag, code int64, diagnostic string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, op, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	p.AppendChild(octets(""))
	p.AppendChild(octets(diagnostic))
	return p
}

// root is what every search finds: enough to know the server by.
func root() *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(octets("DC=x"))
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	for name, value := range map[string]string{
		"namingContexts": "DC=x", "dsServiceName": "CN=NTDS Settings,CN=DC1,DC=x", "objectGUID": "0123456789abcdef",
	} {
		one := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		one.AppendChild(octets(name))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		values.AppendChild(octets(value))
		one.AppendChild(values)
		list.AppendChild(one)
	}
	p.AppendChild(list)
	return p
}

// agentAt returns an agent whose directory is on these servers, with the password that is read.
func agentAt(t *testing.T, servers []*refusing, password func() string) *Agent {
	t.Helper()
	var urls []string
	for _, r := range servers {
		urls = append(urls, r.url)
	}
	a := agentWith(&config.Config{Directory: config.Directory{
		URLs: urls, BaseDN: "DC=x", BindDN: "rollcall@ad.test", BindPassword: reference(t, "@{env:PASSWORD}"), CAFile: servers[0].ca,
		Connections: 4, Scope: ident.Scope{"DC=x"},
	}}, slog.DiscardHandler)
	a.secrets = secrets.NewResolver(func(string) (string, bool) { return password(), true }, nil)
	a.metrics, a.refusals, a.people, a.population = metrics.New("test", func() float64 { return 0 }), newRefusals(), newPeople(), newPopulation()
	a.refusals.patience, a.refusals.firstPatience = soak.Patience, soak.Patience
	return a
}

// atOnce lets many do something at once, each on a connection of its own, which the
// servers together must refuse once.
func atOnce(t *testing.T, servers []*refusing, many int, do func(i int) error) {
	t.Helper()
	sum := func(of func(*refusing) *atomic.Int32) (n int) {
		for _, r := range servers {
			n += int(of(r).Load())
		}
		return n
	}
	opened := func(r *refusing) *atomic.Int32 { return &r.opened }
	before := sum(opened)
	holds := func() bool { return sum(opened) < before+many } // so that nobody comes after the refusal
	for _, r := range servers {
		r.binds.Store(0)
		r.holds.Store(&holds)
	}
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			if err := do(i); !errors.Is(err, conn.ErrCredentials) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := sum(func(r *refusing) *atomic.Int32 { return &r.binds }); n != 1 {
		t.Errorf("%d binds, want 1", n)
	}
}

// TestManyAtOnceBindOnce: of those that connect at once, a person's commands among them,
// one finds out that the account is refused, also where some prefer another server.
func TestManyAtOnceBindOnce(t *testing.T) {
	for _, servers := range [][]*refusing{{newRefusing(t)}, {newRefusing(t), newRefusing(t)}} {
		s := agentAt(t, servers, func() string { return "wrong" }).now.Load()
		atOnce(t, servers, 20, func(i int) error {
			ctx := t.Context()
			if i%3 == 0 {
				ctx = unattended(ctx)
			}
			_, err := s.Connect(ctx, servers[i%len(servers)].url)
			return err
		})
	}
}

// TestLostConnectionsBindOnce: connections that are lost after the password has changed are
// refused once altogether, and whatever connects later asks no more. So it is for those of
// a person's command, which asks only while it connects.
func TestLostConnectionsBindOnce(t *testing.T) {
	for name, mark := range map[string]func(context.Context) context.Context{
		"by itself": unattended,
		"a command": func(ctx context.Context) context.Context { return ctx },
	} {
		t.Run(name, func(t *testing.T) {
			servers := []*refusing{newRefusing(t)}
			r := servers[0]
			r.accepts.Store(true)
			ctx := mark(t.Context())
			s := agentAt(t, servers, func() string { return "old" }).now.Load()
			var clients []*conn.Client
			for range 2 {
				c, err := s.Connect(ctx, "")
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.Close() }()
				clients = append(clients, c)
			}
			get := func(i int) error {
				_, err := clients[i%2].Get(ctx, conn.ByDN("DC=x"), nil)
				return err
			}
			r.accepts.Store(false)
			r.breaks()
			atOnce(t, servers, 8, get) // the 4 connections of each
			for i := range 20 {
				if err := get(i); !errors.Is(err, conn.ErrCredentials) {
					t.Error(err)
				}
			}
			if _, err := s.Connect(unattended(ctx), ""); !errors.Is(err, conn.ErrCredentials) {
				t.Error(err)
			}
			if n := r.binds.Load(); n != 1 {
				t.Errorf("%d binds, want 1", n)
			}
		})
	}
}

// TestABindWithoutAnswerHoldsNobodyUp for long, once the account is known to be good.
func TestABindWithoutAnswerHoldsNobodyUp(t *testing.T) {
	r, of := newRefusals(), accountOf("rollcall", "good")
	r.patience, r.firstPatience = time.Millisecond, soak.Patience
	r.accepted("dc1", of)
	stuck, goOn := make(chan struct{}), make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		_ = r.bind(t.Context(), attempt{server: "dc1", of: of}, func() error { close(stuck); <-goOn; return nil })
	})
	<-stuck
	if err := r.bind(t.Context(), attempt{server: "dc2", of: of}, func() error { return nil }); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.bind(ctx, attempt{server: "dc2", of: accountOf("rollcall", "unknown")}, func() error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(goOn)
	work.Wait()
}

// TestAWrongPasswordLocksNoAccount: whatever the agent does by itself binds once with a
// password that is refused, and again with another one. A person's command does bind.
func TestAWrongPasswordLocksNoAccount(t *testing.T) {
	r := newRefusing(t)
	password := "old"
	a := agentAt(t, []*refusing{r}, func() string { return password })
	s := a.now.Load()
	byItself := func(want int32) {
		t.Helper()
		ctx := unattended(t.Context())
		for range 5 { // of orchestrations and events, for their limits, for directory steps, for runs
			read := newObjects(access{source: unknownSource, dial: s.reader, only: s.readerOnly})
			_, _, err := read.Named(ctx, "CN=x", nil)
			_, counted := s.People(ctx, "")
			_, step := s.writable(ctx, r.url)
			_, run := s.pinned(ctx, "")
			for _, err := range []error{err, counted, step, run} {
				if !errors.Is(err, conn.ErrCredentials) {
					t.Fatal(err)
				}
			}
		}
		if n := r.binds.Load(); n != want {
			t.Errorf("%d binds, want %d", n, want)
		}
	}
	byItself(1)
	if _, err := s.Connect(t.Context(), ""); !errors.Is(err, conn.ErrCredentials) || r.binds.Load() != 2 {
		t.Errorf("a person: %v after %d binds", err, r.binds.Load())
	}
	byItself(2)
	password = "new"
	byItself(3)
}
