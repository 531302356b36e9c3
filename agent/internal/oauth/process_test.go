package oauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestMain lets this program be one of several processes that share a store.
func TestMain(m *testing.M) {
	if role := os.Getenv("OAUTH_TEST_ROLE"); role != "" {
		if err := child(context.Background(), role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// strict is a token server as RFC 9700 section 4.14.2 wants it: each refresh
// token works once, and one that comes twice ends everything that came of the
// same consent.
type strict struct {
	*httptest.Server
	mu      sync.Mutex
	valid   string
	used    map[string]bool
	answers int
	reused  int
}

func newStrict(t *testing.T) *strict {
	t.Helper()
	s := &strict{valid: "refresh-0", used: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		got := r.FormValue("refresh_token")
		if s.used[got] {
			s.reused++
			s.valid = ""
		}
		if got == "" || got != s.valid {
			w.WriteHeader(400)
			_, _ = fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		s.used[got] = true
		s.answers++
		s.valid = fmt.Sprintf("refresh-%d", s.answers)
		_, _ = fmt.Fprintf(w, `{"access_token":"access-%d","token_type":"Bearer","expires_in":3600,"refresh_token":%q}`, s.answers, s.valid)
	}))
	t.Cleanup(s.Close)
	return s
}

// shared is the vault in a folder, as the agent has it.
type shared struct{ *secrets.Keeper }

func (s shared) Get(ctx context.Context, name string) ([]byte, bool, error) {
	v, err := s.Keeper.Get(ctx, name)
	if errors.Is(err, secrets.ErrNoSecret) {
		return nil, false, nil
	}
	return []byte(v.Reveal()), err == nil, err
}

func (s shared) Set(ctx context.Context, name string, value []byte) error {
	return s.Keeper.Set(ctx, name, secrets.New(string(value)))
}

// open opens the vault beside other processes. A store is made for one process:
// what two must not do at once is to open or close it.
func open(ctx context.Context, dir string) (shared, func(), error) {
	lock := flock.New(filepath.Join(dir, "opening"))
	if err := lock.Lock(); err != nil {
		return shared{}, nil, err
	}
	defer func() { _ = lock.Unlock() }()
	st, err := store.Open(ctx, dir)
	if err != nil {
		return shared{}, nil, err
	}
	keeper, err := secrets.OpenKeeper(ctx, st, secrets.New("a master key for this test"))
	return shared{keeper}, func() {
		_ = lock.Lock()
		_ = st.Close()
		_ = lock.Unlock()
	}, err
}

// dying kills its own process when the answer of a refresh is about to be
// stored.
type dying struct{ shared }

func (d dying) Set(ctx context.Context, name string, value []byte) error {
	if !bytes.Contains(value, []byte("refreshing")) {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			_ = self.Kill()
		}
		select {} // until it is dead
	}
	return d.shared.Set(ctx, name, value)
}

const rounds = 15

// child is what another process does: it works with the token, and says every
// time that the application rejected it.
func child(ctx context.Context, role string) error {
	vault, done, err := open(ctx, os.Getenv("OAUTH_TEST_DIR"))
	if err != nil {
		return err
	}
	defer done()
	var v Vault = vault
	if role == "dies" {
		v = dying{vault}
	}
	var passed time.Duration
	c := sharing(os.Getenv("OAUTH_TEST_DIR"), os.Getenv("OAUTH_TEST_URL"), v, &passed)
	for range rounds {
		if _, err := c.fresh(ctx); err != nil {
			return err
		}
		passed += 2 * settle
		if _, err := c.Rejected(ctx); err != nil {
			return err
		}
	}
	return nil
}

func sharing(dir, url string, v Vault, passed *time.Duration) *Credentials {
	return New(Settings{
		Application: "acme", TokenURL: url, ClientID: "client", HTTP: credential.NewClient(&http.Transport{}, "rollcall/test"), Now: later(passed),
		ClientSecret: func(context.Context) (string, error) { return "client-secret-1", nil },
	}, v, FileLocks{Dir: dir})
}

func start(t *testing.T, role, dir, url string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd, said := exec.CommandContext(t.Context(), self), &bytes.Buffer{}
	cmd.Env = append(os.Environ(), "OAUTH_TEST_ROLE="+role, "OAUTH_TEST_DIR="+dir, "OAUTH_TEST_URL="+url)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

// TestProcessesThatShareAStoreSpendEachTokenOnce: a strict server would end it
// all at the first token that comes twice.
func TestProcessesThatShareAStoreSpendEachTokenOnce(t *testing.T) {
	server, dir := newStrict(t), t.TempDir()
	vault, done, err := open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if err := vault.Set(t.Context(), "oauth.acme", []byte(`{"refresh_token":"refresh-0"}`)); err != nil {
		t.Fatal(err)
	}
	type process struct {
		cmd  *exec.Cmd
		said *bytes.Buffer
	}
	var all []process
	for range 3 {
		cmd, said := start(t, "works", dir, server.URL)
		all = append(all, process{cmd, said})
	}
	for _, p := range all {
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, p.said)
		}
	}
	if server.reused != 0 {
		t.Errorf("%d refresh tokens were sent twice", server.reused)
	}
	if server.answers < rounds {
		t.Errorf("only %d refreshes: nothing was tried", server.answers)
	}
	t.Logf("%d refreshes for %d rejections in 3 processes", server.answers, 3*rounds)
	body, _, err := vault.Get(t.Context(), "oauth.acme")
	if err != nil || !strings.Contains(string(body), `"`+server.valid+`"`) {
		t.Errorf("the store does not hold the token that is good: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "oauth.acme.lock"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("lock file: %v %v", info, err)
	}
}

// TestAProcessThatDiesBetweenAnswerAndStore checks that its lock is released at
// once, and that the next process says what happened instead of advising to
// check the client secret. Sending the old token once more does no harm: its
// replacement is lost for good.
func TestAProcessThatDiesBetweenAnswerAndStore(t *testing.T) {
	server, dir := newStrict(t), t.TempDir()
	vault, done, err := open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if err := vault.Set(t.Context(), "oauth.acme", []byte(`{"refresh_token":"refresh-0"}`)); err != nil {
		t.Fatal(err)
	}
	cmd, said := start(t, "dies", dir, server.URL)
	if err := cmd.Wait(); err == nil {
		t.Fatalf("it did not die: %s", said)
	}
	if server.answers != 1 {
		t.Fatalf("it died after %d answers, not between the first and its end: %s", server.answers, said)
	}
	var passed time.Duration
	next := sharing(dir, server.URL, vault, &passed)
	next.locks = FileLocks{Dir: dir, Wait: 2 * soak.Patience}
	begun := time.Now()
	_, err = next.fresh(t.Context())
	if err == nil || !strings.Contains(err.Error(), "was cut off before the answer was stored") || !strings.Contains(err.Error(), "rollcall authorize acme") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); took > soak.Patience {
		t.Errorf("the lock of the dead kept the next for %s", took)
	}
	if _, err = next.fresh(t.Context()); err == nil || server.reused != 1 {
		t.Errorf("the old token was sent %d more times; %v", server.reused, err)
	}
}

// TestAHolderThatStallsIsWaitedFor: its lock does not end before it does.
func TestAHolderThatStallsIsWaitedFor(t *testing.T) {
	server, dir := newStrict(t), t.TempDir()
	unlock, err := FileLocks{Dir: dir}.Lock(t.Context(), "oauth.acme")
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{values: map[string][]byte{"oauth.acme": []byte(`{"refresh_token":"refresh-0"}`)}}
	var passed time.Duration
	c := sharing(dir, server.URL, m, &passed)
	c.locks = FileLocks{Dir: dir, Wait: 30 * time.Millisecond}
	_, err = c.fresh(t.Context())
	var failed *credential.Error
	if !errors.As(err, &failed) || !failed.Temporary() || !strings.Contains(err.Error(), "is it stopped?") || server.answers != 0 {
		t.Errorf("got %v after %d requests", err, server.answers)
	}
	unlock()
	if _, err := c.fresh(t.Context()); err != nil {
		t.Error(err)
	}
}
