package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestADeliveryIsStoredOnce(t *testing.T) {
	w := newWorld(t)
	base := w.serve(nil)
	body := sent("d-1", "change", "user", "11", time.Now())
	for _, want := range []string{"ok", "known", "known"} {
		if status, answer, _ := (request{body: body}).send(t, base); status != http.StatusOK || answer != want {
			t.Fatalf("%d %s, want %s", status, answer, want)
		}
	}
	attempt := strings.Replace(body, `"attempt":1`, `"attempt":4`, 1)
	if _, answer, _ := (request{body: attempt}).send(t, base); answer != "known" {
		t.Errorf("another attempt of the same delivery: %s", answer)
	}
	for i, path := range []string{"/pipedrive", "/hooks/pipedrive"} { // a proxy may remove the path of url
		if _, answer, _ := (request{path: path, body: sent(fmt.Sprint("n-", i), "change", "user", "12", time.Now())}).send(t, base); answer != "ok" {
			t.Errorf("%s: %s", path, answer)
		}
	}
	if d := cmp.Diff([]string{"d-1 11", "n-0 12", "n-1 12"}, w.open("pipedrive")); d != "" {
		t.Error(d)
	}
}

// TestOneActionIsManyDeliveries: they have one correlation id.
func TestOneActionIsManyDeliveries(t *testing.T) {
	w := newWorld(t)
	base := w.serve(nil)
	for i := range 3 {
		if _, answer, _ := (request{body: sent(fmt.Sprint("d-", i), "change", "user", fmt.Sprint(i), time.Now())}).send(t, base); answer != "ok" {
			t.Error(answer)
		}
	}
	if got := w.open("pipedrive"); len(got) != 3 {
		t.Error(got)
	}
}

func TestWhatIsRefused(t *testing.T) {
	now := time.Now()
	good := sent("d-1", "change", "user", "11", now)
	w := newWorld(t)
	base := w.serve(nil)
	for name, c := range map[string]struct {
		request
		status int
		result string
		log    string // what the log says; "" nothing
	}{
		"unknown path":        {request{path: "/salesforce", body: good}, 404, "not_found", ""},
		"below a path":        {request{path: "/pipedrive/", body: good}, 404, "not_found", ""},
		"another letter case": {request{path: "/Pipedrive", body: good}, 404, "not_found", ""},
		"root":                {request{path: "/", body: good}, 404, "not_found", ""},
		"metrics":             {request{path: "/metrics", body: good}, 404, "not_found", ""},
		"dots":                {request{path: "/x/../pipedrive", body: good}, 404, "not_found", ""},
		"GET":                 {request{method: "GET"}, 405, "pipedrive bad", ""},
		"wrong password":      {request{password: "a guess of someone", body: good}, 401, "pipedrive unauthorized", "wrong or no credentials"},
		"wrong user":          {request{user: "admin", body: good}, 401, "pipedrive unauthorized", "compare username and password in [applications.pipedrive.receiver]"},
		"no credentials":      {request{user: "-", body: good}, 401, "pipedrive unauthorized", "wrong or no credentials"},
		"those of another":    {request{path: "/hr", body: good}, 401, "hr unauthorized", "application=hr"},
		"form":                {request{kind: "application/x-www-form-urlencoded", body: good}, 415, "pipedrive bad", "application/json only"},
		"compressed":          {request{header: map[string]string{"Content-Encoding": "gzip"}, body: good}, 415, "pipedrive bad", "no content encoding"},
		"huge":                {request{body: good + strings.Repeat(" ", 64<<10)}, 413, "pipedrive large", "larger than max_body_kib"},
		"not JSON":            {request{body: "hello"}, 400, "pipedrive bad", "the body is not JSON"},
		"no key":              {request{body: sent("d", "change", "user", "", now)}, 400, "pipedrive bad", "/meta/entity_id"},
		"old":                 {request{body: sent("d", "change", "user", "11", now.Add(-61*time.Minute))}, 403, "pipedrive old", "max_age of [receiver] is 1h0m0s"},
		"future":              {request{body: sent("d", "change", "user", "11", now.Add(10*time.Minute))}, 403, "pipedrive future", "compare the clock"},
		"ignored":             {request{body: sent("d", "merge", "user", "11", now)}, 200, "pipedrive ignored", ""},
		"unknown kind":        {request{body: sent("d", "archive", "user", "11", now)}, 200, "pipedrive unknown", "does not know this kind of change"},
		"unknown records":     {request{body: sent("d", "change", "deal", "11", now)}, 200, "pipedrive unknown", "does not know this kind of records"},
		"another version":     {request{body: strings.Replace(good, `"2.0"`, `"1.0"`, 1)}, 200, "pipedrive unknown", "at /meta/version stands something else"},
	} {
		t.Run(name, func(t *testing.T) {
			w.forget()
			status, answer, h, err := c.try(base)
			switch {
			case err != nil && c.status == http.StatusRequestEntityTooLarge && cutOff(err):
				// The sender was too slow for its answer; that it was judged so, the rest shows.
				status, h = c.status, http.Header{"Cache-Control": {"no-store"}}
			case err != nil:
				t.Fatal(err)
			}
			if status != c.status || w.count(c.result) != 1 {
				t.Errorf("%d %s, counted %v", status, answer, w.results)
			}
			if open := w.open("pipedrive"); len(open) > 0 {
				t.Errorf("it is stored: %v", open)
			}
			log := w.log.String()
			if c.log == "" && log != "" || !strings.Contains(log, c.log) {
				t.Errorf("log: %s", log)
			}
			for _, secret := range []string{password, c.request.password, "Ada", "Lovelace", "active_flag"} {
				if secret != "" && (strings.Contains(log, secret) || strings.Contains(answer, secret)) {
					t.Errorf("%q stands in the log or the answer: %s %s", secret, log, answer)
				}
			}
			if h.Get("Server") != "" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("header: %v", h)
			}
		})
	}
}

