package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// consentingWorld is an agent whose application wants consent, and its vendor.
type consentingWorld struct {
	*testing.T
	sim    *sim.Server
	api    *httptest.Server
	config string
}

func newConsentingWorld(t *testing.T) *consentingWorld {
	t.Helper()
	dir := t.TempDir()
	w := &consentingWorld{T: t, sim: sim.New(sim.Options{Seed: 1, People: 3}), config: filepath.Join(dir, "agent.toml")}
	w.api = httptest.NewServer(w.sim)
	t.Cleanup(w.api.Close)
	manifest, err := os.ReadFile("../plugins/pipedrive/manifest.toml")
	if err != nil {
		t.Fatal(err)
	}
	module, err := host.Embed(emptyModule(), manifest)
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.ReadFile("testdata/agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(
		`auth      = "api_key"`, `auth = "oauth2"`+"\nclient_id = \"sim-client\"\nauth_url = \"https://vendor.example/authorize\"\ntoken_url = \""+w.api.URL+"/oauth/token\"",
		`api_key   = "@{store:pipedrive}"`, `client_secret = "@{store:client_secret}"`,
	).Replace(string(base))
	for name, content := range map[string][]byte{"agent.toml": []byte(text), "modules/pipedrive.wasm": module} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	w.want(0, "sim-secret", "secret", "set", "client_secret")
	return w
}

