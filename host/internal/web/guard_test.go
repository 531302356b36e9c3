package web

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// guarded sends one request through a guard, and returns its result.
func guarded(t *testing.T, g http.RoundTripper, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("client_secret=x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := g.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return err
}

// TestGuardHoldsToTheRules checks that requests sent without a Client follow
// the same rules.
func TestGuardHoldsToTheRules(t *testing.T) {
	reached := 0
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer srv.Close()
	clear := httptest.NewServer(srv.Config.Handler)
	defer clear.Close()
	rules := func(manifest string, configured ...string) Rules {
		r, err := NewRules([]string{manifest}, nil, configured)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	trust := srv.Client().Transport.(*http.Transport).TLSClientConfig
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	for name, c := range map[string]struct {
		rules Rules
		url   string
		want  string // in the refusal; "" when it is sent
	}{
		"nobody named it":            {rules("id.example.com"), srv.URL + "/t", "is not one that the connector's manifest or the configuration names"},
		"another port":               {rules("id.example.com"), "https://id.example.com:8443/t", "is not one that"},
		"clear text":                 {rules("id.example.com"), "http://id.example.com:443/t", "plain http"},
		"loopback of a manifest":     {rules("localhost"), "https://localhost/t", "is not one of the public internet"},
		"metadata of a manifest":     {rules("169.254.169.254"), "https://169.254.169.254/t", "is not one of the public internet"},
		"a name of a manifest alone": {rules("intranet"), "https://intranet/t", "is not one of the public internet"},
		"configured":                 {rules("id.example.com", srv.URL), srv.URL + "/t", ""},
		"configured, clear text":     {rules("id.example.com", clear.URL), clear.URL + "/t", ""},
		"beside the configured":      {rules("id.example.com", "https://127.0.0.1:1"), srv.URL + "/t", "is not one that"},
	} {
		reached = 0
		g, err := Guard(Network{Rules: c.rules, Proxy: "direct", TLS: trust})
		if err != nil {
			t.Fatal(err)
		}
		err = guarded(t, g, c.url)
		var refused *refusedError
		switch {
		case c.want == "" && (err != nil || reached != 1):
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &refused) || !refused.Refused() || !strings.Contains(err.Error(), c.want) || reached != 0):
			t.Errorf("%s: %v, reached %d", name, err, reached)
		}
	}

	// A name of the manifest that leads inside, at once or the next time.
	public, inside := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	g, err := Guard(Network{Rules: Rules{entries: []entry{{host: "id.example.com", port: port}}}, Proxy: "direct", TLS: &tls.Config{InsecureSkipVerify: true}})
	if err != nil {
		t.Fatal(err)
	}
	transport := g.(*guard).transport
	transport.DisableKeepAlives = true
	newNameServer(t, []netip.Addr{public}, []netip.Addr{inside}).resolve(transport)
	reached = 0
	if err := guarded(t, g, "https://id.example.com:"+port+"/"); err != nil || reached != 1 {
		t.Errorf("a public address: %v", err)
	}
	var refused *refusedError
	if err := guarded(t, g, "https://id.example.com:"+port+"/"); !errors.As(err, &refused) || !strings.Contains(err.Error(), "127.0.0.2:"+port+", which is not a public address") {
		t.Errorf("rebound: %v", err)
	}
}

// TestGuardSpeaksTLSAndTakesTheProxy as connectors' requests do.
func TestGuardSpeaksTLSAndTakesTheProxy(t *testing.T) {
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = nil
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	rules, err := NewRules(nil, nil, []string{old.URL, "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	g, err := Guard(Network{Rules: rules, Proxy: "direct", TLS: &tls.Config{InsecureSkipVerify: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := guarded(t, g, old.URL); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = r.URL.String() + " " + r.Header.Get("Proxy-Authorization")
	}))
	defer proxy.Close()
	if g, err = Guard(Network{Rules: rules, Proxy: "http://me:pw@" + strings.TrimPrefix(proxy.URL, "http://")}); err != nil {
		t.Fatal(err)
	}
	if err := guarded(t, g, "http://127.0.0.1:1/t"); err != nil || asked != "http://127.0.0.1:1/t Basic bWU6cHc=" {
		t.Errorf("through the proxy came %q, %v", asked, err)
	}
	if err := guarded(t, g, "http://127.0.0.1:2/t"); err == nil {
		t.Error("a proxy is a way around the rules")
	}
}
