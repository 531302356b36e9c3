package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// desk is an application with a login. It refuses another form than the one
// that it wants.
type desk struct {
	*httptest.Server
	mu     sync.Mutex
	form   bool
	logins int
	answer func(n int) (status int, kind, body string)
}

func newDesk(t *testing.T, form bool) *desk {
	t.Helper()
	d := &desk{form: form}
	d.answer = func(n int) (int, string, string) {
		return 200, "application/json", fmt.Sprintf(`{"data":[{"a/b":"session-token-%d"}]}`, n)
	}
	d.Server = httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(d.Close)
	return d
}

func (d *desk) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.logins++
	got := map[string]string{}
	if d.form {
		_ = r.ParseForm() // what cannot be read is not there
		for name := range r.PostForm {
			got[name] = r.PostForm.Get(name)
		}
	} else if r.Header.Get("Content-Type") == "application/json" {
		_ = json.NewDecoder(r.Body).Decode(&got)
	}
	status, kind, body := d.answer(d.logins)
	if r.Method != http.MethodPost || got["login"] != "reader" || got["secret"] != `pass"word<1>` || got["company"] != "acme" || len(got) != 3 {
		status, kind, body = 401, "application/json", `{"error":"no"}`
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Location", "https://elsewhere.example/")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}

func (d *desk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.logins
}

func credentials(t *testing.T, d *desk, password string, passed *time.Duration) *Credentials {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := credential.NewClient(transport, "rollcall/test")
	m := abi.Manifest{Auth: []abi.AuthProfile{{
		Kind: abi.AuthSession, Header: "X-Session", Prefix: "Token ",
		Login: &abi.Login{
			Path: "/login", Username: "login", Password: "secret", Fields: map[string]string{"company": "acme"},
			Token: "/data/0/a~1b", Lifetime: "50m",
		},
	}}}
	m.Normalize()
	if d.form {
		m.Auth[0].Login.MessageType = "form"
	}
	c, err := New(Settings{
		Application: "acme", URL: d.URL + "/login", Username: "reader", Profile: m.Auth[0], HTTP: client,
		Password: func(context.Context) (string, error) { return password, nil },
		Now:      func() time.Time { return time.Now().Add(*passed) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func header(t *testing.T, c *Credentials) (string, error) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "https://api.acme.example/users", nil)
	err := c.Apply(t.Context(), req)
	return req.Header.Get("X-Session"), err
}

func TestASessionIsOpenedOnceAndAgainBeforeItEnds(t *testing.T) {
	for _, form := range []bool{false, true} {
		d := newDesk(t, form)
		var passed time.Duration
		c := credentials(t, d, `pass"word<1>`, &passed)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got, err := header(t, c); err != nil || got != "Token session-token-1" {
					t.Errorf("form %v: got %q, %v", form, got, err)
				}
			})
		}
		wg.Wait()
		for _, step := range []struct {
			at   time.Duration
			want string
		}{{48 * time.Minute, "Token session-token-1"}, {49*time.Minute + 30*time.Second, "Token session-token-2"}} {
			passed = step.at
			if got, err := header(t, c); err != nil || got != step.want {
				t.Errorf("after %s: got %q, %v", step.at, got, err)
			}
		}
	}
}

func TestA401OpensANewSessionOnce(t *testing.T) {
	d := newDesk(t, false)
	var passed time.Duration
	c := credentials(t, d, `pass"word<1>`, &passed)
	if _, err := header(t, c); err != nil {
		t.Fatal(err)
	}
	passed = time.Minute
	for range 3 { // of three requests that were under way with the old token
		if retry, err := c.Rejected(t.Context()); err != nil || !retry {
			t.Fatalf("retry %v, %v", retry, err)
		}
	}
	if got, err := header(t, c); err != nil || got != "Token session-token-2" || d.count() != 2 {
		t.Errorf("got %q, %v, after %d logins", got, err, d.count())
	}
	for _, want := range []string{"session-token-1", "session-token-2", `pass"word<1>`, "cmVhZGVyOnBhc3Mid29yZDwxPg=="} {
		if !slices.Contains(c.Redact(), want) {
			t.Errorf("%s is not on the list", want)
		}
	}
}

