package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func TestFetchDeliversWhatIsKept(t *testing.T) {
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Token") != "secret-api-token" || r.URL.Path != "/users" || r.UserAgent() != "rollcall/dev" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"success":true,"data":[{"id":9007199254740993,"name":"Ada","x":1},{"id":"b","name":null},{"name":"none"}]}`)
	}))
	got, report, err := f.fetch(t.Context(), "", func(c *abi.FetchCall) { c.Keep = []string{"name"} })
	if err != nil {
		t.Fatal(err)
	}
	want := []host.Record{
		{Key: "9007199254740993", Number: "9007199254740993", Fields: map[string]any{"name": "Ada"}},
		{Key: "b", Fields: map[string]any{"name": nil}},
		{Problem: "the record has no /id", Place: "record /data/2 of answer 1", Fields: map[string]any{"name": "none"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if report.Records != 3 || report.Requests != 1 || report.Bytes == 0 || report.Memory == 0 {
		t.Errorf("report %+v", report)
	}
	if _, err := f.conn.Check(t.Context(), f.app, nil); err == nil || asCallError(t, err).Kind != abi.KindAuth {
		t.Errorf("check against /me: %v, want auth", err)
	}
}

// TestAFaultInARecord checks that a faulty record is reported with its place,
// in the second answer or in records that the connector made itself, and that
// the other records of the page arrive.
func TestAFaultInARecord(t *testing.T) {
	pages := map[string]string{
		"":  `{"data":[{"id":1},{"id":2,"name":"Bo"}],"next":"b"}`,
		"b": `{"data":[{"id":3},{"id":4,"name":"\ud83d","x":1},{"id":"\ud83d"},{"id":5,"x":"\ud83d"}],"next":null,"x":"\ud83d"}`,
	}
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, pages[r.URL.Query().Get("c")])
	}))
	got, _, err := f.fetch(t.Context(), "", func(c *abi.FetchCall) {
		c.Keep = []string{"id", "name"}
		c.Endpoint.Repeat = abi.Repeat{Style: abi.RepeatCursor, Param: "c", Next: "/next"}
	})
	if err != nil || len(got) != 6 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	n := func(s string) map[string]any { return map[string]any{"id": json.Number(s)} }
	want := []host.Record{
		{Key: "4", Number: "4", Problem: "/name has a fault: half of a surrogate pair at byte 34", Place: "record /data/1 of answer 2", Fields: n("4")},
		{Problem: "the key /id has a fault: half of a surrogate pair at byte 56", Place: "record /data/2 of answer 2", Fields: map[string]any{}},
		{Key: "5", Number: "5", Fields: n("5")},
	}
	if d := cmp.Diff(want, got[3:]); d != "" {
		t.Error(d)
	}
}

func TestSinkErrorIsReturned(t *testing.T) {
	f := share(t, answer(`{"data":[{"id":1},{"id":2}]}`))
	full := errors.New("disk full")
	e, _ := f.conn.Manifest().Endpoint("users")
	n := 0
	_, err := f.conn.Fetch(t.Context(), f.app, abi.FetchCall{Endpoint: e}, func(host.Record) error {
		n++
		return full
	})
	if !errors.Is(err, full) || n != 1 {
		t.Errorf("error %v after %d records", err, n)
	}
}

