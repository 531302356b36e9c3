package sdktest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

var pages = sdk.Connector{Fetch: func(c *sdk.Call) error { return sdk.Pages(c, nil) }}

// serve answers each request by its URL, and remembers what was asked.
func serve(t *testing.T, answers map[string]string) (*sdktest.Host, *[]string) {
	t.Helper()
	var asked []string
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		text, ok := answers[r.URL.RequestURI()]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		head, body, _ := strings.Cut(text, "|")
		if head != "" {
			w.Header().Set("Link", strings.ReplaceAll(head, "HOST", srv.URL))
		}
		fmt.Fprint(w, strings.ReplaceAll(body, "HOST", srv.URL))
	}))
	t.Cleanup(srv.Close)
	return &sdktest.Host{URL: srv.URL}, &asked
}

func list(n, from int) string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf(`{"id":%d}`, from+i))
	}
	return "[" + strings.Join(ids, ",") + "]"
}

func TestPagingStyles(t *testing.T) {
	zero := 0
	cases := map[string]struct {
		repeat  abi.Repeat
		params  map[string]string
		answers map[string]string
		records int
		fails   string
	}{
		"none":               {abi.Repeat{}, nil, map[string]string{"/u": `|{"data":[{"id":1}]}`}, 1, ""},
		"cursor":             {abi.Repeat{Style: "cursor", Param: "c", Next: "/next", LimitParam: "n", Limit: 2}, map[string]string{"q": "x"}, map[string]string{"/u?n=2&q=x": `|{"data":[{"id":1}],"next":"a b"}`, "/u?c=a+b&n=2&q=x": `|{"data":[],"next":7}`, "/u?c=7&n=2&q=x": `|{"data":[{"id":2}],"next":null}`}, 2, ""},
		"cursor repeats":     {abi.Repeat{Style: "cursor", Param: "c", Next: "/next"}, nil, map[string]string{"/u": `|{"data":[],"next":"a"}`, "/u?c=a": `|{"data":[],"next":"b"}`, "/u?c=b": `|{"data":[],"next":"a"}`}, 0, "goes in circles"},
		"cursor lost":        {abi.Repeat{Style: "cursor", Param: "c", Next: "/next", More: "/more"}, nil, map[string]string{"/u": `|{"data":[],"more":true}`}, 0, "and not where"},
		"cursor with more":   {abi.Repeat{Style: "cursor", Param: "c", Next: "/next", More: "/more"}, nil, map[string]string{"/u": `|{"data":[],"more":false,"next":"a"}`}, 0, ""},
		"offset by size":     {abi.Repeat{Style: "offset", Param: "start", LimitParam: "limit", Limit: 2}, nil, map[string]string{"/u?limit=2": "|{\"data\":" + list(2, 1) + "}", "/u?limit=2&start=2": "|{\"data\":" + list(1, 3) + "}"}, 3, ""},
		"offset until empty": {abi.Repeat{Style: "offset", Param: "start", First: &zero}, nil, map[string]string{"/u?start=0": "|{\"data\":" + list(2, 1) + "}", "/u?start=2": "|{\"data\":[]}"}, 2, ""},
		"offset given":       {abi.Repeat{Style: "offset", Param: "start", Next: "/p/next_start", More: "/p/more"}, nil, map[string]string{"/u": `|{"data":[{"id":1}],"p":{"more":true,"next_start":100}}`, "/u?start=100": `|{"data":[{"id":2}],"p":{"more":false}}`}, 2, ""},
		"offset stands":      {abi.Repeat{Style: "offset", Param: "start", Next: "/next"}, map[string]string{"start": "5"}, map[string]string{"/u?start=5": `|{"data":[{"id":1}],"next":5}`}, 1, "makes no progress"},
		"offset empty more":  {abi.Repeat{Style: "offset", Param: "start", More: "/more"}, nil, map[string]string{"/u": `|{"data":[],"more":true}`}, 0, "makes no progress"},
		"offset no number":   {abi.Repeat{Style: "offset", Param: "start", Next: "/next"}, nil, map[string]string{"/u": `|{"data":[],"next":"soon"}`}, 0, "is not a number"},
		"page":               {abi.Repeat{Style: "page", Param: "p", LimitParam: "n", Limit: 2}, nil, map[string]string{"/u?n=2&p=1": "|{\"data\":" + list(2, 1) + "}", "/u?n=2&p=2": "|{\"data\":" + list(2, 3) + "}", "/u?n=2&p=3": "|{\"data\":[]}"}, 4, ""},
		"page from 0":        {abi.Repeat{Style: "page", Param: "p", First: &zero, More: "/more"}, nil, map[string]string{"/u?p=0": `|{"data":[{"id":1}],"more":true}`, "/u?p=1": `|{"data":[{"id":2}],"more":false}`}, 2, ""},
		"page empty more":    {abi.Repeat{Style: "page", Param: "p", More: "/more"}, nil, map[string]string{"/u?p=1": `|{"data":[],"more":true}`}, 0, "makes no progress"},
		"next url":           {abi.Repeat{Style: "next_url", Next: "/@odata.nextLink"}, map[string]string{"q": "x"}, map[string]string{"/u?q=x": `|{"data":[{"id":1}],"@odata.nextLink":"HOST/v?token=%24a"}`, "/v?token=%24a": `|{"data":[],"@odata.nextLink":"/w"}`, "/w": `|{"data":[{"id":2}]}`}, 2, ""},
		"next url repeats":   {abi.Repeat{Style: "next_url", Next: "/next"}, nil, map[string]string{"/u": `|{"data":[],"next":"/v"}`, "/v": `|{"data":[],"next":"/v"}`}, 0, "goes in circles"},
		"link header":        {abi.Repeat{Style: "link_header"}, nil, map[string]string{"/u": `<HOST/0>; rel=prev, <HOST/u?p=2>; title="a, <b>"; rel="last next"|{"data":[{"id":1}]}`, "/u?p=2": `<HOST/u>; rel="first"|{"data":[{"id":2}]}`}, 2, ""},
		"unknown":            {abi.Repeat{Style: "spiral"}, nil, nil, 0, "is not known"},
		"gone on page 2":     {abi.Repeat{Style: "cursor", Param: "c", Next: "/next"}, nil, map[string]string{"/u": `|{"data":[{"id":1}],"next":"a"}`}, 1, "answered 404"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h, asked := serve(t, c.answers)
			err := h.Fetch(pages, abi.Endpoint{Path: "/u", Params: c.params, Records: "/data", Key: "/id", Repeat: c.repeat})
			if (c.fails == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("error %v after %q", err, *asked)
			}
			if len(h.Records) != c.records {
				t.Errorf("%d records after %q", len(h.Records), *asked)
			}
			if c.fails == "" && len(*asked) != len(c.answers) {
				t.Errorf("asked %q", *asked)
			}
		})
	}
}

