package host_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/host/testdata/reflector"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const secrecyManifest = `
name = "secrecy"
version = "1.0.0"
abi = "rollcall_v1"
title = "Secrecy"
hosts = ["*.example.org"]

[[secrets]]
name = "signing"

[[secrets]]
name = "pin"

[[auth]]
kind = "basic"

[[auth]]
kind = "bearer"

[[auth]]
kind = "api_key"
header = "X-Key"
prefix = "Key "

[[endpoints]]
name = "all"
path = "/"
records = ""
key = "/id"
`

// Secrets that need escaping everywhere; one of them could be a host for some.
const (
	signingSecret = `s1gning-Sécret"\/<&>' +=%😀`
	pinSecret     = `P1n;of~the!Application'+=$&*`
	proxyPassword = `pr0xy p@ss:word/"+&<é`
	aCredential   = `cr3dential-"\/<&>'+=%20;Ab`
)

// everySecret is what must be hidden in a call with a credential that is sent
// as it says.
func everySecret(sent ...string) []reflector.Secret {
	return []reflector.Secret{
		{Name: "credential", Value: aCredential, Sent: sent},
		{Name: "secret signing", Value: signingSecret, Sent: asSent(signingSecret)},
		{Name: "secret pin", Value: pinSecret, Sent: asSent(pinSecret)},
		{Name: "proxy password", Value: proxyPassword, Sent: []string{base64.StdEncoding.EncodeToString([]byte("gate:" + proxyPassword))}},
	}
}

// asSent is how the host writes a secret into a request.
func asSent(secret string) []string {
	quoted, _ := json.Marshal(secret)
	var markup bytes.Buffer
	_ = xml.EscapeText(&markup, []byte(secret))
	return []string{
		string(quoted[1 : len(quoted)-1]), url.QueryEscape(secret), strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"), markup.String(),
	}
}

// secretly is a host whose connector tries to learn secrets. Its server
// reflects everything, and is reached through a proxy that is the same server.
type secretly struct {
	*reflector.Notes
	t      *testing.T
	server *reflector.Server
	conn   *host.Connector
	app    host.Application
	other  string // another server that the configuration names
	seen   []byte // the memory of the last instance, from the host's side
	told   []byte // the memory that the guest emitted
	cursor string
	whole  int // bytes of memory that the guest emitted in its last full run
}

var buildSecrecy = sync.OnceValues(func() ([]byte, error) { return buildGuest("secrecy") })

