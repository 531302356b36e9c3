package host_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// scripted gives the answers in its list one after the other, and remembers the
// requests.
type scripted struct {
	mu      sync.Mutex
	answers []string // "status body", or "cut"
	asked   []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, strings.TrimSpace(fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", string(body))))
	next := s.answers[min(len(s.asked), len(s.answers))-1]
	s.mu.Unlock()
	if next == "cut" {
		panic(http.ErrAbortHandler)
	}
	var status int
	_, _ = fmt.Sscan(next, &status)
	_, text, _ := strings.Cut(next, " ")
	w.Header().Set("X-Seen", "secret-api-token")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func (s *scripted) reset(answers ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers, s.asked = answers, nil
}

func (s *scripted) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func TestInvoke(t *testing.T) {
	create := abi.Webhook{Name: "create", Path: "/people", Params: map[string]string{"v": "1"}, Body: `{"mail":"a"}`, LinkKey: "/data/id"}
	verified := create
	verified.Verify = &abi.Verify{Path: "/people/search", Params: map[string]string{"mail": "a"}, Found: "/items/0/id"}
	exists := verified
	exists.Verify = &abi.Verify{Path: "/people/a"}
	searched := create
	searched.Verify = &abi.Verify{Path: "/find", Records: "/data", Match: map[string]string{"/mail": "a"}, Found: "/id", Always: true}
	unlinked := searched
	unlinked.LinkKey = ""
	put := abi.Webhook{Name: "put", Method: "PUT", Path: "/people/1", Body: "{}", Repeatable: true}
	named := func(name string) abi.Webhook { w := create; w.Name = name; return w }
	const post, look, peek, find = `POST /people?v=1 {"mail":"a"}`, "GET /people/search?mail=a", "GET /people/a", "GET /find"
	cases := map[string]struct {
		webhook abi.Webhook
		again   bool
		answers []string
		asked   []string
		key     string
		kind    abi.Kind
		sent    bool
		fails   string
	}{
		"a create":                      {webhook: create, answers: []string{`201 {"data":{"id":9007199254740993}}`}, asked: []string{post}, key: "9007199254740993"},
		"a key as text":                 {webhook: create, answers: []string{`200 {"data":{"id":"\u00e4"}}`}, asked: []string{post}, key: "ä"},
		"no key":                        {webhook: create, answers: []string{`200 {"data":{}}`}, asked: []string{post}, fails: "no key at link_key", kind: abi.KindBadResponse, sent: true},
		"null key":                      {webhook: create, answers: []string{`200 {"data":{"id":null}}`}, asked: []string{post}, fails: "neither text nor a number", kind: abi.KindBadResponse, sent: true},
		"a create is not repeated":      {webhook: create, answers: []string{"503 x"}, asked: []string{post}, fails: "answered 503", kind: abi.KindUnavailable, sent: true},
		"nor when its answer is lost":   {webhook: create, answers: []string{"cut"}, asked: []string{post}, fails: "closed", kind: abi.KindUnavailable, sent: true},
		"what was refused is":           {webhook: create, answers: []string{"429 x", `201 {"data":{"id":1}}`}, asked: []string{post, post}, key: "1"},
		"refused for good":              {webhook: create, answers: []string{"422 wrong"}, asked: []string{post}, fails: "422: wrong", kind: abi.KindBadResponse},
		"a put is repeated":             {webhook: put, answers: []string{"503 x", "cut", "204 "}, asked: []string{"PUT /people/1 {}", "PUT /people/1 {}", "PUT /people/1 {}"}},
		"verified: it is there":         {webhook: verified, answers: []string{"cut", `200 {"items":[{"id":7}]}`}, asked: []string{post, look}, key: "7"},
		"verified: it is not there":     {webhook: verified, answers: []string{"500 x", `200 {"items":[]}`, `201 {"data":{"id":8}}`}, asked: []string{post, look, post}, key: "8"},
		"an own answer has its own key": {webhook: verified, answers: []string{`201 {"data":{"id":8},"items":[{"id":9}]}`}, asked: []string{post}, key: "8"},
		"again: it is there":            {webhook: verified, again: true, answers: []string{`200 {"items":[{"id":7}]}`}, asked: []string{look}, key: "7"},
		"again: it is not there":        {webhook: verified, again: true, answers: []string{`200 {"items":[{"id":null}]}`, `201 {"data":{"id":8}}`}, asked: []string{look, post}, key: "8"},
		"again: cannot be told":         {webhook: verified, again: true, answers: []string{"403 no"}, asked: []string{look}, fails: "answered 403", kind: abi.KindForbidden},
		"again without a verify":        {webhook: create, again: true, answers: []string{`201 {"data":{"id":8}}`}, asked: []string{post}, key: "8"},
		"exists":                        {webhook: exists, again: true, answers: []string{`200 {"data":{"id":5}}`}, asked: []string{peek}, key: "5"},
		"does not exist":                {webhook: exists, again: true, answers: []string{"404 x", `201 {"data":{"id":6}}`}, asked: []string{peek, post}, key: "6"},
		"no answer given":               {webhook: named("silent"), answers: []string{"200 x"}, fails: "gave no answer", kind: abi.KindInternal},
		"the last answer counts":        {webhook: named("replace"), answers: []string{`200 {"data":{"id":1}}`, `200 {"data":{"id":2}}`, `200 {"data":{"id":3}}`}, asked: []string{post, post, post}, key: "3"},
		"looks first: it is there":      {webhook: searched, answers: []string{`200 {"data":[{"id":6,"mail":"aa"},{"id":7,"mail":"A"}]}`}, asked: []string{find}, key: "7"},
		"looks first: it is not there":  {webhook: searched, answers: []string{`200 {"data":[{"id":6,"mail":"aa"}]}`, `201 {"data":{"id":8}}`}, asked: []string{find, post}, key: "8"},
		"looks first: cannot be told":   {webhook: searched, answers: []string{`200 {"users":[]}`}, asked: []string{find}, fails: "no candidates", kind: abi.KindBadResponse},
		"looks first: no id":            {webhook: searched, answers: []string{`200 {"data":[{"mail":"a"}]}`, `201 {"data":{"id":8}}`}, asked: []string{find, post}, key: "8"},
		"found, and not linked":         {webhook: unlinked, answers: []string{`200 {"data":[{"id":7,"mail":"A"}]}`}, asked: []string{find}},
		"a number is one key":           {webhook: named("replace"), answers: []string{`200 {"data":{"id":1}}`, `200 {"data":{"id":2}}`, `200 {"data":{"id":1.2e1}}`}, asked: []string{post, post, post}, key: "12"},
		"neither path nor url":          {webhook: abi.Webhook{Name: "x"}, answers: []string{"200 x"}, fails: "exactly one of path and url", kind: abi.KindConfig},
	}
	s := &scripted{}
	f := share(t, s)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s.reset(c.answers...)
			got, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: c.webhook, Again: c.again, Retry: abi.RetryLimits{Attempts: 3, MaxWaitMS: 20}})
			if d := cmp.Diff(c.asked, s.requests()); d != "" {
				t.Error(d)
			}
			if c.fails != "" {
				if e := asCallError(t, err); !strings.Contains(e.Message, c.fails) || e.Kind != c.kind || e.Sent != c.sent || e.Function != "invoke" {
					t.Errorf("%s, sent %v: %v", e.Kind, e.Sent, e)
				}
				return
			}
			if err != nil || got.LinkKey != c.key || got.Requests != len(c.asked) || got.Took == 0 || got.Header.Get("X-Seen") != "****************" {
				t.Errorf("%+v, %v", got, err)
			}
			last := c.answers[len(c.answers)-1]
			if want := fmt.Sprint(got.Status, " ", string(got.Body)); want != last || got.Size != int64(len(got.Body)) {
				t.Errorf("answer %q, want %q", want, last)
			}
		})
	}
}

