package runtime

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

// refusing is an LDAP server that refuses every bind, and counts them.
type refusing struct {
	url, ca string
	binds   atomic.Int32
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
	for {
		request, err := ber.ReadPacket(c)
		if err != nil || request.Children[1].Tag != ldap.ApplicationBindRequest {
			return
		}
		r.binds.Add(1)
		answer := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		answer.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, request.Children[0].Value, ""))
		result := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationBindResponse, nil, "")
		result.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(ldap.LDAPResultInvalidCredentials), ""))
		for _, text := range []string{"", "80090308: LdapErr: DSID-0C090447, data 52e, v4563"} {
			result.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, ""))
		}
		answer.AppendChild(result)
		if _, err := c.Write(answer.Bytes()); err != nil {
			return
		}
	}
}

// TestAWrongPasswordLocksNoAccount: whatever the agent does by itself binds once with a
// password that is refused, and again with another one. A person's command does bind.
func TestAWrongPasswordLocksNoAccount(t *testing.T) {
	r := newRefusing(t)
	password := "old"
	a := agentWith(&config.Config{Directory: config.Directory{
		URLs: []string{r.url}, BindDN: "rollcall@ad.test", BindPassword: reference(t, "@{env:PASSWORD}"), CAFile: r.ca, Connections: 4, Scope: ident.Scope{"DC=x"},
	}}, slog.DiscardHandler)
	a.secrets = secrets.NewResolver(func(string) (string, bool) { return password, true }, nil)
	a.metrics, a.refusals, a.people, a.population = metrics.New("test", func() float64 { return 0 }), newRefusals(), newPeople(), newPopulation()
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
