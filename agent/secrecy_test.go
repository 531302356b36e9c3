package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/metrics"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/host/testdata/kept"
	"github.com/rollcall-agent/rollcall/host/testdata/reflector"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// What must not be seen. The tokens are such as servers give out, the rest needs
// escaping.
const (
	oldAccess     = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvbGQifQ.0ld-Acc_ess"
	newAccess     = "at/New+Access=Token~1234567890AbCdEf=="
	oldRefresh    = "rt.Old/Refresh+Token~AAABBBccc111=="
	newRefresh    = "rt.New/Refresh+Token~ZZZyyyXXX999=="
	clientSecret  = `cl1ent "Secret"\/<&>' +=%20 é`
	loginPassword = `l0gin "Password"\/<&>' +=%20 é`
	signingKey    = `s1gning "Key"\/<&>' +=% 😀`
	pinCode       = `P1n;of~the!Application'+=$&*`
	proxyPass     = `pr0xy p@ss:word/"+&<é`
)

const secrecyManifest = `
name = "secrecy"
version = "1.0.0"
abi = "rollcall_v1"
title = "Secrecy"
hosts = ["*.example.org"]
secrets = [{ name = "signing" }, { name = "pin" }]
endpoints = [{ name = "all", path = "/", records = "", key = "/id" }]

[[auth]]
`

var buildSecrecy = sync.OnceValues(func() ([]byte, error) { return buildGuest("secrecy") })

// buildGuest compiles a connector of the host's tests, without a manifest.
func buildGuest(name string) ([]byte, error) {
	// Reading what it is built from has the tests run again when that changes.
	for _, pattern := range []string{"../host/testdata/" + name + "/*.go", "../sdk/*.go", "../sdk/abi/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if _, err := os.ReadFile(f); err != nil {
				return nil, err
			}
		}
	}
	out := filepath.Join(scratch, name+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "../host/testdata/"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w\n%s", name, err, text)
	}
	return os.ReadFile(out)
}

// secretly is an agent with one application: a server that reflects all that
// it is sent, in its tokens' answers too, and a connector that keeps all that.
type secretly struct {
	*reflector.Notes
	t      *testing.T
	server *reflector.Server
	app    *runtime.Agent
	now    *runtime.Snapshot
	conf   config.Application
	conn   *host.Connector
	dump   []byte
}