func TestLargeAnswersAreCutNotHeld(t *testing.T) {
	f := share(t, answer(`{"pad":"`+strings.Repeat("x", 5<<20)+`","data":{"id":"end"}}`))
	got, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "w", Path: "/x", LinkKey: "/data/id"}})
	if err != nil || len(got.Body) != host.MaxAnswer || got.Size < 5<<20 || got.LinkKey != "end" {
		t.Errorf("%d bytes of %d, key %q, %v", len(got.Body), got.Size, got.LinkKey, err)
	}
}

const changesBody = `{"users":{"17":{"a":1},"18":{"id":"own"}},"more":{"list":[{"user":{"id":3}},{}]}}`

func TestEveryKindOfDelivery(t *testing.T) {
	var since []string
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		since = append(since, r.URL.Query().Get("since"))
		_, _ = io.WriteString(w, changesBody)
	}))
	records, report, err := f.fetch(t.Context(), "changes", func(c *abi.FetchCall) { c.Cursor, c.Keep = "last", []string{"a", "photo"} })
	if err != nil {
		t.Fatal(err)
	}
	photo := records[len(records)-1].Fields["photo"]
	records[len(records)-1].Fields = nil
	want := []host.Record{
		{Key: "17", Fields: map[string]any{"a": records[0].Fields["a"]}},
		{Key: "own", Fields: map[string]any{}},
		{Key: "3", Number: "3", Fields: map[string]any{}},
		{Problem: `the element has nothing at "/user"`, Place: "record /more/list/1/user of answer 1"},
		{Key: "gone", Deleted: true},
		{Key: "17", Partial: true},
	}
	if d := cmp.Diff(want, records); d != "" || fmt.Sprint(records[0].Fields["a"]) != "1" {
		t.Error(d)
	}
	if text, _ := photo.(string); len(text) != (len(changesBody)+2)/3*4 || !strings.HasPrefix(text, "eyJ1c2Vycy") {
		t.Errorf("attachment %q", photo)
	}
	if want := fmt.Sprint("last+", len(changesBody)); report.Cursor != want || report.Records != 6 || since[0] != "last" {
		t.Errorf("cursor %q, want %q; %d records", report.Cursor, want, report.Records)
	}
	// What nobody needs is not kept; that there was a part is.
	records, _, err = f.fetch(t.Context(), "changes", func(c *abi.FetchCall) { c.Keep = []string{"a"} })
	if last := records[len(records)-1]; err != nil || len(last.Fields) > 0 || last.Key != "17" || !last.Partial {
		t.Errorf("an attachment that nobody needs: %v, %v", last, err)
	}
	_, report, err = f.fetch(t.Context(), "changes", func(c *abi.FetchCall) { c.Endpoint.Params["fail"] = "yes" })
	if asCallError(t, err).Kind != abi.KindUnavailable || report.Cursor != "" {
		t.Errorf("a fetch that failed has cursor %q", report.Cursor)
	}
}

