package web

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// proxy is a little HTTP proxy that leads every name to one server.
type proxy struct {
	to       string
	password string // USER:PASSWORD; "": everybody may use it

	mu   sync.Mutex
	seen []string
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen = append(p.seen, r.Method+" "+r.URL.Scheme+" "+r.Host)
	p.mu.Unlock()
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.password)); p.password != "" && r.Header.Get("Proxy-Authorization") != want {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect {
		_, _ = io.WriteString(w, "plain "+r.URL.String())
		return
	}
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	from, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer from.Close()
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(server, from) }()
	_, _ = io.Copy(from, server)
}

func (p *proxy) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.seen, ", ")
}

// behind is a server that calls itself api.example.com, and its authority.
func behind(t *testing.T) (*httptest.Server, authority) {
	a := newAuthority(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" "+r.Header.Get("Authorization")+r.Header.Get("Proxy-Authorization"))
	}))
	srv.Config.ErrorLog = quiet()
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(t, time.Hour, func(c *x509.Certificate) { here(c); c.DNSNames = []string{"api.example.com"} })}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv, a
}

func through(t *testing.T, proxyURL string, a authority) *Client {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	rules, err := NewRules([]string{"api.example.com", "*.example.net", "intranet", "10.0.0.1", "files.internal"}, []string{"127.0.0.3"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Settings{
		Network: Network{Rules: rules, Proxy: proxyURL, TLS: &tls.Config{RootCAs: pool}}, Manifest: "https://api.example.com",
		Credentials: &creds{token: "some-token"}, Timeout: soak.Patience, UserAgent: "test", MaxBody: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func text(t *testing.T, resp *Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestProxy(t *testing.T) {
	target, a := behind(t)
	cases := map[string]struct {
		password, user string
		target         string
		url            string
		code           abi.Code
		want, seen     string
	}{
		"tunnel":             {want: "api.example.com Bearer **********", url: "https://api.example.com/", seen: "CONNECT  api.example.com:443"},
		"with password":      {password: "me:proxy-pass", user: "me:proxy-pass@", want: "api.example.com", url: "https://api.example.com/", seen: "CONNECT  api.example.com:443"},
		"wrong password":     {password: "me:proxy-pass", user: "me:wrong-pass-word@", code: abi.CodeNetwork, want: "answered 407", url: "https://api.example.com/", seen: "CONNECT  api.example.com:443"},
		"cannot connect":     {target: "127.0.0.1:1", code: abi.CodeNetwork, want: "does not connect: it answered 502", url: "https://api.example.com/", seen: "CONNECT  api.example.com:443"},
		"another name":       {code: abi.CodeNetwork, want: "a.example.net", url: "https://a.example.net/", seen: "CONNECT  a.example.net:443"}, // its certificate
		"plain loopback":     {want: "plain http://127.0.0.3:99/x", url: "http://127.0.0.3:99/x", seen: "GET http 127.0.0.3:99"},
		"not allowed":        {code: abi.CodeRefused, want: "is not one that", url: "https://evil.example.org/"},
		"inside by name":     {code: abi.CodeRefused, want: "public internet", url: "https://intranet/"},
		"inside by domain":   {code: abi.CodeRefused, want: "public internet", url: "https://files.internal/"},
		"inside by address":  {code: abi.CodeRefused, want: "public internet", url: "https://10.0.0.1/"},
		"localhost":          {code: abi.CodeRefused, want: "is not one that", url: "https://localhost/"},
		"localhost, oddly":   {code: abi.CodeRefused, want: "unusual form", url: "https://0x7f.1/"},
		"subdomain of local": {code: abi.CodeRefused, want: "is not one that", url: "https://x.localhost/"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := &proxy{to: target.Listener.Addr().String(), password: c.password}
			if c.target != "" {
				p.to = c.target
			}
			srv := httptest.NewServer(p)
			defer srv.Close()
			cl := through(t, strings.Replace(srv.URL, "//", "//"+c.user, 1), a)
			resp, err := cl.Send(t.Context(), abi.Request{URL: c.url})
			switch {
			case c.code != 0:
				if told := wantCode(t, err, c.code, c.want); strings.Contains(told, "pass-word") {
					t.Error(told)
				}
			case err != nil:
				t.Error(err)
			default:
				if got := text(t, resp); !strings.HasPrefix(got, c.want) {
					t.Errorf("%q", got)
				}
			}
			if got := p.all(); got != c.seen {
				t.Errorf("the proxy saw %q, want %q", got, c.seen)
			}
		})
	}
}

func TestProxyWithTLS(t *testing.T) {
	target, a := behind(t)
	p := &proxy{to: target.Listener.Addr().String()}
	srv := httptest.NewUnstartedServer(p)
	srv.Config.ErrorLog = quiet()
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(t, time.Hour, here)}, NextProtos: []string{"http/1.1"}}
	srv.StartTLS()
	defer srv.Close()
	resp, err := through(t, srv.URL, a).Send(t.Context(), get("/"))
	if err != nil || !strings.HasPrefix(text(t, resp), "api.example.com") {
		t.Errorf("%v", err)
	}
	_, err = through(t, srv.URL, newAuthority(t)).Send(t.Context(), get("/"))
	wantCode(t, err, abi.CodeNetwork, "certificate")
}

// TestProxyPasswordStaysHidden even where a proxy reflects it.
func TestProxyPasswordStaysHidden(t *testing.T) {
	_, a := behind(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Was", r.Header.Get("Proxy-Authorization"))
		_, _ = io.WriteString(w, "proxy-pass-word "+r.Header.Get("Proxy-Authorization"))
	}))
	defer srv.Close()
	cl := through(t, strings.Replace(srv.URL, "//", "//me:proxy-pass-word@", 1), a)
	resp, err := cl.Send(t.Context(), abi.Request{URL: "http://127.0.0.3/"})
	if err != nil {
		t.Fatal(err)
	}
	want := "Basic " + strings.Repeat("*", len(base64.StdEncoding.EncodeToString([]byte("me:proxy-pass-word"))))
	if got := text(t, resp); got != "*************** "+want || resp.Header.Get("X-Was") != want {
		t.Errorf("%q %q", got, resp.Header.Get("X-Was"))
	}
	dead := through(t, "http://me:proxy-pass-word@127.0.0.1:1", a)
	_, err = dead.Send(t.Context(), get("/"))
	if told := wantCode(t, err, abi.CodeNetwork, "proxyconnect"); strings.Contains(told, "proxy-pass-word") {
		t.Error(told)
	}
}

