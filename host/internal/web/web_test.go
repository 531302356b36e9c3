package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestRules(t *testing.T) {
	rules, err := NewRules([]string{"api.example.com", "*.example.net"}, []string{"127.0.0.1", "extra.example.org", "extra.example.org:8443", "*.wide.example"}, []string{"http://127.0.0.2:8080/base", "https://Own.Example.org"})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]bool{
		"https://api.example.com/x": true, "https://API.example.com": true, "https://api.example.com:443/": true,
		"https://a.example.net": true, "https://a.b.example.net": true, "http://127.0.0.1:9/": true, "https://127.0.0.1:9/": true,
		"https://extra.example.org": true, "https://extra.example.org:8443": true, "https://x.wide.example": true,
		"http://127.0.0.2:8080/other": true, "https://own.example.org/": true,

		"http://api.example.com": false, "http://api.example.com:443": false, "https://api.example.com:8443": false, "https://example.net": false,
		"https://evilexample.net": false, "https://api.example.com.evil.org": false, "http://127.0.0.2:8081": false, "http://127.0.0.3": false,
		"https://extra.example.org:9000": false, "http://extra.example.org:443": false, "https://other.org": false, "ftp://api.example.com": false,
		"https://user@api.example.com": false, "https:///x": false, "http://own.example.org": false, "https://own.example.org:444": false,
		"http://localhost:9/": false, "https://api.example.com.": false,
	}
	for text, want := range cases {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rules.Check(u); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, bad := range [][3][]string{{{"https://x"}, nil, nil}, {nil, nil, []string{"nowhere"}}} {
		if _, err := NewRules(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestPrivateAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "10.1.2.3:443": true, "192.168.0.1:443": true, "169.254.169.254:80": true,
		"[fe80::1]:443": true, "[fd00::1]:443": true, "[::ffff:10.0.0.1]:443": true, "100.64.0.1:443": true, "0.0.0.0:1": true, "224.0.0.1:1": true, "nonsense": true,
		"8.8.8.8:443": false, "[2001:4860::8888]:443": false,
	} {
		if got := private(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// TestNameOfThePublicThatLeadsHome: a name of the manifest must not be resolved
// to this machine. localhost stands for such a name.
func TestNameOfThePublicThatLeadsHome(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	rules := Rules{entries: []entry{{host: "localhost", port: u.Port()}}}
	c := New(Settings{Rules: rules, Timeout: time.Minute, UserAgent: "test", MaxBody: 1 << 20})
	defer c.Close()
	_, err = c.Send(t.Context(), abi.Request{Method: "GET", URL: "https://localhost:" + u.Port() + "/"})
	var e *Error
	if !errors.As(err, &e) || e.Code != abi.CodeRefused || !strings.Contains(e.Error(), "not a public address") {
		t.Errorf("error %v", err)
	}
}

// creds are refreshed once, when they are rejected.
type creds struct {
	token    string
	rejected int
	fail     error
	base     string
}

func (c *creds) Apply(_ context.Context, r *http.Request) error {
	r.Header.Set("Authorization", "Bearer "+c.token)
	return nil
}

func (c *creds) Rejected(context.Context) (bool, error) {
	c.rejected++
	c.token = "fresh-token"
	return true, c.fail
}
func (c *creds) BaseURL(context.Context) (string, error) { return c.base, nil }
func (c *creds) Redact() []string                        { return []string{c.token} }

func client(t *testing.T, srv *httptest.Server, c Credentials, change func(*Settings)) *Client {
	t.Helper()
	rules, err := NewRules(nil, nil, []string{srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Rules: rules, Configured: srv.URL, Credentials: c, Timeout: 5 * time.Second, UserAgent: "test", MaxBody: 1 << 20}
	if srv.TLS != nil {
		pool := x509.NewCertPool()
		pool.AddCert(srv.Certificate())
		s.TLS = &tls.Config{RootCAs: pool}
	}
	if change != nil {
		change(&s)
	}
	cl := New(s)
	t.Cleanup(cl.Close)
	return cl
}

func TestRejectedCredentials(t *testing.T) {
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") != "Bearer fresh-token" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer srv.Close()
	old := &creds{token: "old-token-value"}
	resp, err := client(t, srv, old, nil).Send(t.Context(), abi.Request{Method: "GET", Path: "/"})
	if err != nil || resp.Status != 200 || len(asked) != 2 {
		t.Errorf("%+v %v after %q", resp, err, asked)
	}
	old = &creds{token: "old-token-value", fail: errors.New("refresh of fresh-token was refused")}
	_, err = client(t, srv, old, nil).Send(t.Context(), abi.Request{Method: "GET", Path: "/"})
	var e *Error
	if !errors.As(err, &e) || e.Code != abi.CodeAuth || strings.Contains(e.Error(), "fresh-token") {
		t.Errorf("error %v", err)
	}
	asked = nil
	resp, err = client(t, srv, old, nil).Send(t.Context(), abi.Request{Method: "GET", Path: "/", Auth: abi.NoAuth})
	if err != nil || resp.Status != 401 || len(asked) != 1 || asked[0] != "" {
		t.Errorf("without credentials: %+v %v %q", resp, err, asked)
	}
}

func TestWhereTheAPILives(t *testing.T) {
	var path string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path = r.URL.RequestURI() }))
	defer srv.Close()
	cases := map[string]struct {
		configured, token, manifest string
		request                     abi.Request
		want                        string
	}{
		"configured wins": {srv.URL + "/c/", srv.URL + "/t", srv.URL + "/m", abi.Request{Path: "/u"}, "/c/u"},
		"then the token":  {"", srv.URL + "/t", srv.URL + "/m", abi.Request{Path: "/u?a=1", Query: map[string]string{"b": "&"}}, "/t/u?a=1&b=%26"},
		"the manifest":    {"", "", srv.URL + "/m", abi.Request{Path: "/u"}, "/m/u"},
		"a path as URL":   {srv.URL + "/c", "", "", abi.Request{URL: "/v2/u?x=1"}, "/v2/u?x=1"},
		"dots stay below": {srv.URL + "/c", "", "", abi.Request{Path: "/a%2Fb"}, "/c/a%2Fb"},
	}
	for name, c := range cases {
		cl := client(t, srv, &creds{token: "some-token", base: c.token}, func(s *Settings) { s.Configured, s.Manifest = c.configured, c.manifest })
		c.request.Method = "GET"
		if _, err := cl.Send(t.Context(), c.request); err != nil || path != c.want {
			t.Errorf("%s: %q %v", name, path, err)
		}
	}
	cl := client(t, srv, nil, func(s *Settings) { s.Configured = "" })
	var e *Error
	if _, err := cl.Send(t.Context(), abi.Request{Method: "GET", Path: "/"}); !errors.As(err, &e) || e.Code != abi.CodeRefused {
		t.Errorf("no base URL: %v", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	srv.StartTLS()
	defer srv.Close()
	var e *Error
	_, err := client(t, srv, nil, nil).Send(t.Context(), abi.Request{Method: "GET", Path: "/"})
	if !errors.As(err, &e) || e.Code != abi.CodeNetwork || !strings.Contains(e.Error(), "protocol version") {
		t.Errorf("error %v", err)
	}
}

func TestBodiesThatAreNotWhole(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("only this"))
			return
		}
		_, _ = w.Write(make([]byte, 2<<20))
	}))
	defer srv.Close()
	for path, want := range map[string]abi.Code{"/cut": abi.CodeNetwork, "/large": abi.CodeTooLarge} {
		var e *Error
		if _, err := client(t, srv, nil, nil).Send(t.Context(), abi.Request{Method: "GET", Path: path}); !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestLimiterWindow(t *testing.T) {
	l, err := NewLimiter("2/1s")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	for i, want := range []time.Duration{0, 0, time.Second, time.Second, 2 * time.Second} {
		if got := l.reserve(now); got != want {
			t.Errorf("request %d waits %s, want %s", i, got, want)
		}
	}
	if got := l.reserve(now.Add(10 * time.Second)); got != 0 {
		t.Errorf("after a pause: %s", got)
	}
}