// newSecretly starts one with an auth profile in TOML.
func newSecretly(t *testing.T, profile string, tokens []reflector.Token, change func(*config.Application)) *secretly {
	t.Helper()
	code, err := buildSecrecy()
	if err == nil {
		code, err = host.Embed(code, []byte(secrecyManifest+profile))
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secrecy.wasm"), code, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"S_CLIENT": clientSecret, "S_PASSWORD": loginPassword, "S_SIGNING": signingKey, "S_PIN": pinCode, "S_PROXY": proxyPass,
	} {
		t.Setenv(name, value)
	}
	s := &secretly{Notes: &reflector.Notes{}, t: t, server: &reflector.Server{
		Canary: "the-canary-that-anybody-may-see", Tokens: tokens,
		Secrets: []string{oldAccess, newAccess, oldRefresh, newRefresh, clientSecret, loginPassword, signingKey, pinCode, proxyPass},
	}}
	at := httptest.NewServer(s.server)
	t.Cleanup(at.Close)
	s.conf = config.Application{
		Name: "app", Connector: "secrecy", Enabled: true, BaseURL: at.URL, ClientID: "me", Username: "me",
		ClientSecret: reference(t, "@{env:S_CLIENT}"), Password: reference(t, "@{env:S_PASSWORD}"),
		Proxy: strings.Replace(at.URL, "http://", "http://gate@", 1), ProxyPassword: reference(t, "@{env:S_PROXY}"),
		Secrets:   map[string]config.SecretRef{"signing": reference(t, "@{env:S_SIGNING}"), "pin": reference(t, "@{env:S_PIN}")},
		RateLimit: config.RateLimit{Requests: 100_000, Per: time.Second},
	}
	s.conf.TokenURL = at.URL + "/token"
	change(&s.conf)
	state := t.TempDir()
	compiled, err := kept.Folder("agent")
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Symlink(compiled, filepath.Join(state, "module-cache")) // where it cannot be, compiling takes longer
	cfg := &config.Config{
		Agent:   config.Agent{StateDir: state, ModulesDir: dir},
		Modules: config.Modules{AllowUnsigned: true, MemoryMiB: 256},

		Applications: map[string]config.Application{s.conf.Name: s.conf},
	}
	s.app = openAgent(t, cfg, s.Notes)
	if s.now, err = s.app.Snapshot(t.Context()); err == nil {
		s.conn, err = s.now.Connector(s.conf)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fetch runs the connector as a run of the agent does.
func (s *secretly) fetch(do string) error {
	application, err := s.now.Application(s.t.Context(), s.conf, s.conn.Manifest())
	if err != nil {
		s.t.Fatal(err)
	}
	e := abi.Endpoint{Name: "all", Path: "/", Key: "/id", Params: map[string]string{
		"do": do, "ways": strings.Join(reflector.Ways(), " "), "broken": strings.Join(reflector.Broken(), " "),
	}}
	s.dump = nil
	application.Macros = givingAway{}
	report, err := s.conn.Fetch(s.t.Context(), application, abi.FetchCall{Endpoint: e}, func(r host.Record) error {
		if data, ok := r.Fields["data"].(string); ok && r.Key == "memory" {
			at, _ := r.Fields["at"].(json.Number).Int64()
			piece, err := base64.StdEncoding.DecodeString(data)
			s.dump = reflector.Place(s.dump, int(at), piece)
			return err
		}
		s.Note("records", r.Key, r.Problem)
		s.Values("records", r.Fields)
		return nil
	})
	s.Note("report", fmt.Sprintf("%+v", report))
	s.fails(err)
	return err
}

// givingAway renders a template into a text with a secret in it, and every second
// one into an error with it.
type givingAway struct{}

func (givingAway) Macro(_ context.Context, template string, _ abi.Place) (string, error) {
	n, err := strconv.Atoi(template)
	if err != nil {
		return "", err
	}
	text := "a " + []string{signingKey, pinCode}[n/2%2] + " b"
	if n%2 == 1 {
		return "", errors.New("1:1: " + text)
	}
	return text, nil
}

func (s *secretly) fails(err error) {
	var call *host.CallError
	if errors.As(err, &call) {
		s.Note("errors", call.Message, call.Next, fmt.Sprintf("%+v", *call))
	}
	for ; err != nil; err = errors.Unwrap(err) {
		s.Note("errors", err)
	}
}

// all runs every function of the connector.
func (s *secretly) all() {
	t := s.t
	for range 2 {
		if err := s.fetch(""); err != nil {
			t.Fatal(err)
		}
		s.Note("memory, emitted by the guest", string(s.dump))
	}
	s.Note("memory, sent by the guest", string(s.server.Dump()))
	if len(s.dump) == 0 || len(s.dump) != len(s.server.Dump()) {
		t.Errorf("the guest emitted %d bytes of memory and sent %d", len(s.dump), len(s.server.Dump()))
	}
	for _, do := range []string{"fail", "panic", "broken"} {
		if err := s.fetch(do); err == nil {
			t.Errorf("%s: no error", do)
		}
	}
	application, err := s.now.Application(t.Context(), s.conf, s.conn.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.conn.Check(t.Context(), application, nil)
	s.fails(err)
	answer, err := s.conn.Invoke(t.Context(), application, abi.InvokeCall{Webhook: abi.Webhook{Name: "w", Path: "/headers/x", Body: "x"}})
	if err != nil {
		t.Error(err)
	}
	for name, values := range answer.Header {
		s.Note("answer", name, strings.Join(values, "\n"))
	}
	s.Note("answer", string(answer.Body), answer.LinkKey)
}

// search proves that there was something to find, and finds nothing.
func (s *secretly) search(secrets []reflector.Secret, wants ...string) {
	t := s.t
	s.metrics()
	for _, secret := range secrets {
		if !s.server.Received(secret.Value) && (len(secret.Sent) == 0 || !s.server.Received(secret.Sent[0])) {
			t.Errorf("the server has never seen the %s", secret.Name)
		}
	}
	for _, where := range wants {
		text := s.Texts()[where]
		if text == nil || where != "metrics" && where != "report" && !bytes.Contains(text, []byte(s.server.Canary)) {
			t.Errorf("%s: the canary is not there: nothing was read", where)
		}
	}
	h := reflector.NewHunt(secrets)
	hits, summary := s.Search(h)
	for _, hit := range hits[:min(len(hits), 30)] {
		t.Error(hit)
	}
	t.Logf("%d requests; %s", s.server.Requests(), summary)
}

// metrics takes down what /metrics shows.
func (s *secretly) metrics() {
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	l, err := metrics.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.app.Metrics().Serve(ctx, l, s.app.Log()) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	stop()
	if served := <-done; err != nil || served != nil || !bytes.Contains(text, []byte("rollcall_http_requests_total")) {
		s.t.Errorf("metrics: %v, %v, %d bytes", err, served, len(text))
	}
	s.Note("metrics", string(text))
}

// always are the secrets of every application here.
func always(more ...reflector.Secret) []reflector.Secret {
	form, quoted := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }, func(s string) string {
		text, _ := json.Marshal(s)
		return string(text[1 : len(text)-1])
	}
	return append([]reflector.Secret{
		{Name: "signing key", Value: signingKey, Sent: []string{form(signingKey), url.QueryEscape(signingKey), quoted(signingKey)}},
		{Name: "pin", Value: pinCode, Sent: []string{form(pinCode), quoted(pinCode)}},
		{Name: "password of the proxy", Value: proxyPass, Sent: []string{pair("gate", proxyPass)}},
	}, more...)
}

func pair(user, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))
}

func plain(name, token string) reflector.Secret {
	return reflector.Secret{Name: name, Value: token, Sent: []string{"Bearer " + token}}
}