// cutOff reports whether the receiver closed before everything was sent: it waits half a
// second for what a sender still sends after a refusal, and a busy machine is slower.
func cutOff(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// TestAnswersTellNoNames: what there is, is not told to strangers.
func TestAnswersTellNoNames(t *testing.T) {
	w := newWorld(t)
	base := w.serve(nil)
	_, unknown, _ := request{path: "/nobody", user: "-"}.send(t, base)
	_, other, _ := request{path: "/hooks", user: "-"}.send(t, base)
	if unknown != "not found" || other != unknown {
		t.Errorf("%q, %q", unknown, other)
	}
}

// TestCredentialsComeBeforeTheBody: a stranger cannot make the receiver read
// anything.
func TestCredentialsComeBeforeTheBody(t *testing.T) {
	w := newWorld(t)
	read := &touched{}
	req := httptest.NewRequest(http.MethodPost, "/pipedrive", read)
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth("rollcall", "wrong")
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, req)
	if rec.Code != http.StatusUnauthorized || read.n > 0 {
		t.Errorf("%d after %d reads", rec.Code, read.n)
	}
}

// TestABodyThatSaysItIsTooLarge: nothing of it is read.
func TestABodyThatSaysItIsTooLarge(t *testing.T) {
	w := newWorld(t)
	read := &touched{}
	req := httptest.NewRequest(http.MethodPost, "/pipedrive", read)
	req.ContentLength = 1 << 40
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth("rollcall", password)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, req)
	if rec.Code != http.StatusRequestEntityTooLarge || read.n > 0 {
		t.Errorf("%d after %d reads", rec.Code, read.n)
	}
}

type touched struct{ n int }

func (r *touched) Read([]byte) (int, error) { r.n++; return 0, errors.New("read") }

// TestChunked: a body that does not say how long it is, is cut off too.
func TestChunked(t *testing.T) {
	w := newWorld(t)
	base := w.serve(nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/pipedrive", &endless{left: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("rollcall", password)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil { // the receiver may close before everything is sent
		until(t, "it is counted as too large", func() bool { return w.count("pipedrive large") == 1 })
		return
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Error(res.Status)
	}
}

