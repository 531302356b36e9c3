package host_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// stars stand for the fixture's secret.
const stars = "****************"

// brief is an exchange as the scripted server notes a request.
func brief(x host.Exchange) string {
	u, err := url.Parse(x.URL)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(fmt.Sprint(x.Method, " ", u.RequestURI(), " ", x.Body))
}

// watched collects the requests of the fixture's calls.
func (f *fixture) watched() *[]host.Exchange {
	var seen []host.Exchange
	f.app.Watch = func(x host.Exchange) { seen = append(seen, x) }
	return &seen
}

// TestRequestsAreShown: who watches a call sees each request as it arrived, with
// its answer, and no secret of either.
func TestRequestsAreShown(t *testing.T) {
	s := &scripted{}
	f := share(t, s)
	s.reset("429 x", `201 {"data":{"id":1},"token":"secret-api-token"}`)
	seen := f.watched()
	w := abi.Webhook{Name: "create", Path: "/people", Params: map[string]string{"v": "1", "t": "secret-api-token"}, Body: `{"mail":"a"}`, LinkKey: "/data/id"}
	if _, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: w, Retry: abi.RetryLimits{Attempts: 2, MaxWaitMS: 20}}); err != nil {
		t.Fatal(err)
	}
	post := "POST /people?t=" + stars + `&v=1 {"mail":"a"}`
	var got []string
	for _, x := range *seen {
		got = append(got, fmt.Sprint(brief(x), " -> ", x.Status, " ", x.AnswerBody))
		want := http.Header{"Content-Type": {"application/json"}, "User-Agent": x.Header["User-Agent"], "X-Api-Token": {"***"}}
		if d := cmp.Diff(want, x.Header); d != "" || x.Answer.Get("X-Seen") != stars || x.Unauthorized || x.Took == 0 || x.BodySize != 12 {
			t.Errorf("%s%+v", d, x)
		}
	}
	if d := cmp.Diff([]string{post + " -> 429 x", post + ` -> 201 {"data":{"id":1},"token":"` + stars + `"}`}, got); d != "" {
		t.Error(d)
	}
}

// TestEveryHopIsShown: a redirect and a connection that breaks are part of it. A
// redirect may repeat a secret too.
func TestEveryHopIsShown(t *testing.T) {
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			w.Header().Set("Location", "/new?t="+r.Header.Get("X-Api-Token"))
			w.Header().Set("X-Echo-"+r.Header.Get("X-Api-Token"), "x")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	seen := f.watched()
	_, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "w", Path: "/old", Body: "{}"}, Retry: abi.RetryLimits{Attempts: 1}})
	if e := asCallError(t, err); e.Kind != abi.KindUnavailable || len(*seen) != 2 || strings.Contains(e.Next, "run") {
		t.Fatalf("%v, %+v", err, *seen)
	}
	first, last := (*seen)[0], (*seen)[1]
	if first.Status != 307 || brief(first) != "POST /old {}" || brief(last) != "POST /new?t="+stars+" {}" || !strings.Contains(last.Problem, "closed in the middle") {
		t.Errorf("%+v", *seen)
	}
	if to := first.Answer.Get("Location"); to != "/new?t="+stars || strings.Contains(strings.ToLower(fmt.Sprint(*seen)), "secret-api-token") {
		t.Errorf("the answer of a redirect: %v", first.Answer)
	}
}

// TestRehearse: the requests of a webhook are the same to the byte as those that
// a call sends, and nothing arrives.
func TestRehearse(t *testing.T) {
	create := abi.Webhook{
		Name: "create", Path: "/people", Params: map[string]string{"v": "1 2"}, Headers: map[string]string{"X-Own": "ü"}, Body: `{"mail":"a"}`,
		LinkKey: "/data/id",
	}
	searched := create
	searched.Verify = &abi.Verify{Path: "/find", Params: map[string]string{"q": "a"}, Records: "/data", Match: map[string]string{"/mail": "a"}, Found: "/id", Always: true}
	form := abi.Webhook{Name: "form", Method: "PUT", Path: "/people/1", MessageType: abi.MessageForm, Body: "a=1"}
	for name, w := range map[string]abi.Webhook{"create": create, "looks first": searched, "form": form, "no body": {Name: "x", Method: "DELETE", Path: "/people/1"}} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{}
			f := share(t, s)
			s.reset("500 x")
			got, err := f.conn.Rehearse(t.Context(), f.app, abi.InvokeCall{Webhook: w})
			if err != nil || len(s.requests()) > 0 || !got.Exact() || !got.Whole.Unauthorized || got.Requests[0].Header.Get("X-Api-Token") != "" {
				t.Fatalf("%+v, %v; %q arrived", got, err, s.requests())
			}
			rehearsed := got.Requests[:1]
			s.reset(`200 {"data":{"id":1}}`)
			if w.Verify != nil {
				rehearsed = []host.Exchange{*got.Verify, got.Requests[0]}
				s.reset(`200 {"data":[]}`, `200 {"data":{"id":1}}`)
			} else if got.Verify != nil {
				t.Errorf("a verify that nobody asks for: %+v", got.Verify)
			}
			sent := f.watched()
			if _, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: w}); err != nil {
				t.Fatal(err)
			}
			for i, x := range *sent {
				x.Header.Del("X-Api-Token")
				was := rehearsed[i]
				if d := cmp.Diff(was.Header, x.Header); d != "" || brief(was) != brief(x) || was.URL != x.URL {
					t.Errorf("%s%s instead of %s", d, brief(x), brief(was))
				}
			}
		})
	}
}

// TestRehearsalOfWhatCannotBeSent is refused with the reason of a real call, and
// counts as no call.
func TestRehearsalOfWhatCannotBeSent(t *testing.T) {
	s := &scripted{}
	s.reset("200 x")
	f := share(t, s)
	for want, w := range map[string]abi.Webhook{
		"Guest cannot delete a user: the API has no such call": {Name: "w", Method: "DELETE", Path: "/users/7"},
		"exactly one of path and url must be set":              {Name: "w"},
		"host elsewhere.test is not one that the connector":    {Name: "w", URL: "https://elsewhere.test/x"},
	} {
		_, err := f.conn.Rehearse(t.Context(), f.app, abi.InvokeCall{Webhook: w})
		if e := asCallError(t, err); !strings.Contains(e.Message, want) {
			t.Errorf("%v, want %s", e, want)
		}
	}
	if len(s.requests()) > 0 {
		t.Errorf("%q arrived", s.requests())
	}
}