var everywhere = []string{"memory, emitted by the guest", "memory, sent by the guest", "records", "logs", "errors", "answer", "metrics", "report"}

// TestNoCredentialReachesTheGuest reads the whole memory of a connector whose
// application has credentials that are fetched, and replaced in between, of a
// server that tells all it knows.
func TestNoCredentialReachesTheGuest(t *testing.T) {
	asClient := reflector.Secret{Name: "client secret", Value: clientSecret, Sent: []string{
		pair("me", url.QueryEscape(clientSecret)), url.QueryEscape(clientSecret), pair("me", clientSecret),
	}}
	quoted, _ := json.Marshal(loginPassword)
	asLogin := reflector.Secret{Name: "password", Value: loginPassword, Sent: []string{pair("me", loginPassword), string(quoted[1 : len(quoted)-1])}}
	oauth := func(c *config.Application) { c.Auth = config.AuthOAuth2 }
	both := []reflector.Token{{Access: newAccess, Refresh: newRefresh}}
	two := []reflector.Token{{Access: oldAccess, Refresh: oldRefresh}, {Access: newAccess, Refresh: newRefresh}}
	const tokenURL = "\ntoken_url = \"https://id.example.org/token\""
	cases := map[string]struct {
		profile string
		change  func(*config.Application)
		tokens  []reflector.Token
		stored  string
		secrets []reflector.Secret
	}{
		"authorization code": {
			"kind = \"oauth2\"" + tokenURL, oauth, both,
			fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"expiry":%q}`, oldAccess, oldRefresh, time.Now().Add(time.Hour).Format(time.RFC3339)),
			always(asClient, plain("old access token", oldAccess), plain("new access token", newAccess), plain("old refresh token", oldRefresh), plain("new refresh token", newRefresh)),
		},
		"client credentials": {
			"kind = \"oauth2\"\ngrant = \"client_credentials\"\nclient_auth = \"body\"" + tokenURL, oauth, two, "",
			always(asClient, plain("old access token", oldAccess), plain("new access token", newAccess)),
		},
		"session": {
			"kind = \"session\"\nheader = \"X-Key\"\nprefix = \"Session \"\nlogin = { path = \"/login\", token = \"/access_token\" }",
			func(c *config.Application) { c.Auth = config.AuthSession }, two, "",
			always(asLogin, plain("old token", oldAccess), plain("new token", newAccess)),
		},
		"basic": {
			"kind = \"basic\"", func(c *config.Application) { c.Auth = config.AuthBasic }, two, "", always(asLogin),
		},
	}
	for _, name := range soak.Some(t, 1, slices.Sorted(maps.Keys(cases))) {
		t.Run(name, func(t *testing.T) {
			c := cases[name]
			s := newSecretly(t, c.profile, c.tokens, c.change)
			if c.stored != "" {
				if err := s.app.Vault().Set(t.Context(), "oauth.app", []byte(c.stored)); err != nil {
					t.Fatal(err)
				}
			}
			s.all()
			s.search(c.secrets, everywhere...)
		})
	}
}

// TestTokenServerThatTellsEverything: its refusal names all that it was sent,
// and the operator and the connector read why.
func TestTokenServerThatTellsEverything(t *testing.T) {
	asClient := reflector.Secret{Name: "client secret", Value: clientSecret, Sent: []string{
		pair("me", url.QueryEscape(clientSecret)), url.QueryEscape(clientSecret), pair("me", clientSecret),
	}}
	oauth := func(c *config.Application) { c.Auth = config.AuthOAuth2 }
	refused := []reflector.Token{{Refused: true}}
	for name, c := range map[string]struct {
		profile string
		stored  string
		secrets []reflector.Secret
	}{
		"refresh": {
			"kind = \"oauth2\"\ntoken_url = \"https://id.example.org/\"", fmt.Sprintf(`{"refresh_token":%q}`, oldRefresh),
			[]reflector.Secret{asClient, plain("refresh token", oldRefresh), {Name: "password of the proxy", Value: proxyPass, Sent: []string{pair("gate", proxyPass)}}},
		},
		"client credentials": {
			"kind = \"oauth2\"\ngrant = \"client_credentials\"\nclient_auth = \"body\"\ntoken_url = \"https://id.example.org/\"", "",
			[]reflector.Secret{asClient, {Name: "password of the proxy", Value: proxyPass, Sent: []string{pair("gate", proxyPass)}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSecretly(t, c.profile, refused, oauth)
			if c.stored != "" {
				if err := s.app.Vault().Set(context.WithoutCancel(t.Context()), "oauth.app", []byte(c.stored)); err != nil {
					t.Fatal(err)
				}
			}
			for _, do := range []string{"", "fail", "panic"} {
				err := s.fetch(do)
				if err == nil || !strings.Contains(err.Error(), "invalid_request") {
					t.Errorf("%q: %v", do, err)
				}
			}
			s.search(c.secrets, "metrics", "report")
			t.Logf("%s", s.Texts()["errors"][:min(600, len(s.Texts()["errors"]))])
		})
	}
}