// TestAnswersAreToldApart checks how a connector without its own classifier
// judges an application's answers.
func TestAnswersAreToldApart(t *testing.T) {
	cases := map[string]struct {
		status int
		kind   string
		body   string
		want   abi.Kind
		text   string
	}{
		"401":       {401, "application/json", `{"error":"token"}`, abi.KindAuth, `answered 401: {"error":"token"}`},
		"403":       {403, "application/json", `{}`, abi.KindForbidden, "answered 403"},
		"403 html":  {403, "text/html", "<html>Access denied", abi.KindBlocked, "HTML page"},
		"404":       {404, "text/plain", "no", abi.KindConfig, "answered 404: no"},
		"429":       {429, "", "", abi.KindRateLimited, "answered 429"},
		"500":       {500, "", "", abi.KindUnavailable, "answered 500"},
		"html":      {200, "text/html", "<!DOCTYPE html><p>", abi.KindBadResponse, "page of HTML"},
		"empty":     {200, "", "", abi.KindBadResponse, "the body is empty"},
		"truncated": {200, "application/json", `{"data":[{"id":1},`, abi.KindBadResponse, "at byte 18: the text ends in the middle"},
		"null":      {200, "application/json", `{"data":null}`, abi.KindBadResponse, `at "/data" is null`},
		"object":    {200, "application/json", `{"data":{"a":1}}`, abi.KindBadResponse, `at "/data" is an object`},
		"missing":   {200, "application/json", `{"success":false}`, abi.KindBadResponse, `nothing at "/data"`},
		"after":     {200, "application/json", `{"data":[{"id":1}]} x`, abi.KindBadResponse, "at byte 20"},
		"twice":     {200, "application/json", `{"data":[{"id":1}],"data":[]}`, abi.KindBadResponse, "occurs twice"},
		"plain":     {200, "text/csv", "id,name", abi.KindBadResponse, "text/csv"},
	}
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := cases[r.URL.Query().Get("case")]
		w.Header().Set("Content-Type", c.kind)
		w.WriteHeader(c.status)
		fmt.Fprint(w, c.body)
	}))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := f.fetch(t.Context(), "", func(call *abi.FetchCall) {
				call.Retry.Attempts = 1
				call.Endpoint.Params = map[string]string{"case": name}
			})
			e := asCallError(t, err)
			if e.Kind != c.want || e.Status != c.status || !strings.Contains(e.Message, c.text) || e.Next == "" {
				t.Errorf("kind %s status %d: %s", e.Kind, e.Status, e.Message)
			}
		})
	}
}

func TestRetriesWaitAsHeadersSay(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	f := start(t, host.Settings{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 1:
			w.Header().Set("X-RateLimit-Reset", "0.2")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.WriteHeader(http.StatusBadGateway)
		case 3:
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			fmt.Fprint(w, `{"data":[]}`)
		}
	}))
	_, report, err := f.fetch(t.Context(), "", func(c *abi.FetchCall) { c.Retry.MaxWaitMS = 10_000 })
	if e := asCallError(t, err); e.Kind != abi.KindRateLimited || !strings.Contains(e.Message, "asks to wait 1h0m0s") {
		t.Errorf("%s: %s", e.Kind, e.Message)
	}
	if report.Requests != 3 || report.Waited < 450*time.Millisecond {
		t.Errorf("%d requests, waited %s", report.Requests, report.Waited)
	}
}

// TestGuestsThatMisbehave stops each one in time, says why, and then runs a
// call that works in the same host.
func TestGuestsThatMisbehave(t *testing.T) {
	server := answer(`{"data":[{"id":1}]}`)
	patient := start(t, host.Settings{CallTimeout: soak.Patience, MemoryMiB: 32}, server)
	brief := start(t, host.Settings{CallTimeout: time.Second, MemoryMiB: 32}, server)
	cases := []struct {
		do, text string
		kind     abi.Kind
		endless  bool
	}{
		{"loop", "ran for more than 1s", abi.KindInternal, true},
		{"chatter", "ran for more than 1s", abi.KindInternal, true},
		{"sleep", "ran for more than 1s", abi.KindInternal, true},
		{"panic", "panic: assignment to entry in nil map", abi.KindInternal, false},
		{"exit", "exit status 3", abi.KindInternal, false},
		{"deadlock", "deadlock", abi.KindInternal, false},
		{"grow", "out of memory", abi.KindInternal, false},
		{"silent-failure", "no access second line eu", abi.KindForbidden, false},
		{"leak", "64 responses are open", abi.KindInternal, false},
	}
	for _, c := range cases {
		t.Run(c.do, func(t *testing.T) {
			f := patient
			if c.endless {
				t.Parallel()
				f = brief
			}
			_, _, err := f.fetch(t.Context(), c.do, nil)
			if e := asCallError(t, err); e.Kind != c.kind || !strings.Contains(e.Message, c.text) {
				t.Errorf("%s: %s", e.Kind, e.Message)
			}
			soak.Await(t, "the next call is done in its time", func() bool {
				got, _, err := f.fetch(t.Context(), "", nil)
				if err == nil && len(got) != 1 || err != nil && !c.endless {
					t.Fatalf("the next call: %d records, %v", len(got), err)
				}
				return err == nil
			})
		})
	}
}