// TestRetryPolicy scripts the answers to one request.
func TestRetryPolicy(t *testing.T) {
	type answer struct {
		status  int
		headers map[string]string
	}
	date := func(d time.Duration) string {
		return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(d).Format(http.TimeFormat)
	}
	cases := map[string]struct {
		method  string
		repeat  bool
		answers []answer
		sent    int
		waits   []time.Duration // at least so long each
		kind    string          // of the error; "" for none
	}{
		"at once":       {answers: []answer{{200, nil}}, sent: 1},
		"backs off":     {answers: []answer{{500, nil}, {503, nil}, {200, nil}}, sent: 3, waits: []time.Duration{250 * time.Millisecond, 500 * time.Millisecond}},
		"seconds":       {answers: []answer{{429, map[string]string{"Retry-After": "7"}}, {200, nil}}, sent: 2, waits: []time.Duration{7 * time.Second}},
		"date":          {answers: []answer{{503, map[string]string{"Date": date(0), "Retry-After": date(90 * time.Second)}}, {200, nil}}, sent: 2, waits: []time.Duration{90 * time.Second}},
		"reset":         {answers: []answer{{429, map[string]string{"X-RateLimit-Reset": "2"}}, {200, nil}}, sent: 2, waits: []time.Duration{2 * time.Second}},
		"reset is time": {answers: []answer{{429, map[string]string{"X-RateLimit-Reset": strconv.FormatInt(time.Now().Unix()+20, 10)}}, {200, nil}}, sent: 2, waits: []time.Duration{15 * time.Second}},
		"too long":      {answers: []answer{{429, map[string]string{"Retry-After": "86400"}}}, sent: 1, kind: "rate_limited"},
		"gives up":      {answers: []answer{{500, nil}, {500, nil}, {500, nil}, {500, nil}, {500, nil}}, sent: 5, waits: make([]time.Duration, 4), kind: "unavailable"},
		"never":         {answers: []answer{{401, nil}}, sent: 1, kind: "auth"},
		"forbidden":     {answers: []answer{{403, map[string]string{"Content-Type": "application/json"}}}, sent: 1, kind: "forbidden"},
		"blocked":       {answers: []answer{{403, map[string]string{"Content-Type": "text/html"}}}, sent: 1, kind: "blocked"},
		"post":          {method: "POST", answers: []answer{{500, nil}}, sent: 1, kind: "unavailable"},
		"reading post":  {method: "POST", repeat: true, answers: []answer{{500, nil}, {200, nil}}, sent: 2, waits: make([]time.Duration, 1)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			sent := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				a := c.answers[min(sent, len(c.answers)-1)]
				sent++
				for k, v := range a.headers {
					w.Header().Set(k, v)
				}
				w.WriteHeader(a.status)
			}))
			defer srv.Close()
			h := &sdktest.Host{URL: srv.URL}
			_, err := h.Check(sdk.Connector{Check: func(call *sdk.Call) error {
				resp, err := sdk.Retry(call, sdk.Request{Method: c.method, Path: "/", Repeatable: c.repeat}, nil)
				resp.Close()
				return err
			}})
			kind := ""
			var failure *sdktest.Error
			if errors.As(err, &failure) {
				kind = failure.Kind.String()
			}
			if kind != c.kind || sent != c.sent || len(h.Waits) != len(c.waits) {
				t.Fatalf("kind %q, sent %d, waits %v: %v", kind, sent, h.Waits, err)
			}
			for i, least := range c.waits {
				if h.Waits[i] < least || least > 0 && h.Waits[i] > 3*least+10*time.Second {
					t.Errorf("waits %v, want about %v", h.Waits, c.waits)
				}
			}
		})
	}
}

