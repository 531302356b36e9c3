package credential

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func get(t *testing.T, proxy, url string) (*http.Response, string, error) {
	t.Helper()
	c, err := NewClient(proxy, "rollcall/test")
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	resp, err := c.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestClientFollowsNoRedirect(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("/next", http.StatusTemporaryRedirect))
	defer s.Close()
	resp, _, err := get(t, Direct, s.URL)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestClientBoundsTheAnswer(t *testing.T) {
	for size, fits := range map[int]bool{MaxBody: true, MaxBody + 1: false} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte("x"), size))
		}))
		_, body, err := get(t, Direct, s.URL)
		if fits != (err == nil) || fits && len(body) != size {
			t.Errorf("%d bytes: got %d, %v", size, len(body), err)
		}
		s.Close()
	}
}

func TestClientUsesTheProxyWithItsPassword(t *testing.T) {
	var asked, how string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, how = r.URL.String(), r.Header.Get("Proxy-Authorization")
		_, _ = fmt.Fprint(w, "through the proxy")
	}))
	defer proxy.Close()
	_, body, err := get(t, "http://me:pw@"+strings.TrimPrefix(proxy.URL, "http://"), "http://token.example.invalid/t")
	if err != nil || body != "through the proxy" || asked != "http://token.example.invalid/t" || how != "Basic bWU6cHc=" {
		t.Errorf("got %q, %v; asked %q with %q", body, err, asked, how)
	}
}

func TestClientRefusesOldTLSAndUnknownCertificates(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.1": tls.VersionTLS11, "unknown authority": tls.VersionTLS13} {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = nil
		s.TLS = &tls.Config{MaxVersion: version, MinVersion: tls.VersionTLS10}
		s.StartTLS()
		_, _, err := get(t, Direct, s.URL)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if want := name == "unknown authority"; Unsent(err) != want {
			t.Errorf("%s: unsent %v: %v", name, !want, err)
		}
		s.Close()
	}
}

func TestHiddenKeepsTheLastValues(t *testing.T) {
	var h Hidden
	h.AddPair("user", "password")
	h.Add("", "a-token", "a-token-and-more")
	if got := h.Clean("it was a-token-and-more\r\nor password"); got != "it was [secret] or [secret]" {
		t.Errorf("got %q", got)
	}
	if got := h.Clean(strings.Repeat("é ", maxWords)); len(got) > maxWords+3 || !strings.HasSuffix(got, "é ...") {
		t.Errorf("got %q", got)
	}
	if got := h.Clean("hex: " + strings.Repeat("70617373", maxWords)); got != "hex: ..." {
		t.Errorf("a part of a word is left: %q", got)
	}
	for i := range recent {
		h.Add(fmt.Sprintf("token-%d", i))
	}
	if got := h.List(); len(got) != recent || slices.Contains(got, "password") || !slices.Contains(got, "token-0") {
		t.Errorf("got %q", got)
	}
}

func TestCauseOmitsTheURL(t *testing.T) {
	_, _, err := get(t, Direct, "http://127.0.0.1:1/?key=in-the-query")
	if err == nil || strings.Contains(Cause(err).Error(), "in-the-query") || !Unsent(err) {
		t.Errorf("got %v", err)
	}
	if plain := errors.New("x"); !errors.Is(Cause(plain), plain) {
		t.Error("another error is changed")
	}
}