func TestLogFloodIsCapped(t *testing.T) {
	f := start(t, host.Settings{}, answer(`{}`))
	if _, _, err := f.fetch(t.Context(), "flood", nil); err != nil {
		t.Fatal(err)
	}
	lines := f.log.all()
	if len(lines) != abi.MaxLogLines+1 || !strings.Contains(lines[len(lines)-1], "logs too much") {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	f := start(t, host.Settings{FetchTimeout: soak.Patience}, answer(`{"data":[]}`))
	_, _, err := f.fetch(t.Context(), "wait", nil)
	if e := asCallError(t, err); !strings.Contains(e.Message, "longer than the call may") {
		t.Error(e.Message)
	}
	brief := start(t, host.Settings{FetchTimeout: time.Second, CallTimeout: soak.Patience}, answer(`{"data":[]}`))
	_, _, err = brief.fetch(t.Context(), "loop", nil)
	if e := asCallError(t, err); e.Kind != abi.KindUnavailable || !strings.Contains(e.Message, "did not end within 1s") {
		t.Errorf("%s: %s", e.Kind, e.Message)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := f.fetch(ctx, "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled fetch: %v", err)
	}
}

func TestSlowServer(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	f := start(t, host.Settings{CallTimeout: limit}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}))
	defer close(done)
	_, _, err := f.fetch(t.Context(), "", func(c *abi.FetchCall) { c.Retry.Attempts = 1 })
	if e := asCallError(t, err); e.Kind != abi.KindUnavailable || !strings.Contains(e.Message, "no complete answer within 5s") {
		t.Errorf("%s: %s", e.Kind, e.Message)
	}
}

// TestBrokenDeliveryNeverCounts: a guest that ignores a failed emit does not
// turn half an answer into a whole one.
func TestBrokenDeliveryNeverCounts(t *testing.T) {
	f := share(t, answer(`{"data":[{"id":1},{"id":2}`))
	got, _, err := f.fetch(t.Context(), "ignore-emit", nil)
	if e := asCallError(t, err); e.Kind != abi.KindBadResponse || len(got) != 2 {
		t.Errorf("%d records, %s: %s", len(got), e.Kind, e.Message)
	}
}

func TestWhatAConnectorSees(t *testing.T) {
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", "token is secret-api-token")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, r.Header, body)
	}))
	t.Setenv("ROLLCALL_TEST_SECRET", "x")
	f.app.Settings = map[string]any{"limit": int64(7)}
	got, _, err := f.fetch(t.Context(), "look", nil)
	if err != nil {
		t.Fatal(err)
	}
	fields := got[0].Fields
	text, _ := fields["text"].(string)
	for _, want := range []string{"POST /echo?a=1&b=2+3", "X-Mine:[yes]", `{"q":1}`, "X-Api-Token:[****************]"} {
		if !strings.Contains(text, want) {
			t.Errorf("the body has no %q: %s", want, text)
		}
	}
	delete(fields, "text")
	want := map[string]any{
		"id": json.Number("1"), "status": json.Number("418"), "header": "token is ****************", "none": "",
		"application": "app", "region": "eu", "limit": "7", "env": []any{}, "args": json.Number("0"),
	}
	if d := cmp.Diff(want, fields); d != "" {
		t.Error(d)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	f := share(t, answer(`{}`))
	for name, set := range map[string]map[string]any{
		"unknown": {"nope": 1}, "type": {"limit": "many"},
	} {
		f.app.Settings = set
		_, _, err := f.fetch(t.Context(), "", nil)
		if e := asCallError(t, err); e.Kind != abi.KindConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyRequestsStayInMemory(t *testing.T) {
	t.Parallel()
	f := start(t, host.Settings{}, answer(`{"success":"yes","pad":"`+strings.Repeat("x", 60<<10)+`"}`))
	_, report, err := f.fetch(t.Context(), "many", nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Requests != 1_000 || report.Memory > 32<<20 {
		t.Errorf("%d requests, %d bytes of memory", report.Requests, report.Memory)
	}
}
