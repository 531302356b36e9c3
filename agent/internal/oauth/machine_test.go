package oauth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// machineServer answers RFC 6749 section 4.4.2 and nothing else.
func machineServer(t *testing.T, inBody bool, life string, issued *atomic.Int64) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, basic := r.BasicAuth()
		if inBody {
			id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
		}
		w.Header().Set("Content-Type", "application/json")
		switch {
		case basic == inBody, id != "client", secret != "machine-secret":
			w.WriteHeader(401)
			_, _ = fmt.Fprint(w, `{"error":"invalid_client"}`)
		case r.FormValue("grant_type") != "client_credentials", r.FormValue("scope") != "users:read groups:read":
			w.WriteHeader(400)
			_, _ = fmt.Fprint(w, `{"error":"invalid_request"}`)
		default:
			_, _ = fmt.Fprintf(w, `{"access_token":"machine-%d","token_type":"Bearer"%s,"api":"https://eu.acme.example"}`, issued.Add(1), life)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func machine(t *testing.T, url string, inBody bool, secret string) *ClientCredentials {
	t.Helper()
	return NewClientCredentials(Settings{
		Application: "acme", TokenURL: url, ClientID: "client", HTTP: client(t), SecretInBody: inBody,
		ClientSecret: func(context.Context) (string, error) { return secret, nil },
		Scopes:       []string{"users:read", "groups:read"}, BaseURLField: "api", BasePath: "/v1",
	})
}

func applied(t *testing.T, c interface {
	Apply(context.Context, *http.Request) error
},
) (string, error) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "https://api.acme.example/users", nil)
	err := c.Apply(t.Context(), req)
	return req.Header.Get("Authorization"), err
}

func TestClientCredentials(t *testing.T) {
	for _, inBody := range []bool{false, true} {
		var issued atomic.Int64
		c := machine(t, machineServer(t, inBody, `,"expires_in":3600`, &issued), inBody, "machine-secret")
		var passed time.Duration
		c.settings.Now = later(&passed)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got, err := applied(t, c); err != nil || got != "Bearer machine-1" {
					t.Errorf("in body %v: got %q, %v", inBody, got, err)
				}
			})
		}
		wg.Wait()
		if base, err := c.BaseURL(t.Context()); err != nil || base != "https://eu.acme.example/v1" {
			t.Errorf("base URL %q, %v", base, err)
		}
		for _, step := range []struct {
			at   time.Duration
			want string
		}{{58 * time.Minute, "Bearer machine-1"}, {59*time.Minute + 30*time.Second, "Bearer machine-2"}} {
			passed = step.at
			if got, err := applied(t, c); err != nil || got != step.want {
				t.Errorf("after %s: got %q, %v", step.at, got, err)
			}
		}
		passed += time.Minute
		if retry, err := c.Rejected(t.Context()); err != nil || !retry || issued.Load() != 3 {
			t.Errorf("after a 401: retry %v, %v, %d tokens", retry, err, issued.Load())
		}
		for _, want := range []string{"machine-1", "machine-3", "machine-secret"} {
			if !slices.Contains(c.Redact(), want) {
				t.Errorf("%s is not on the list", want)
			}
		}
	}
}

func TestClientCredentialsWithoutAnEnd(t *testing.T) {
	for _, life := range []string{"", `,"expires_in":0`, `,"expires_in":-1`, `,"expires_in":null`} {
		withoutAnEnd(t, life)
	}
}

func withoutAnEnd(t *testing.T, life string) {
	t.Helper()
	var issued atomic.Int64
	c := machine(t, machineServer(t, false, life, &issued), false, "machine-secret")
	var passed time.Duration
	c.settings.Now = later(&passed)
	for range 3 {
		if got, err := applied(t, c); err != nil || got != "Bearer machine-1" {
			t.Fatalf("got %q, %v", got, err)
		}
		passed += 24 * time.Hour
	}
	if _, err := c.Rejected(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := applied(t, c); got != "Bearer machine-2" {
		t.Errorf("after a 401: %q", got)
	}
}

func TestClientCredentialsRefused(t *testing.T) {
	var issued atomic.Int64
	c := machine(t, machineServer(t, false, "", &issued), false, "wrong-secret")
	for _, want := range []string{"get a token of application acme at http://", "not asked again before"} {
		_, err := applied(t, c)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "check client_id and client_secret") {
			t.Errorf("got %v", err)
		}
	}
	c.settings.ClientSecret = func(context.Context) (string, error) { return "machine-secret", nil }
	if got, err := applied(t, c); err != nil || got != "Bearer machine-1" {
		t.Errorf("with another secret: %q, %v", got, err)
	}
}
