package receiver

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const password = "correct horse battery staple"

// pipedrive is the receiver of Pipedrive's webhooks v2.
func pipedrive() abi.Receiver {
	return abi.Receiver{
		Auth: abi.ReceiverAuth{Kind: abi.ReceiverBasic},
		ID:   "/meta/id", Time: "/meta/timestamp", Kind: "/meta/action", Key: "/meta/entity_id",
		Records: "/meta/entity", Endpoints: map[string]string{"user": "users", "person": "persons"},
		Take: []string{"create", "change", "delete"}, Ignore: []string{"merge"}, Expect: map[string]string{"/meta/version": "2.0"},
	}
}

// sent is a delivery of Pipedrive's.
func sent(id, action, entity, key string, at time.Time) string {
	return fmt.Sprintf(`{"meta":{"action":%q,"entity":%q,"company_id":"1234","correlation_id":"same for all","entity_id":%q,"id":%q,
		"is_bulk_edit":false,"timestamp":%q,"type":"general","version":"2.0","attempt":1},
		"data":{"id":11,"active_flag":false,"name":"Ada Lovelace"},"previous":{"active_flag":true}}`,
		action, entity, key, id, at.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// world is what a receiver works with.
type world struct {
	*Receiver
	t     *testing.T
	store *store.Store
	runs  *runner
	log   *buffer

	mu       sync.Mutex
	apps     []Application
	reads    map[string][]string // automations, by application and kind of records
	unserved bool                // the connectors do not serve
	asked    int                 // how often Reads was called
	results  map[string]int
}

var (
	_ Applications = (*world)(nil)
	_ Observer     = (*world)(nil)
	_ Runner       = (*runner)(nil)
)

func (w *world) All() []Application {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.apps)
}

func (w *world) Reads(application, records string) ([]string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	return w.reads[application+"/"+records], !w.unserved
}

func (w *world) Received(application, result string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results[strings.TrimSpace(application+" "+result)]++
}

func (w *world) Seen(string, time.Duration) {}

func (w *world) count(result string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.results[result]
}

// forget empties the log and the counts.
func (w *world) forget() {
	w.mu.Lock()
	clear(w.results)
	w.mu.Unlock()
	w.quiet.mu.Lock()
	w.quiet.at = nil
	w.quiet.mu.Unlock()
	w.log.mu.Lock()
	w.log.b.Reset()
	w.log.mu.Unlock()
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// runner records runs.
type runner struct {
	mu   sync.Mutex
	made []string
	do   func(ctx context.Context, automation string, keys []ident.Key) error // nil: it succeeds
}

func (r *runner) RunKeys(ctx context.Context, automation, by string, keys []ident.Key) (int64, error) {
	r.mu.Lock()
	do := r.do
	r.mu.Unlock()
	if do != nil {
		if err := do(ctx, automation, keys); err != nil {
			return 0, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = string(k)
	}
	r.made = append(r.made, automation+" by "+by+": "+strings.Join(list, " "))
	return int64(len(r.made)), nil
}

func (r *runner) set(do func(ctx context.Context, automation string, keys []ident.Key) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.do = do
}

func (r *runner) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.made)
}

func newWorld(t *testing.T, change ...func(*Settings)) *world {
	t.Helper()
	return worldOf(t, openStore(t, newState(t)), change...)
}

// empty is the file of a state in which nothing is, made once: making one takes
// long.
var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "receiver")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := store.Open(context.Background(), dir)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, store.FileName))
})

// newState makes a state folder.
func newState(t *testing.T) string {
	t.Helper()
	file, err := empty()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, store.FileName), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func worldOf(t *testing.T, s *store.Store, change ...func(*Settings)) *world {
	t.Helper()
	w := &world{
		t: t, store: s, runs: &runner{}, log: &buffer{}, results: map[string]int{},
		reads: map[string][]string{"pipedrive/user": {"staff"}, "hr/user": {"people"}},
		apps: []Application{
			{Name: "pipedrive", Receiver: pipedrive(), Username: "rollcall", Secret: constant(password)},
			{Name: "hr", Receiver: pipedrive(), Username: "hr", Secret: constant(password + " of hr")},
		},
	}
	settings := Settings{
		URL: "https://rollcall.example.com/hooks", MaxBody: 64 << 10, MaxAge: time.Hour, Applications: w, Store: s, Runner: w.runs, Observer: w,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
		limits: limits{ // nothing may fail for being slow
			answer: 30 * time.Second, header: 30 * time.Second, read: time.Minute, secret: 30 * time.Second, linger: time.Minute, patience: 30 * time.Second,
			busy: 5 * time.Millisecond, backoff: 5 * time.Millisecond, poll: 50 * time.Millisecond, unserved: 5 * time.Millisecond,
		},
	}
	for _, c := range change {
		c(&settings)
	}
	w.Receiver = New(settings)
	return w
}

func constant(secret string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return secret, nil }
}

// serve serves on a loopback address and returns its URL.
func (w *world) serve(certificate *Certificate) string {
	w.t.Helper()
	l, err := Listen(w.t.Context(), "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Serve(ctx, l, certificate) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	scheme := "http://"
	if certificate != nil {
		scheme = "https://"
	}
	return scheme + l.Addr().String()
}

// work lets the worker work until the test ends.
func (w *world) work() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Work(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(stop)
	return stop
}

// until waits for something that happens by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// request is what a test sends; its zero values are those of a good delivery.
type request struct {
	method, path, user, password, kind, body string
	header                                   map[string]string
	client                                   *http.Client
}

func (q request) send(t *testing.T, base string) (status int, answer string, h http.Header) {
	t.Helper()
	status, answer, h, err := q.try(base)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer, h
}

func (q request) try(base string) (status int, answer string, h http.Header, err error) {
	set := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	set(&q.method, http.MethodPost)
	set(&q.path, "/pipedrive")
	set(&q.user, "rollcall")
	set(&q.password, password)
	set(&q.kind, "application/json")
	if q.client == nil {
		q.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	}
	req, err := http.NewRequest(q.method, base+q.path, strings.NewReader(q.body))
	if err != nil {
		return 0, "", nil, err
	}
	if q.user != "-" {
		req.SetBasicAuth(q.user, q.password)
	}
	req.Header.Set("Content-Type", q.kind)
	for name, value := range q.header {
		req.Header.Set(name, value)
	}
	res, err := q.client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, strings.TrimSpace(string(text)), res.Header, err
}

// open lists the open receipts of an application, as delivery and key.
func (w *world) open(application string) []string {
	w.t.Helper()
	list, err := w.store.OpenReceipts(context.Background(), application, time.Now().Add(time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, r := range list {
		all = append(all, r.Delivery+" "+string(r.Key))
	}
	return all
}

// certificate writes a certificate for 127.0.0.1 and its key, and returns who
// trusts it.
func certificate(t *testing.T, dir string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "receiver"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return pool
}

func clientOf(pool *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}

// free returns how many bytes are not taken.
func (m *memory) free() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left
}