func newSecretly(t *testing.T, profile abi.AuthProfile, user string) *secretly {
	t.Helper()
	code, err := buildSecrecy()
	if err == nil {
		code, err = host.Embed(code, []byte(secrecyManifest))
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &secretly{Notes: &reflector.Notes{}, t: t, server: &reflector.Server{Canary: "the-canary-that-anybody-may-see"}}
	for _, secret := range everySecret() {
		s.server.Secrets = append(s.server.Secrets, secret.Value)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secrecy.wasm"), code, 0o600); err != nil {
		t.Fatal(err)
	}
	settings := host.Settings{ModulesDir: dir, CacheDir: shared.cache, AllowUnsigned: true, MemoryMiB: 256}
	h, err := host.Open(t.Context(), settings, slog.New(s.Notes), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	h.Look(func(memory []byte) { s.seen = bytes.Clone(memory) })
	if s.conn, err = h.Connector("secrecy"); err != nil {
		t.Fatal(err)
	}
	credentials, err := host.NewStaticCredentials(profile, user, aCredential)
	if err != nil {
		t.Fatal(err)
	}
	server, other := httptest.NewServer(s.server), httptest.NewServer(&reflector.Server{Canary: "another"})
	t.Cleanup(server.Close)
	t.Cleanup(other.Close)
	s.other = other.URL
	proxy := "http://" + url.UserPassword("gate", proxyPassword).String() + "@" + strings.TrimPrefix(server.URL, "http://")
	s.app = host.Application{
		Name: "app", BaseURL: server.URL, Hosts: []string{strings.TrimPrefix(other.URL, "http://")}, Credentials: credentials,
		RateLimit: "100000/1s", Proxy: proxy, Secrets: map[string]func(context.Context) (string, error){
			"signing": func(context.Context) (string, error) { return signingSecret, nil },
			"pin":     func(context.Context) (string, error) { return pinSecret, nil },
		},
		Macros: givingAway{},
	}
	return s
}

// givingAway renders each template into a text, or an error, with a secret in it.
type givingAway struct{}

func (givingAway) Macro(_ context.Context, template string, place abi.Place) (string, error) {
	n, _ := strconv.Atoi(template)
	secret := everySecret()[n%4].Value
	text := "a " + secret + " b"
	switch place {
	case abi.PlacePath, abi.PlaceQuery, abi.PlaceForm:
		text = url.QueryEscape(text)
	case abi.PlaceJSON, abi.PlaceJSONValue:
		quoted, _ := json.Marshal(text)
		text = string(quoted)
	case abi.PlaceXML:
		var markup bytes.Buffer
		_ = xml.EscapeText(&markup, []byte(text))
		text = markup.String()
	}
	if n >= 4 {
		return "", errors.New("1:1: " + text)
	}
	return text, nil
}

// fetch runs the guest, and takes down all that comes of it.
func (s *secretly) fetch(do string) error {
	s.seen, s.told = nil, nil
	e := abi.Endpoint{Name: "all", Path: "/", Key: "/id", Params: map[string]string{
		"do": do, "ways": strings.Join(reflector.Ways(), " "), "broken": strings.Join(reflector.Broken(), " "), "elsewhere": s.other + "/json",
	}}
	call := abi.FetchCall{Endpoint: e, Cursor: s.cursor}
	report, err := s.conn.Fetch(s.t.Context(), s.app, call, func(r host.Record) error {
		if data, ok := r.Fields["data"].(string); ok && r.Key == "memory" {
			at, _ := r.Fields["at"].(json.Number).Int64()
			piece, err := base64.StdEncoding.DecodeString(data)
			s.told = reflector.Place(s.told, int(at), piece)
			return err
		}
		s.Note("records", r.Key, r.Problem)
		s.Values("records", r.Fields)
		return nil
	})
	s.Note("report", fmt.Sprintf("%+v", report))
	s.cursor = report.Cursor
	s.fails(err)
	return err
}

// fails takes an error down, with all its causes.
func (s *secretly) fails(err error) {
	var call *host.CallError
	if errors.As(err, &call) {
		s.Note("errors", call.Message, call.Next, fmt.Sprintf("%+v", *call))
	}
	for ; err != nil; err = errors.Unwrap(err) {
		s.Note("errors", err)
	}
}

// TestNoSecretReachesTheGuest searches for secrets in the whole memory of a
// connector that read everything from a reflecting server, and in all other
// output.
func TestNoSecretReachesTheGuest(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("me:" + aCredential))
	type ways struct {
		profile abi.AuthProfile
		secrets []reflector.Secret
		sent    string // the header, as the server must have got it
	}
	for _, c := range soak.Some(t, 1, []ways{
		{abi.AuthProfile{Kind: abi.AuthBasic}, everySecret("me:"+aCredential, basic), "Authorization: Basic " + basic},
		{abi.AuthProfile{Kind: abi.AuthBearer}, everySecret("Bearer " + aCredential), "Authorization: Bearer " + aCredential},
		{abi.AuthProfile{Kind: abi.AuthAPIKey, Header: "X-Key", Prefix: "Key "}, everySecret("Key " + aCredential), "X-Key: Key " + aCredential},
	}) {
		t.Run(string(c.profile.Kind), func(t *testing.T) {
			s := newSecretly(t, c.profile, "me")
			s.run()
			s.prove(c.sent)
			s.hunt(reflector.NewHunt(c.secrets))
		})
	}
}

// run does everything twice: a server may reveal later what it received before.
func (s *secretly) run() {
	t := s.t
	for range 2 {
		if err := s.fetch(""); err != nil {
			t.Fatal(err)
		}
		s.Note("memory, seen by the host", string(s.seen))
		s.Note("memory, emitted by the guest", string(s.told))
		s.whole = len(s.told)
	}
	s.Note("memory, sent by the guest", string(s.server.Dump()))
	for do, want := range map[string]abi.Kind{"fail": abi.KindForbidden, "panic": abi.KindInternal, "broken": abi.KindBadResponse} {
		err := s.fetch(do)
		var call *host.CallError
		if !errors.As(err, &call) || call.Kind != want || do != "broken" && !strings.Contains(call.Message, s.server.Canary) {
			t.Errorf("%s: %v", do, err)
		}
		s.Note("memory, seen by the host", string(s.seen))
	}
	if _, err := s.conn.Check(t.Context(), s.app, nil); err == nil {
		t.Error("check: no error")
	} else {
		s.fails(err)
	}
	before := s.conn.Host().Started()
	for range 2 { // the second is in the instance of the first
		warm, err := s.conn.Invoke(t.Context(), s.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "w", Path: "/json/x", Body: "x"}})
		if err != nil {
			t.Error(err)
		}
		s.Note("answer", string(warm.Body))
		s.Note("memory, seen by the host", string(s.seen))
	}
	if n := s.conn.Host().Started() - before; n != 1 {
		t.Errorf("two webhooks had %d instances: nothing was reused", n)
	}
	answer, err := s.conn.Invoke(t.Context(), s.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "w", Path: "/headers/x", Body: "x"}})
	if err != nil {
		t.Error(err)
	}
	for name, values := range answer.Header {
		s.Note("answer", name, strings.Join(values, "\n"))
	}
	s.Note("answer", string(answer.Body), answer.LinkKey)
	answer, err = s.conn.Invoke(t.Context(), s.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "w", Path: "/json/x", Body: "x", LinkKey: "/facts/1"}})
	if err != nil {
		t.Error(err)
	}
	s.Note("answer", string(answer.Body), answer.LinkKey)
}

