package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
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

// memory is a Vault in memory.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
	refuse string // values that hold it are not taken; "": none
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
	if m.refuse != "" && strings.Contains(string(value), m.refuse) {
		return errors.New("disk full")
	}
	m.values[name] = value
	return nil
}

// vendor answers refreshes as Pipedrive does, and refuses what Pipedrive
// refuses: another content type, another client, an unknown refresh token.
type vendor struct {
	*httptest.Server
	refreshes atomic.Int64
	asked     atomic.Int64
	rotate    bool
	life      int          // seconds
	before    func()       // called before the answer; may be nil
	valid     atomic.Value // the refresh token it accepts
}

func newVendor(t *testing.T) *vendor {
	v := &vendor{life: 3599}
	v.valid.Store("r0")
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		v.asked.Add(1)
		if v.before != nil {
			v.before()
		}
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
			_, _ = fmt.Fprintf(w, `{"access_token":"a%d","token_type":"bearer","expires_in":%d,"refresh_token":%q,"api_domain":"https://co.pipedrive.com"}`, n, v.life, next)
		}
	}))
	t.Cleanup(v.Close)
	return v
}

func credentials(t *testing.T, v *vendor, stored string) (*Credentials, *memory) {
	t.Helper()
	m := &memory{values: map[string][]byte{}}
	if stored != "" {
		m.values["oauth.pipedrive"] = []byte(stored)
	}
	return New(Settings{
		Application: "pipedrive", TokenURL: v.URL, ClientID: "client",
		ClientSecret: func(context.Context) (string, error) { return "s3cret", nil },
		BaseURLField: "api_domain", BasePath: "/api", HTTP: v.Client(),
	}, m, FileLocks{Dir: t.TempDir()}), m
}

// later returns a clock that is ahead by what by holds.
func later(by *time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(*by) }
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
	c, _ := credentials(t, v, string(stored))
	if got, err := header(t, c); err != nil || got != "Bearer stored" {
		t.Fatalf("got %q, %v", got, err)
	}
	stored, _ = json.Marshal(tokens{AccessToken: "stored", RefreshToken: "r0", Expiry: time.Now().Add(30 * time.Second)})
	c, _ = credentials(t, v, string(stored))
	if got, err := header(t, c); err != nil || got != "Bearer a1" {
		t.Fatalf("a token about to end: got %q, %v", got, err)
	}
}

func TestRefreshesAfterA401AndStoresWhatCame(t *testing.T) {
	for _, rotate := range []bool{false, true} {
		v := newVendor(t)
		v.rotate = rotate
		c, m := credentials(t, v, `{"access_token":"old","token_type":"Bearer","expires_in":3599,"refresh_token":"r0","api_domain":"https://first.pipedrive.com"}`)
		if base, _ := c.BaseURL(t.Context()); base != "https://first.pipedrive.com/api" {
			t.Errorf("base URL %q", base)
		}
		var passed time.Duration
		c.settings.Now = later(&passed)
		for range 3 { // a rotated token must be the one that is used next
			passed += 2 * settle
			if retry, err := c.Rejected(t.Context()); err != nil || !retry {
				t.Fatalf("rotate %v: retry %v, %v", rotate, retry, err)
			}
		}
		if base, _ := c.BaseURL(t.Context()); base != "https://co.pipedrive.com/api" {
			t.Errorf("base URL after the refresh %q", base)
		}
		again := New(c.settings, m, c.locks)
		if got, err := header(t, again); err != nil || got != "Bearer a3" {
			t.Errorf("rotate %v: after a restart got %q, %v", rotate, got, err)
		}
	}
}

func TestConcurrentRequestsRefreshOnce(t *testing.T) {
	v := newVendor(t)
	v.rotate = true
	c, _ := credentials(t, v, `{"refresh_token":"r0"}`)
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
		"nothing stored": {"", "is not authorized yet: authorize it with `rollcall authorize pipedrive`, or store its tokens with `rollcall secret set oauth.pipedrive`"},
		"not JSON":       {"hello", "is not the JSON of a token answer"},
		"refused":        {`{"refresh_token":"gone-s3cr3t"}`, "refused with invalid_grant: the refresh token has ended"},
		"no refresh":     {`{"access_token":""}`, "there is no refresh token"},
	}
	for name, tc := range cases {
		c, _ := credentials(t, v, tc.stored)
		_, err := header(t, c)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v", name, err)
		} else if strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}