func (w *consentingWorld) want(code int, stdin string, args ...string) (stdout, stderr string) {
	w.Helper()
	var out, errs bytes.Buffer
	got := run(w.Context(), append([]string{"--config", w.config}, args...), strings.NewReader(stdin), &out, &errs)
	if got != code {
		w.Fatalf("%s: %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// begun is a command that waits for consent.
type begun struct {
	asked  *url.URL // the page of the vendor
	stdin  *io.PipeWriter
	ended  chan int
	stdout bytes.Buffer
	stderr chan string // what comes after the address
}

func (w *consentingWorld) begin(args ...string) *begun {
	w.Helper()
	in, stdin := io.Pipe()
	errs, stderr := io.Pipe()
	b := &begun{stdin: stdin, ended: make(chan int, 1), stderr: make(chan string, 1)}
	ctx, cancel := context.WithTimeout(w.Context(), hang)
	go func() {
		defer cancel()
		code := run(ctx, append([]string{"--config", w.config}, args...), in, &b.stdout, stderr)
		_ = stderr.Close()
		b.ended <- code
	}()
	lines := bufio.NewReader(errs)
	for b.asked == nil {
		line, err := lines.ReadString('\n')
		if err != nil {
			w.Fatalf("it ended with %d and asked nothing: %s", <-b.ended, line)
		}
		if strings.HasPrefix(line, "https://vendor.example/authorize?") {
			if b.asked, err = url.Parse(strings.TrimSpace(line)); err != nil {
				w.Fatal(err)
			}
		}
	}
	go func() {
		rest, _ := io.ReadAll(lines) // until the command closes it
		b.stderr <- string(rest)
	}()
	return b
}

func (w *consentingWorld) visit(address string, query url.Values) (int, string) {
	w.Helper()
	resp, err := http.Get(address + "?" + query.Encode())
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// works uses the stored tokens.
func (w *consentingWorld) works() {
	w.Helper()
	cfg, err := config.Load(w.config)
	if err != nil {
		w.Fatal(err)
	}
	a, err := runtime.Lock(w.Context(), cfg, runtime.Settings{Log: newLogger(cfg.Agent.Log, io.Discard), Version: version})
	if err != nil {
		w.Fatal(err)
	}
	defer a.Close()
	if err := a.Open(w.Context()); err != nil {
		w.Fatal(err)
	}
	now, err := a.Snapshot(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	connector, err := now.Connector(cfg.Applications["pipedrive"])
	if err != nil {
		w.Fatal(err)
	}
	app, err := now.Application(w.Context(), cfg.Applications["pipedrive"], connector.Manifest())
	if err != nil {
		w.Fatal(err)
	}
	base, err := app.Credentials.BaseURL(w.Context())
	if err != nil || base != w.api.URL+"/api" {
		w.Errorf("the base URL of the token is %q, %v", base, err)
	}
	req, _ := http.NewRequestWithContext(w.Context(), http.MethodGet, base+"/v1/users", nil)
	if err := app.Credentials.Apply(w.Context(), req); err != nil {
		w.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.Errorf("the vendor answers %d to the new token", resp.StatusCode)
	}
}

func TestAuthorizeOverARedirect(t *testing.T) {
	w := newConsentingWorld(t)
	b := w.begin("authorize", "pipedrive")
	q := b.asked.Query()
	back := q.Get("redirect_uri")
	if !strings.HasPrefix(back, "http://127.0.0.1:") || q.Get("client_id") != "sim-client" || q.Get("scope") != "base users:read" || q.Get("code_challenge_method") != "S256" {
		t.Errorf("asked: %s", b.asked)
	}
	code := w.sim.IssueCode(back)
	if status, _ := w.visit(back, url.Values{"code": {code}, "state": {"forged"}}); status != http.StatusBadRequest {
		t.Errorf("a forged answer: %d", status)
	}
	if status, _ := w.visit(strings.Replace(back, "callback", "other", 1), url.Values{"code": {code}, "state": {q.Get("state")}}); status != http.StatusNotFound {
		t.Errorf("another page: %d", status)
	}
	if status, body := w.visit(back, url.Values{"code": {code}, "state": {q.Get("state")}}); status != http.StatusOK || !strings.Contains(body, "You can close this page") {
		t.Errorf("the answer: %d %s", status, body)
	}
	if got := <-b.ended; got != 0 || !strings.Contains(b.stdout.String(), "the tokens of pipedrive are stored") || !strings.Contains(b.stdout.String(), w.api.URL+"/api") {
		t.Errorf("it ended with %d: %s%s", got, b.stdout.String(), <-b.stderr)
	}
	w.works()
	if out, _ := w.want(0, "", "secret", "list"); !strings.Contains(out, "oauth.pipedrive") {
		t.Errorf("secrets: %s", out)
	}
}

func TestAuthorizeByPasting(t *testing.T) {
	w := newConsentingWorld(t)
	b := w.begin("authorize", "--redirect-url", "https://app.example.com/done", "pipedrive")
	back := b.asked.Query().Get("redirect_uri")
	if back != "https://app.example.com/done" {
		t.Errorf("redirect URL %s", back)
	}
	end := back + "?" + url.Values{"code": {w.sim.IssueCode(back)}, "state": {b.asked.Query().Get("state")}}.Encode()
	if _, err := io.WriteString(b.stdin, "what?\n"+back+"?state=old&code=x\n"+end+"\n"); err != nil {
		t.Fatal(err)
	}
	if got := <-b.ended; got != 0 {
		t.Fatalf("it ended with %d: %s", got, <-b.stderr)
	}
	w.works()
	journal, _ := w.want(0, "", "journal", "export")
	if line := regexp.MustCompile(`"kind":"secret","application":"pipedrive","by":"[^"]+","text":"set oauth.pipedrive"`); !line.MatchString(strings.ReplaceAll(journal, `\"`, `"`)) {
		t.Errorf("who authorized is not in the journal:\n%s", journal)
	}
}

// TestAuthorizeWithDaemon: the agent that runs holds the state, so that only
// it can read the client secret and store the tokens.
func TestAuthorizeWithDaemon(t *testing.T) {
	w := newConsentingWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--config", w.config, "run"}, strings.NewReader(""), io.Discard, io.Discard)
	}()
	for len(ended) == 0 {
		if _, err := control.Connect(ctx, filepath.Join(filepath.Dir(w.config), "state")); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	b := w.begin("authorize", "pipedrive")
	q := b.asked.Query()
	w.visit(q.Get("redirect_uri"), url.Values{"code": {w.sim.IssueCode(q.Get("redirect_uri"))}, "state": {q.Get("state")}})
	if got := <-b.ended; got != 0 {
		t.Errorf("it ended with %d: %s", got, <-b.stderr)
	}
	select {
	case got := <-ended:
		t.Fatalf("the agent had ended with %d: nothing was shown", got)
	default:
	}
	stop()
	<-ended
	w.works()
}

func TestAuthorizeTellsWhatWentWrong(t *testing.T) {
	w := newConsentingWorld(t)
	b := w.begin("authorize", "pipedrive")
	q := b.asked.Query()
	w.visit(q.Get("redirect_uri"), url.Values{"error": {"access_denied"}, "error_description": {"not\x1b[31m now"}, "state": {q.Get("state")}})
	if got, said := <-b.ended, <-b.stderr; got != 1 || !strings.Contains(said, "authorize pipedrive: the vendor did not authorize rollcall: access_denied") || strings.Contains(said, "\x1b") {
		t.Errorf("denied: %d %q", got, said)
	}
	b = w.begin("authorize", "pipedrive")
	q = b.asked.Query()
	w.visit(q.Get("redirect_uri"), url.Values{"code": {w.sim.IssueCode("http://127.0.0.1/else")}, "state": {q.Get("state")}})
	if got, said := <-b.ended, <-b.stderr; got != 1 || !strings.Contains(said, "invalid_grant (redirect_uri is invalid)") || !strings.Contains(said, "not the one that is registered") || strings.Contains(said, "sim-secret") {
		t.Errorf("another redirect URL: %d %q", got, said)
	}
	if _, said := w.want(2, "", "authorize", "nobody"); !strings.Contains(said, `no application "nobody"`) {
		t.Errorf("no such application: %s", said)
	}
	b = w.begin("authorize", "--paste", "pipedrive")
	_ = b.stdin.Close()
	if got, said := <-b.ended, <-b.stderr; got != 1 || !strings.Contains(said, "no address came on standard input") {
		t.Errorf("nothing pasted: %d %q", got, said)
	}
	if out, _ := w.want(0, "", "secret", "list"); strings.Contains(out, "oauth.pipedrive") {
		t.Errorf("something was stored: %s", out)
	}
}