// prove shows that there was something to find.
func (s *secretly) prove(sent string) {
	t := s.t
	for _, text := range []string{sent, signingSecret, pinSecret, "gate:" + proxyPassword, aCredential} {
		if !s.server.Received(text) {
			t.Errorf("the server was not sent %q", text)
		}
	}
	for where, text := range s.Texts() {
		if where != "metrics" && where != "report" && !bytes.Contains(text, []byte(s.server.Canary)) {
			t.Errorf("%s: the canary is not there: nothing was read", where)
		}
	}
	for _, where := range []string{"memory, seen by the host", "memory, emitted by the guest", "memory, sent by the guest", "records", "logs", "errors", "answer", "metrics", "report"} {
		if s.Texts()[where] == nil {
			t.Errorf("%s: nothing to look at", where)
		}
	}
	if s.whole == 0 || s.whole != len(s.server.Dump()) {
		t.Errorf("the guest emitted %d bytes of memory and sent %d", s.whole, len(s.server.Dump()))
	}
	if rest := "*********"; bytes.Count(s.Texts()["memory, seen by the host"], []byte(rest)) < 1000 {
		t.Error("hardly anything was replaced in the guest's memory")
	}
}

// hunt looks through everything.
func (s *secretly) hunt(h *reflector.Hunt) {
	hits, summary := s.Search(h)
	for _, hit := range hits[:min(len(hits), 40)] {
		s.t.Error(hit)
	}
	s.t.Logf("%d requests; %s", s.server.Requests(), summary)
}

// TestHuntFindsEveryForm: the search above finds what it should.
func TestHuntFindsEveryForm(t *testing.T) {
	all := everySecret("me:" + aCredential)
	h := reflector.NewHunt(all)
	for _, s := range all {
		for _, text := range append([]string{s.Value}, s.Sent...) {
			for form, of := range reflector.Forms(text) {
				for _, planted := range []string{of, strings.ToUpper(of), strings.Repeat("x", 1<<16) + of} {
					if len(h.Find([]byte(planted))) == 0 {
						t.Errorf("%s of %q is not found", form, text)
					}
				}
			}
		}
	}
	if hits := h.Find([]byte(strings.Repeat("nothing is here that is secret ", 1000))); len(hits) > 0 {
		t.Error(hits)
	}
}

// TestPlaceholdersAreWorthNothingElsewhere: placeholders of an earlier call,
// and this call's placeholders sent to a host that only the configuration
// names.
func TestPlaceholdersAreWorthNothingElsewhere(t *testing.T) {
	s := newSecretly(t, abi.AuthProfile{Kind: abi.AuthBearer}, "")
	s.cursor = "none yet"
	if err := s.fetch(""); err != nil {
		t.Fatal(err)
	}
	marks := s.cursor
	if strings.Count(marks, "rollcall-secret-") != 2 {
		t.Fatalf("the guest had no placeholders: %q", marks)
	}
	before := s.server.Requests()
	if err := s.fetch("replay"); err != nil {
		t.Fatal(err)
	}
	said := string(s.Texts()["records"])
	if n := strings.Count(said, "the request holds a placeholder of a secret that was not given out in this call"); n != 6 {
		t.Errorf("%d of 6 placeholders of an earlier call were refused: %s", n, said)
	}
	if !strings.Contains(said, "those are replaced only towards the hosts of the manifest") {
		t.Errorf("a placeholder towards another host was not refused")
	}
	for _, mark := range strings.Fields(marks) {
		if s.server.Received(mark) {
			t.Error("a placeholder was sent as it is")
		}
	}
	if n := s.server.Requests(); n != before {
		t.Errorf("%d requests of the second call were sent", n-before)
	}
}

// TestPlaceholdersOfTheCallBeforeAreWorthNothing: an instance that serves
// another call has them in its memory.
func TestPlaceholdersOfTheCallBeforeAreWorthNothing(t *testing.T) {
	s := newSecretly(t, abi.AuthProfile{Kind: abi.AuthBearer}, "")
	for _, name := range []string{"first", "replay"} {
		if _, err := s.conn.Invoke(t.Context(), s.app, abi.InvokeCall{Webhook: abi.Webhook{Name: name, Path: "/json/x", Body: "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	said := string(s.Texts()["logs"])
	if n := strings.Count(said, "the request holds a placeholder of a secret that was not given out in this call"); n != 2 || s.conn.Host().Started() != 1 {
		t.Errorf("%d of 2 placeholders of the call before were refused, in %d instances", n, s.conn.Host().Started())
	}
	if s.conn.Host().Idle() != 0 {
		t.Error("an instance that was refused something waits for another call")
	}
}
