package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

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

func client(t testing.TB, srv *httptest.Server, c Credentials, change func(*Settings)) *Client {
	t.Helper()
	rules, err := NewRules(nil, nil, []string{srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Network: Network{Rules: rules}, Configured: srv.URL, Credentials: c, Timeout: soak.Patience, UserAgent: "test", MaxBody: 1 << 20}
	if srv.TLS != nil {
		pool := x509.NewCertPool()
		pool.AddCert(srv.Certificate())
		s.Network.TLS = &tls.Config{RootCAs: pool}
	}
	if change != nil {
		change(&s)
	}
	cl, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// wantCode wants an *Error with a code and words, and returns its text.
func wantCode(t *testing.T, err error, code abi.Code, words string) string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is not an *Error, want %s", err, code)
	}
	if e.Code != code || !strings.Contains(e.Error(), words) {
		t.Errorf("%s: %v, want %s: %s", e.Code, e, code, words)
	}
	return e.Error()
}

func get(path string) abi.Request { return abi.Request{Method: "GET", Path: path} }

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
