package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// answers serves one answer to every token request, and counts them.
func answers(t *testing.T, handler http.HandlerFunc) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return credential.NewClient(transport, "rollcall/test")
}

// TestAnswersOfTokenServers: what each means, whether trying later may help,
// and whether the refresh token may be spent although no other came.
func TestAnswersOfTokenServers(t *testing.T) {
	const asJSON = "application/json"
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	cases := map[string]struct {
		serve     http.HandlerFunc
		want      string
		transient bool
		unsure    bool
	}{
		"ended":        {says(400, asJSON, `{"error":"invalid_grant","error_description":"token r0-very-secret\nis over"}`), "refused with invalid_grant (token [secret] is over): the refresh token has ended", false, false},
		"client":       {says(401, asJSON, `{"error":"invalid_client"}`), "check client_id and client_secret", false, false},
		"client, 401":  {says(401, "text/plain", ``), "HTTP status 401: check client_id and client_secret", false, false},
		"scope":        {says(400, asJSON, `{"error":"invalid_scope"}`), "check token_url and the scopes", false, false},
		"secret":       {says(400, asJSON, `{"error":"client-secret-1"}`), "refused with [secret]", false, false},
		"200 error":    {says(200, asJSON, `{"error":"invalid_grant"}`), "refused with invalid_grant", false, false},
		"busy":         {says(429, asJSON, `{"error":"slow"}`), "asks to try later: slow", true, false},
		"later":        {says(400, asJSON, `{"error":"temporarily_unavailable"}`), "asks to try later", true, false},
		"fault":        {says(503, "text/html", "<html>maintenance</html>"), "the server has a fault: HTTP status 503", true, true},
		"gateway":      {says(502, asJSON, `{"error":"invalid_grant"}`), "the server has a fault", true, true},
		"portal":       {says(200, "text/html", "<html>log in to this network</html>"), "is not the JSON of a token", true, true},
		"firewall":     {says(403, "text/html", "<html>blocked</html>"), "turns this client away with a page (403)", true, false},
		"moved":        {says(302, "text/html", ""), "a redirect (302), which is not followed: check token_url", false, false},
		"wrong place":  {says(404, "text/html", "<html>"), "HTTP status 404 and no OAuth error: check token_url", false, false},
		"no token":     {says(200, asJSON, `{"ok":true}`), "the answer has no access_token", false, true},
		"cut":          {says(200, asJSON, `{"access_token":"abc`), "is not the JSON of a token", true, true},
		"hung up":      {hangUp, "EOF", true, true},
		"endless body": {says(200, asJSON, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`), "is not the JSON of a token", true, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			url, asked := answers(t, tc.serve)
			m := &memory{values: map[string][]byte{"oauth.acme": []byte(`{"refresh_token":"r0-very-secret"}`)}}
			c := New(Settings{
				Application: "acme", TokenURL: url, ClientID: "client", HTTP: client(t),
				ClientSecret: func(context.Context) (string, error) { return "client-secret-1", nil },
			}, m, FileLocks{Dir: t.TempDir()})
			_, err := header(t, c)
			var failed *credential.Error
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), tc.want) || failed.Temporary() != tc.transient {
				t.Fatalf("got %v (%T)", err, err)
			}
			if got := strings.Contains(err.Error(), "may have replaced"); got != tc.unsure {
				t.Errorf("says that the token may be replaced: %v: %v", got, err)
			}
			if got := strings.Contains(string(m.values["oauth.acme"]), "refreshing"); got != tc.unsure {
				t.Errorf("marked: %v", got)
			}
			if strings.Contains(err.Error(), "very-secret") || strings.Contains(err.Error(), "client-secret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("shown: %v", err)
			}
			_, err = header(t, c)
			if want := map[bool]int64{true: 2, false: 1}[tc.transient]; asked.Load() != want || err == nil {
				t.Errorf("asked %d times, want %d; %v", asked.Load(), want, err)
			}
		})
	}
}

// TestNobodyThere: the refresh token was not sent, which is no reason to
// doubt it.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	_ = l.Close()
	m := &memory{values: map[string][]byte{"oauth.acme": []byte(`{"refresh_token":"r0"}`)}}
	c := New(Settings{
		Application: "acme", TokenURL: url, ClientID: "client", HTTP: client(t),
		ClientSecret: func(context.Context) (string, error) { return "client-secret-1", nil },
	}, m, FileLocks{Dir: t.TempDir()})
	_, err = header(t, c)
	var failed *credential.Error
	if !errors.As(err, &failed) || !failed.Temporary() || strings.Contains(err.Error(), "replaced") {
		t.Errorf("got %v", err)
	}
	if got := string(m.values["oauth.acme"]); strings.Contains(got, "refreshing") {
		t.Errorf("stored: %s", got)
	}
}

// TestNewTokensEndThePause: somebody authorized again.
func TestNewTokensEndThePause(t *testing.T) {
	v := newVendor(t)
	c, m := credentials(t, v, `{"refresh_token":"gone"}`)
	for range 3 {
		if _, err := header(t, c); err == nil {
			t.Fatal("no error")
		}
	}
	if n := v.asked.Load(); n != 1 {
		t.Errorf("a token that was refused was sent %d times", n)
	}
	m.values["oauth.pipedrive"] = []byte(`{"refresh_token":"r0"}`)
	if got, err := header(t, c); err != nil || got != "Bearer a1" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestTheLastMinuteIsUsedWhenTheServerIsDown.
func TestTheLastMinuteIsUsedWhenTheServerIsDown(t *testing.T) {
	url, asked := answers(t, says(503, "text/plain", ""))
	stored := fmt.Sprintf(`{"access_token":"stored","refresh_token":"r0","expiry":%q}`, time.Now().Add(30*time.Second).Format(time.RFC3339))
	m := &memory{values: map[string][]byte{"oauth.acme": []byte(stored)}}
	c := New(Settings{
		Application: "acme", TokenURL: url, ClientID: "client", HTTP: client(t),
		ClientSecret: func(context.Context) (string, error) { return "client-secret-1", nil },
	}, m, FileLocks{Dir: t.TempDir()})
	if got, err := header(t, c); err != nil || got != "Bearer stored" || asked.Load() != 1 {
		t.Errorf("got %q, %v; asked %d times", got, err, asked.Load())
	}
}