// TestCallsWithinCalls: a sink that calls the same connector, and calls at the
// same time, do not see each other's handles, records or answers.
func TestCallsWithinCalls(t *testing.T) {
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"data":[{"id":%q},{"id":2}]}`, r.Method+r.URL.Query().Get("n"))
	}))
	e, _ := f.conn.Manifest().Endpoint("users")
	var fetch func(depth int, n string) error
	fetch = func(depth int, n string) error {
		e := e
		e.Params = map[string]string{"n": n}
		var keys []string
		_, err := f.conn.Fetch(t.Context(), f.app, abi.FetchCall{Endpoint: e}, func(r host.Record) error {
			keys = append(keys, r.Key)
			if depth == 0 {
				return nil
			}
			if _, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "w", Path: "/x"}}); err != nil {
				return err
			}
			return fetch(depth-1, n+"x")
		})
		if err == nil && !slices.Equal(keys, []string{"GET" + n, "2"}) {
			err = fmt.Errorf("keys %q of %s", keys, n)
		}
		return err
	}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			if err := fetch(i%3, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestHowLongToWait: a call that failed says how long the application is to be left
// alone, as its answer asks, within bounds; one that the host keeps back says when
// there is room.
func TestHowLongToWait(t *testing.T) {
	w := abi.Webhook{Name: "put", Method: "PUT", Path: "/people/1", Body: "{}"}
	for name, c := range map[string]struct {
		status int
		header string
		asked  time.Duration
	}{
		"seconds":                {429, "Retry-After: 90", 90 * time.Second},
		"a date":                 {503, "Retry-After: Fri, 31 Dec 1999 23:01:30 GMT\nDate: Fri, 31 Dec 1999 23:00:00 GMT", 90 * time.Second},
		"a reset":                {429, "X-RateLimit-Reset: 90", 90 * time.Second},
		"for ever":               {429, "Retry-After: 315360000", time.Hour},
		"nonsense":               {429, "Retry-After: soon", 0},
		"none":                   {503, "", 0},
		"not a status that asks": {400, "Retry-After: 90", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := share(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for line := range strings.Lines(c.header) {
					k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
			}))
			began := time.Now()
			_, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: w, Retry: abi.RetryLimits{Attempts: 1, MaxWaitMS: 20}})
			if e := asCallError(t, err); !remains(e.After, c.asked, began) || e.Status != c.status {
				t.Errorf("status %d, after %s: %v", e.Status, e.After, e)
			}
		})
	}
	f := share(t, answer(`{}`))
	f.app.RateLimit = "1/1h"
	call, began := abi.InvokeCall{Webhook: w}, time.Now()
	if _, err := f.conn.Invoke(t.Context(), f.app, call); err != nil {
		t.Fatal(err)
	}
	_, err := f.conn.Invoke(t.Context(), f.app, call)
	if e := asCallError(t, err); !remains(e.After, time.Hour, began) || e.Status != 0 || e.Sent || e.Kind != abi.KindRateLimited {
		t.Errorf("%s, status %d, sent %t, after %s: %v", e.Kind, e.Status, e.Sent, e.After, e)
	}
}

// remains reports whether a wait is what can be left of the whole, which was not asked
// for before the test began to count.
func remains(wait, whole time.Duration, began time.Time) bool {
	return wait <= whole && wait >= max(0, whole-time.Since(began))
}