func TestProxiesThatCannotBe(t *testing.T) {
	for _, bad := range []string{"proxy.example.com:3128", "socks5://proxy-pass@x:1", "http://", "http://a:proxy-pass@b/path", "http://x?y", "http://proxy-pass%zz@x", "DIRECT"} {
		_, err := New(Settings{Network: Network{Proxy: bad}})
		if err == nil || strings.Contains(err.Error(), "proxy-pass") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestProxyOfTheEnvironment runs itself again: the environment is read once in
// a process.
func TestProxyOfTheEnvironment(t *testing.T) {
	if os.Getenv("ROLLCALL_TEST_CHILD") != "" {
		a := newAuthority(t)
		for _, c := range []struct{ setting, url string }{{"", "https://api.example.com/"}, {"", "https://a.example.net/"}, {"direct", "https://api.example.com/"}} {
			cl := through(t, c.setting, a)
			newNameServer(t, []netip.Addr{netip.MustParseAddr("127.0.0.2")}).resolve(cl.connections.transport)
			_, err := cl.Send(t.Context(), abi.Request{URL: c.url})
			t.Log("RESULT ", c.url, c.setting, err)
		}
		return
	}
	p := &proxy{to: "127.0.0.1:1"}
	srv := httptest.NewServer(p)
	defer srv.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyOfTheEnvironment$", "-test.v")
	cmd.Env = append(os.Environ(), "ROLLCALL_TEST_CHILD=1", "HTTPS_PROXY="+srv.URL, "NO_PROXY=.example.net")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "RESULT") != 3 {
		t.Fatalf("%v\n%s", err, out)
	}
	if p.all() != "CONNECT  api.example.com:443" || strings.Count(string(out), "the proxy "+strings.TrimPrefix(srv.URL, "http://")) != 1 || strings.Count(string(out), "not a public address") != 2 {
		t.Errorf("the proxy saw %q\n%s", p.all(), out)
	}
}