func TestNoAnswerIsRetried(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	h := &sdktest.Host{URL: srv.URL, Retry: abi.RetryLimits{Attempts: 3}}
	err := h.Fetch(pages, abi.Endpoint{Path: "/u", Key: "/id"})
	var failure *sdktest.Error
	if !errors.As(err, &failure) || failure.Kind != abi.KindUnavailable || len(h.Waits) != 2 {
		t.Errorf("%v after waits %v", err, h.Waits)
	}
}

func TestResponse(t *testing.T) {
	h, _ := serve(t, map[string]string{"/x": `|{"s":"\u00e4","n":1.50,"z":null,"b":false,"o":{"a/b":[1,2]}}`, "/h": "|<p>h\u00e4llo"})
	_, err := h.Check(sdk.Connector{Check: func(c *sdk.Call) error {
		r, err := c.Send(sdk.Request{Path: "/x"})
		if err != nil {
			return err
		}
		defer r.Close()
		got := map[string]string{}
		for _, p := range []string{"/s", "/n", "/z", "/none", "/o"} {
			text, err := r.GetText(p)
			got[p] = fmt.Sprint(text, err)
		}
		raw, err := r.Get("/o/a~1b/1")
		got["raw"] = fmt.Sprint(string(raw), err)
		_, err = r.Get("/none")
		got["missing"] = fmt.Sprint(errors.Is(err, abi.CodeNoValue), sdk.KindOf(err))
		value, ok, err := r.GetBool("/b")
		got["bool"] = fmt.Sprint(value, ok, err)
		_, err = r.Emit("/o", sdk.EmitOptions{})
		got["emit"] = fmt.Sprint(errors.Is(err, abi.CodeNotArray))
		page, err := c.Send(sdk.Request{Path: "/h"})
		if err != nil {
			return err
		}
		defer page.Close()
		_, err = page.Get("/x")
		got["html"] = fmt.Sprint(errors.Is(err, abi.CodeNotJSON), page.HTML(), page.Text(5), page.Text(6))
		want := map[string]string{
			"/s": "ä<nil>", "/n": "1.50<nil>", "/z": "<nil>", "/none": "<nil>", "/o": "<nil>", "raw": "2<nil>",
			"missing": "true bad_response", "bool": "false true <nil>", "emit": "true", "html": "true true<p>h<p>hä",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		return nil
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestRunNeverPanics(t *testing.T) {
	h := &sdktest.Host{}
	_, err := h.Check(sdk.Connector{Check: func(*sdk.Call) error { panic("oh") }})
	if err == nil || !strings.Contains(err.Error(), "panic: oh") {
		t.Errorf("error %v", err)
	}
	var failure *sdktest.Error
	if _, err := h.Check(sdk.Connector{}); !errors.As(err, &failure) || failure.Kind != abi.KindConfig {
		t.Errorf("an unsupported function: %v", err)
	}
}

func TestEmittedRecordsHaveKeys(t *testing.T) {
	h, _ := serve(t, map[string]string{"/u": `|[{"p":{"id":9007199254740993}},{"p":{"id":"b"}},{"p":{}}]`})
	if err := h.Fetch(pages, abi.Endpoint{Path: "/u", Record: "/p", Key: "/id"}); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, r := range h.Records {
		keys = append(keys, r.Key)
	}
	if d := cmp.Diff([]string{"9007199254740993", "b", ""}, keys); d != "" {
		t.Error(d)
	}
}

// TestAFetchThatMakesNoProgress: the real host ends it too.
func TestAFetchThatMakesNoProgress(t *testing.T) {
	for name, c := range map[string]struct {
		page   string
		max    int
		asked  int
		record int
	}{
		"empty pages":         {`{"data":[],"next":"%d"}`, 0, 100, 0},
		"the same page again": {`{"data":[{"id":1}],"next":"%d"}`, 0, 101, 101},
		"as many as is said":  {`{"data":[],"next":"%d"}`, 300, 300, 0},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				_, _ = fmt.Fprintf(w, c.page, asked)
			}))
			defer srv.Close()
			h := &sdktest.Host{URL: srv.URL}
			err := h.Fetch(pages, abi.Endpoint{Path: "/u", Records: "/data", Key: "/id", Repeat: abi.Repeat{Style: "cursor", Param: "c", Next: "/next", MaxEmpty: c.max}})
			if err == nil || !strings.Contains(err.Error(), "makes no progress") || asked != c.asked || len(h.Records) != c.record {
				t.Errorf("%v, %d asked, %d records", err, asked, len(h.Records))
			}
		})
	}
}