type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, errors.New("nobody stopped this")
	}
	e.left -= len(p)
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestHMAC: the time in the header counts, and is part of what is signed.
func TestHMAC(t *testing.T) {
	auth := abi.ReceiverAuth{
		Kind: abi.ReceiverHMAC, Header: "X-Signature", Prefix: "v0=", Algorithm: "sha256", Encoding: "hex", Timestamp: "X-Time", Signed: "v0:{timestamp}:{body}",
	}
	w := newWorld(t)
	w.apps = append(w.apps, Application{
		Name: "acme", Secret: constant(password), Receiver: abi.Receiver{Path: "/events", Auth: auth, ID: "/id", Key: "/person", Endpoint: "people"},
	})
	base := w.serve(nil)
	try := func(id string, at time.Time, secret string) int {
		body, stamp := `{"id":"`+id+`","person":7}`, fmt.Sprint(at.Unix())
		status, _, _ := request{path: "/acme/events", user: "-", body: body, header: map[string]string{
			"X-Time": stamp, "X-Signature": "v0=" + sign(auth, secret, "v0:"+stamp+":"+body),
		}}.send(t, base)
		return status
	}
	got := []int{
		try("1", time.Now(), password), try("2", time.Now(), password+"x"), try("3", time.Now().Add(-2*time.Hour), password),
		try("4", time.Now().Add(time.Hour), password), try("1", time.Now(), password),
	}
	if !slices.Equal(got, []int{200, 401, 403, 403, 200}) {
		t.Error(got)
	}
	if open := w.open("acme"); !slices.Equal(open, []string{"1 7"}) {
		t.Error(open)
	}
}

// TestTheSameBodyAgain: where only the signed time tells one delivery from another,
// the same change a second time is another one.
func TestTheSameBodyAgain(t *testing.T) {
	auth := abi.ReceiverAuth{
		Kind: abi.ReceiverHMAC, Header: "X-Signature", Algorithm: "sha256", Encoding: "hex", Timestamp: "X-Time", Signed: "{timestamp}.{body}",
	}
	w := newWorld(t)
	w.apps = append(w.apps, Application{Name: "acme", Secret: constant(password), Receiver: abi.Receiver{Auth: auth, Key: "/person", Endpoint: "people"}})
	base := w.serve(nil)
	now, body := time.Now(), `{"person":7}`
	for _, at := range []time.Time{now, now, now.Add(time.Second)} {
		stamp := fmt.Sprint(at.Unix())
		status, _, _ := request{path: "/acme", user: "-", body: body, header: map[string]string{
			"X-Time": stamp, "X-Signature": sign(auth, password, stamp+"."+body),
		}}.send(t, base)
		if status != http.StatusOK {
			t.Error(status)
		}
	}
	if open := w.open("acme"); len(open) != 2 {
		t.Error(open)
	}
}

// TestTheConnectorDoesNotServe: what cannot be judged now is sent again later, and
// the log says why.
func TestTheConnectorDoesNotServe(t *testing.T) {
	w := newWorld(t)
	w.apps[0] = Application{Name: "pipedrive", Unserved: true}
	w.Check(t.Context())
	base := w.serve(nil)
	for _, path := range []string{"/pipedrive", "/hooks/pipedrive", "/pipedrive/v2/events"} {
		status, _, h := request{path: path, body: sent("d", "change", "user", "1", time.Now())}.send(t, base)
		if status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v", path, status, h)
		}
	}
	if status, _, _ := (request{path: "/pipedrives"}).send(t, base); status != http.StatusNotFound {
		t.Error(status)
	}
	if !strings.Contains(w.log.String(), "connector does not serve") || w.count("pipedrive unavailable") != 3 {
		t.Errorf("%s %v", w.log, w.results)
	}
}

// TestASecretThatCannotBeUsed: nobody gets in by a secret that can be guessed, and
// the application may try again later.
func TestASecretThatCannotBeUsed(t *testing.T) {
	for name, secret := range map[string]func(context.Context) (string, error){
		"short":      constant("hunter2"),
		"unreadable": func(context.Context) (string, error) { return "", errors.New("no such file") },
	} {
		w := newWorld(t)
		w.apps[0].Secret = secret
		base := w.serve(nil)
		status, _, h := request{password: "hunter2", body: sent("d", "change", "user", "1", time.Now())}.send(t, base)
		if status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" || strings.Contains(w.log.String(), "hunter2") {
			t.Errorf("%s: %d %v %s", name, status, h, w.log)
		}
		if status, _, _ := (request{path: "/hr", user: "hr", password: password + " of hr", body: sent("d", "change", "user", "1", time.Now())}).send(t, base); status != http.StatusOK {
			t.Errorf("%s: the other application is stopped too: %d", name, status)
		}
	}
}