func TestAWrongPasswordIsNotTriedAgain(t *testing.T) {
	d := newDesk(t, false)
	var passed time.Duration
	c := credentials(t, d, "old-password", &passed)
	for range 3 {
		_, err := header(t, c)
		if err == nil || !strings.Contains(err.Error(), "rejected (401): check username and password; repeated tries may lock the account") ||
			strings.Contains(err.Error(), "old-password") {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := c.Rejected(t.Context()); err == nil || d.count() != 1 {
		t.Errorf("%d logins, %v", d.count(), err)
	}
	passed = pause + time.Second
	if _, err := header(t, c); err == nil || d.count() != 2 {
		t.Errorf("after the pause: %d logins, %v", d.count(), err)
	}
	c.settings.Password = func(context.Context) (string, error) { return `pass"word<1>`, nil }
	if got, err := header(t, c); err != nil || got != "Token session-token-3" {
		t.Errorf("with another password: %q, %v", got, err)
	}
}

func TestAnswersToALogin(t *testing.T) {
	const asJSON = "application/json"
	cases := map[string]struct {
		status     int
		kind, body string
		want       string
		transient  bool
	}{
		"forbidden":    {403, asJSON, "{}", "rejected (403): check username and password", false},
		"bad request":  {400, asJSON, `{"password":"pass\"word<1>"}`, "refused (400): check username", false},
		"firewall":     {403, "text/html", "<html>", "something in front of the application", true},
		"fault":        {500, asJSON, "{}", "cannot open sessions at the moment", true},
		"busy":         {429, asJSON, "{}", "HTTP status 429", true},
		"moved":        {307, asJSON, "{}", "a redirect (307), which is not followed", false},
		"not there":    {404, "text/html", "<html>", "there is no such call: check base_url", false},
		"page":         {200, "text/html", "<html>", "the answer is not JSON", true},
		"cut":          {200, asJSON, `{"data":[{"a/b":"x`, "the answer is not JSON", true},
		"no token":     {200, asJSON, `{"success":false}`, "no token at /data/0/a~1b: either it says", false},
		"null":         {200, asJSON, `{"data":[{"a/b":null}]}`, "no token at", false},
		"an object":    {200, asJSON, `{"data":[{"a/b":{}}]}`, "no token at", false},
		"two lines":    {200, asJSON, `{"data":[{"a/b":"x\r\ny: z"}]}`, "no token at", false},
		"endless body": {200, asJSON, `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, "more than 1048576 bytes", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, false)
			d.answer = func(int) (int, string, string) { return tc.status, tc.kind, tc.body }
			var passed time.Duration
			c := credentials(t, d, `pass"word<1>`, &passed)
			_, err := header(t, c)
			var failed *credential.Error
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), tc.want) || failed.Temporary() != tc.transient || strings.Contains(err.Error(), "word<1>") {
				t.Fatalf("got %v", err)
			}
			_, err = header(t, c)
			if want := map[bool]int{true: 2, false: 1}[tc.transient]; err == nil || d.count() != want {
				t.Errorf("%d logins, want %d; %v", d.count(), want, err)
			}
		})
	}
}

func TestACallThatEndsIsNoRefusal(t *testing.T) {
	d := newDesk(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	d.answer = func(n int) (int, string, string) {
		if n == 1 {
			cancel()
			time.Sleep(20 * time.Millisecond)
		}
		return 200, "application/json", `{"data":[{"a/b":"session-token-2"}]}`
	}
	var passed time.Duration
	c := credentials(t, d, `pass"word<1>`, &passed)
	if err := c.Apply(ctx, httptest.NewRequest(http.MethodGet, "https://x/", nil)); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got, err := header(t, c); err != nil || got != "Token session-token-2" {
		t.Errorf("got %q, %v", got, err)
	}
}

// FuzzFind wants that no answer makes it panic, and that a token can stand in
// a header.
func FuzzFind(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":"x"}]}`), "/a/0/b")
	f.Add([]byte(`[1,2]`), "/1")
	f.Add([]byte(`{"~":{"":1e400}}`), "/~0/")
	f.Fuzz(func(t *testing.T, answer []byte, pointer string) {
		token, err := find(answer, pointer)
		if err == nil && (token == "" || strings.ContainsAny(token, "\r\n\x00")) {
			t.Errorf("token %q", token)
		}
	})
}
