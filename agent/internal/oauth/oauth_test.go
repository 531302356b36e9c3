package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// memory is a Vault in memory.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (m *memory) Get(_ context.Context, name string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[name]
	return v, ok, nil
}

func (m *memory) Set(_ context.Context, name string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[name] = value
	return nil
}

// vendor answers refreshes as Pipedrive does, and refuses what Pipedrive
// refuses: another content type, another client, an unknown refresh token.
type vendor struct {
	*httptest.Server
	refreshes atomic.Int64
	rotate    bool
	valid     atomic.Value // the refresh token it accepts
}

func newVendor(t *testing.T) *vendor {
	v := &vendor{}
	v.valid.Store("r0")
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Header.Get("Content-Type") != "application/x-www-form-urlencoded", r.FormValue("grant_type") != "refresh_token":
			w.WriteHeader(400)
			_, _ = fmt.Fprint(w, `{"error":"invalid_request"}`)
		case id != "client" || secret != "s3cret":
			w.WriteHeader(401)
			_, _ = fmt.Fprint(w, `{"error":"invalid_client"}`)
		case r.FormValue("refresh_token") != v.valid.Load():
			w.WriteHeader(400)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","echo":%q}`, r.FormValue("refresh_token"))
		default:
			n := v.refreshes.Add(1)
			next := v.valid.Load().(string)
			if v.rotate {
				next = fmt.Sprintf("r%d", n)
				v.valid.Store(next)
			}
			_, _ = fmt.Fprintf(w, `{"access_token":"a%d","token_type":"bearer","expires_in":3599,"refresh_token":%q,"api_domain":"https://co.pipedrive.com"}`, n, next)
		}
	}))
	t.Cleanup(v.Close)
	return v
}

func credentials(v *vendor, stored string) (*Credentials, *memory) {
	m := &memory{values: map[string][]byte{}}
	if stored != "" {
		m.values["oauth.pipedrive"] = []byte(stored)
	}
	return New(Settings{
		Application: "pipedrive", TokenURL: v.URL, ClientID: "client",
		ClientSecret: func(context.Context) (string, error) { return "s3cret", nil },
		BaseURLField: "api_domain", BasePath: "/api", HTTP: v.Client(),
	}, m), m
}

func header(t *testing.T, c *Credentials) (string, error) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "https://co.pipedrive.com/api/v1/users", nil)
	err := c.Apply(t.Context(), req)
	return req.Header.Get("Authorization"), err
}

func TestUsesAStoredTokenUntilItEnds(t *testing.T) {
	v := newVendor(t)
	stored, _ := json.Marshal(tokens{AccessToken: "stored", RefreshToken: "r0", Expiry: time.Now().Add(time.Hour)})
	c, _ := credentials(v, string(stored))
	if got, err := header(t, c); err != nil || got != "Bearer stored" {
		t.Fatalf("got %q, %v", got, err)
	}
	stored, _ = json.Marshal(tokens{AccessToken: "stored", RefreshToken: "r0", Expiry: time.Now().Add(30 * time.Second)})
	c, _ = credentials(v, string(stored))
	if got, err := header(t, c); err != nil || got != "Bearer a1" {
		t.Fatalf("a token about to end: got %q, %v", got, err)
	}
}

func TestRefreshesAfterA401AndStoresWhatCame(t *testing.T) {
	for _, rotate := range []bool{false, true} {
		v := newVendor(t)
		v.rotate = rotate
		c, m := credentials(v, `{"access_token":"old","token_type":"Bearer","expires_in":3599,"refresh_token":"r0","api_domain":"https://first.pipedrive.com"}`)
		if base, _ := c.BaseURL(t.Context()); base != "https://first.pipedrive.com/api" {
			t.Errorf("base URL %q", base)
		}
		for range 3 { // a rotated token must be the one that is used next
			if retry, err := c.Rejected(t.Context()); err != nil || !retry {
				t.Fatalf("rotate %v: retry %v, %v", rotate, retry, err)
			}
		}
		if base, _ := c.BaseURL(t.Context()); base != "https://co.pipedrive.com/api" {
			t.Errorf("base URL after the refresh %q", base)
		}
		again := New(c.settings, m)
		if got, err := header(t, again); err != nil || got != "Bearer a3" {
			t.Errorf("rotate %v: after a restart got %q, %v", rotate, got, err)
		}
	}
}

func TestConcurrentRequestsRefreshOnce(t *testing.T) {
	v := newVendor(t)
	v.rotate = true
	c, _ := credentials(v, `{"refresh_token":"r0"}`)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := header(t, c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := v.refreshes.Load(); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}

func TestErrorsNameTheNextStepAndNoSecret(t *testing.T) {
	v := newVendor(t)
	cases := map[string]struct{ stored, want string }{
		"nothing stored": {"", "is not authorized yet: store its tokens with `rollcall secret set oauth.pipedrive`"},
		"not JSON":       {"hello", "is not the JSON of a token answer"},
		"refused":        {`{"refresh_token":"gone-s3cr3t"}`, "refused with invalid_grant: check client_id"},
		"no refresh":     {`{"access_token":""}`, "there is no refresh token"},
	}
	for name, tc := range cases {
		c, _ := credentials(v, tc.stored)
		_, err := header(t, c)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v", name, err)
		} else if strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}