// TestTheLogIsNotFlooded: a thousand guesses are one line.
func TestTheLogIsNotFlooded(t *testing.T) {
	w := newWorld(t)
	base := w.serve(nil)
	for range 20 {
		request{password: "wrong"}.send(t, base)
	}
	if n := strings.Count(w.log.String(), "\n"); n != 1 || w.count("pipedrive unauthorized") != 20 {
		t.Errorf("%d lines, %v", n, w.results)
	}
}

// slowStore cannot store before it is told.
type slowStore struct {
	Store
	free chan struct{}
	err  error
}

func (s *slowStore) KeepReceipts(ctx context.Context, b store.ReceiptBounds, list []store.NewReceipt) ([]store.Kept, error) {
	<-s.free
	if s.err != nil {
		return nil, s.err
	}
	return s.Store.KeepReceipts(ctx, b, list)
}

// TestTheStateIsBusy: the application is answered although the state is not free,
// not by a lie, and its repetition finds what was stored after all.
func TestTheStateIsBusy(t *testing.T) {
	slow := &slowStore{free: make(chan struct{})}
	w := newWorld(t, func(s *Settings) {
		slow.Store, s.Store = s.Store, slow
		s.limits.answer = 100 * time.Millisecond
	})
	base := w.serve(nil)
	body := sent("d-1", "change", "user", "11", time.Now())
	status, _, h := request{body: body}.send(t, base)
	if status != http.StatusServiceUnavailable || h.Get("Retry-After") != "5" || w.count("pipedrive unavailable") != 1 {
		t.Fatalf("%d %v", status, h)
	}
	close(slow.free)
	w.limits.answer = time.Minute
	if status, _, _ := (request{body: body}).send(t, base); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	if open := w.open("pipedrive"); !slices.Equal(open, []string{"d-1 11"}) {
		t.Error(open)
	}
}

// TestTheStateFails: whoever is not stored is not told otherwise.
func TestTheStateFails(t *testing.T) {
	slow := &slowStore{free: make(chan struct{}), err: errors.New("the disk is full")}
	close(slow.free)
	w := newWorld(t, func(s *Settings) { s.Store = slow })
	status, _, _ := request{body: sent("d-1", "change", "user", "11", time.Now())}.send(t, w.serve(nil))
	if status != http.StatusServiceUnavailable || !strings.Contains(w.log.String(), "the disk is full") {
		t.Errorf("%d %s", status, w.log)
	}
}

// TestAThousandAtOnce: each of them is stored, and each is in a run.
func TestAThousandAtOnce(t *testing.T) {
	const many = 1000
	w := newWorld(t)
	base := w.serve(nil)
	w.work()
	var seen sync.Map
	w.runs.set(func(_ context.Context, _ string, keys []ident.Key) error {
		for _, k := range keys {
			seen.Store(string(k), true)
		}
		return nil
	})
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 200, MaxIdleConnsPerHost: 200}}
	defer client.CloseIdleConnections()
	var senders sync.WaitGroup
	var slowest time.Duration
	var mu sync.Mutex
	for i := range many {
		senders.Go(func() {
			body := sent(fmt.Sprint("d-", i), "change", "user", fmt.Sprint(i), time.Now())
			began := time.Now()
			status, answer, _, err := request{body: body, client: client}.try(base)
			if err != nil || status != http.StatusOK || answer != "ok" {
				t.Errorf("%d: %d %s %v", i, status, answer, err)
			}
			mu.Lock()
			defer mu.Unlock()
			slowest = max(slowest, time.Since(began))
		})
	}
	senders.Wait()
	t.Logf("the slowest of %d was answered after %s, in its queue included", many, slowest)
	until(t, "everybody is in a run", func() bool {
		n := 0
		seen.Range(func(any, any) bool { n++; return true })
		return n == many
	})
	until(t, "all are ended", func() bool { return len(w.open("pipedrive")) == 0 })
}
