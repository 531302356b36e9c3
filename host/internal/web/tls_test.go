package web

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func (a authority) issue(t *testing.T, until time.Duration, change func(*x509.Certificate)) tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(until),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

func here(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }

func TestTLS(t *testing.T) {
	trusted := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(trusted.cert)
	cases := map[string]struct {
		server *tls.Config
		lax    bool   // the client's own settings ask for less than TLS 1.2
		want   string // in the error; "" when it works
	}{
		"TLS 1.2":         {server: &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, time.Hour, here)}, MaxVersion: tls.VersionTLS12}},
		"TLS 1.3":         {server: &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, time.Hour, here)}, MinVersion: tls.VersionTLS13}},
		"TLS 1.1 only":    {server: &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, time.Hour, here)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, want: "protocol version"},
		"lax settings":    {server: &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, time.Hour, here)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, lax: true, want: "protocol version"},
		"another address": {server: &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, time.Hour, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} })}}, want: "127.0.0.2"},
		"another name":    {server: &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, time.Hour, func(c *x509.Certificate) { c.DNSNames = []string{"api.example.com"} })}}, want: "certificate"},
		"expired":         {server: &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, -time.Hour, here)}}, want: "expired"},
		"unknown issuer":  {server: &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, time.Hour, here)}}, want: "unknown authority"},
		"for clients":     {server: &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, time.Hour, func(c *x509.Certificate) { here(c); c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })}}, want: "key usage"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			srv.Config.ErrorLog = quiet()
			srv.TLS = c.server
			srv.StartTLS()
			defer srv.Close()
			cl := client(t, srv, nil, func(s *Settings) {
				s.Network.TLS = &tls.Config{RootCAs: pool}
				if c.lax {
					s.Network.TLS.MinVersion = tls.VersionTLS10
				}
			})
			_, err := cl.Send(t.Context(), get("/"))
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantCode(t, err, abi.CodeNetwork, c.want)
		})
	}
}

// TestDowngradeIsNoticed has somebody in between remove TLS 1.3 from the
// greetings of both sides. The server's random value reveals it (RFC 8446
// section 4.1.3).
func TestDowngradeIsNoticed(t *testing.T) {
	trusted := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(trusted.cert)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = quiet()
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{trusted.issue(t, time.Hour, here)}}
	srv.StartTLS()
	defer srv.Close()
	between, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer between.Close()
	go downgrade(between, srv.Listener.Addr().String())
	cl := client(t, srv, nil, func(s *Settings) {
		s.Network.TLS = &tls.Config{RootCAs: pool}
		s.Configured = "https://" + between.Addr().String()
		s.Network.Rules, _ = NewRules(nil, nil, []string{s.Configured})
	})
	_, err = cl.Send(t.Context(), get("/"))
	wantCode(t, err, abi.CodeNetwork, "downgrade")
}

// downgrade forwards connections, but changes the first greeting to offer TLS
// 1.2 at most.
func downgrade(l net.Listener, to string) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			server, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer server.Close()
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			// supported_versions: type 43, length 5, list of 4: 1.3, 1.2
			hello := bytes.Replace(buf[:n], []byte{0, 43, 0, 5, 4, 3, 4, 3, 3}, []byte{0, 43, 0, 5, 4, 3, 3, 3, 3}, 1)
			if _, err := server.Write(hello); err != nil {
				return
			}
			go func() { _, _ = io.Copy(server, from) }()
			_, _ = io.Copy(from, server)
		}()
	}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