// TestOneOf401sIsEnough has several requests under way when their token is
// rejected: the first one refreshes it, and the others use the new one.
func TestOneOf401sIsEnough(t *testing.T) {
	v := newVendor(t)
	v.rotate = true
	c, _ := credentials(t, v, `{"access_token":"old","refresh_token":"r0"}`)
	if _, err := header(t, c); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if retry, err := c.Rejected(t.Context()); err != nil || !retry {
			t.Fatalf("retry %v, %v", retry, err)
		}
	}
	if n := v.refreshes.Load(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

func TestRedactListsAllThatWasInUse(t *testing.T) {
	v := newVendor(t)
	v.rotate = true
	c, _ := credentials(t, v, `{"access_token":"old-access","refresh_token":"r0"}`)
	if _, err := header(t, c); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Rejected(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := c.Redact()
	basic := base64.StdEncoding.EncodeToString([]byte("client:s3cret"))
	for _, want := range []string{"old-access", "r0", "a1", "r1", "s3cret", basic} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not on the list %q", want, got)
		}
	}
}

// TestACallerThatGivesUpLosesNoToken: its context ends while the server is
// about to answer; the answer is stored all the same.
func TestACallerThatGivesUpLosesNoToken(t *testing.T) {
	v := newVendor(t)
	v.rotate = true
	ctx, cancel := context.WithCancel(t.Context())
	v.before = func() {
		cancel()
		time.Sleep(50 * time.Millisecond) // a request that ends with its context ends now
	}
	c, m := credentials(t, v, `{"refresh_token":"r0"}`)
	_ = c.Apply(ctx, httptest.NewRequest(http.MethodGet, "https://co.pipedrive.com/", nil)) // with or without an error
	if got := string(m.values["oauth.pipedrive"]); !strings.Contains(got, `"refresh_token":"r1"`) {
		t.Errorf("stored: %s", got)
	}
}

// TestAWaiterDoesNotOutliveItsContext: the turn is somebody else's.
func TestAWaiterDoesNotOutliveItsContext(t *testing.T) {
	c, _ := credentials(t, newVendor(t), `{"refresh_token":"r0"}`)
	if err := c.turn.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer c.turn.Give()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.Apply(ctx, httptest.NewRequest(http.MethodGet, "https://x/", nil)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestAShortLifeIsNotRefreshedEachTime: a minute before its end would be
// before its start.
func TestAShortLifeIsNotRefreshedEachTime(t *testing.T) {
	v := newVendor(t)
	v.life = 40
	c, _ := credentials(t, v, `{"refresh_token":"r0"}`)
	var passed time.Duration
	c.settings.Now = later(&passed)
	for i, want := range []int64{1, 1, 2} {
		passed = time.Duration(i) * 16 * time.Second
		if _, err := header(t, c); err != nil || v.refreshes.Load() != want {
			t.Fatalf("after %s: %d refreshes, %v", passed, v.refreshes.Load(), err)
		}
	}
}

// TestAnAnswerThatCouldNotBeStoredIsNotLost: the refresh token it was got with
// is not sent again.
func TestAnAnswerThatCouldNotBeStoredIsNotLost(t *testing.T) {
	v := newVendor(t)
	v.rotate = true
	c, m := credentials(t, v, `{"refresh_token":"r0"}`)
	m.refuse = `"access_token"`
	if _, err := header(t, c); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Fatalf("got %v", err)
	}
	m.refuse = ""
	if got, err := header(t, c); err != nil || got != "Bearer a1" {
		t.Fatalf("got %q, %v", got, err)
	}
	if n := v.asked.Load(); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
	if got := string(m.values["oauth.pipedrive"]); !strings.Contains(got, `"refresh_token":"r1"`) {
		t.Errorf("stored: %s", got)
	}
}
