package simkit

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// counter is the smallest simulator: POST counts, GET tells.
func counter(t *testing.T) (*Kit, *httptest.Server, *atomic.Int64) {
	t.Helper()
	k, err := New(Vendor{
		Refuse:     func(w http.ResponseWriter, status int) { WriteJSON(w, status, map[string]int{"code": status}) },
		RateHeader: func(w http.ResponseWriter) { w.Header().Set("x-left", "0") },
		ListStart:  `{"data":[`,
		FirstPage:  func(q url.Values) { q.Del("page") },
		Own:        []Kind{"teapot", "served"},
		Answer: func(w http.ResponseWriter, f Fault) bool {
			if f.Kind == "teapot" {
				w.WriteHeader(http.StatusTeapot)
			}
			return f.Kind == "teapot"
		},
	}, []Reading{{"color", "which color", []string{"red", "blue"}}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	mux := k.Control("help")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if IsControl(r) {
			mux.ServeHTTP(w, r)
			return
		}
		k.Serve(w, r, strings.Trim(r.URL.Path, "/"), "none", func(w *Response, r *http.Request, _ Active) {
			if r.Method == http.MethodPost {
				n.Add(1)
			}
			WriteJSON(w, http.StatusOK, map[string]any{"query": r.URL.RawQuery})
		})
	}))
	t.Cleanup(server.Close)
	return k, server, &n
}

func send(t *testing.T, s *httptest.Server, method, path, body string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return res, strings.TrimSpace(string(b)), err
}

func TestLostIsCarriedOutAndNotAnswered(t *testing.T) {
	k, server, n := counter(t)
	for _, c := range []struct {
		fault Fault
		want  int64
	}{{Fault{Kind: Lost, Times: 1}, 1}, {Fault{Kind: Reset, Times: 1}, 1}} {
		if err := k.Faults.Add(c.fault); err != nil {
			t.Fatal(err)
		}
		_, _, err := send(t, server, "POST", "/things", "")
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", c.fault.Kind, err)
		}
		if n.Load() != c.want {
			t.Errorf("%s: counted %d", c.fault.Kind, n.Load())
		}
	}
	if got := k.Journal.Requests(); len(got) != 2 || got[0].Status != 0 || got[0].Method != "POST" || k.Journal.Count() != 2 {
		t.Errorf("%+v", got)
	}
}

func TestFaultsOfEachKind(t *testing.T) {
	for _, c := range []struct {
		fault  Fault
		status int
		body   string // prefix
		header [2]string
	}{
		{Fault{Kind: HTML}, 200, "<!DOCTYPE html>", [2]string{"Content-Type", "text/html; charset=UTF-8"}},
		{Fault{Kind: Blocked}, 403, "<!DOCTYPE html>", [2]string{"Content-Type", "text/html; charset=UTF-8"}},
		{Fault{Kind: TooMany}, 429, `{"code":429}`, [2]string{"x-left", ""}},
		{Fault{Kind: TooMany, Headers: true}, 429, `{"code":429}`, [2]string{"x-left", "0"}},
		{Fault{Kind: TooMany, RetryAfter: 7}, 429, `{"code":429}`, [2]string{"Retry-After", "7"}},
		{Fault{Kind: Status, Code: 503}, 503, `{"code":503}`, [2]string{}},
		{Fault{Kind: PageRepeats}, 200, `{"query":"q=1"}`, [2]string{}},
		{Fault{Kind: Truncate, Bytes: 5}, 200, `{"que`, [2]string{}},
		{Fault{Kind: "teapot"}, 418, "", [2]string{}},
		{Fault{Kind: "served"}, 200, `{"query":"page=2&q=1"}`, [2]string{}},
		{Fault{Kind: HTML, Method: "POST"}, 200, `{"query":"page=2&q=1"}`, [2]string{}},
		{Fault{Kind: HTML, Route: "others"}, 200, `{"query":"page=2&q=1"}`, [2]string{}},
		{Fault{Kind: HTML, Skip: 1}, 200, `{"query":"page=2&q=1"}`, [2]string{}},
	} {
		k, server, _ := counter(t)
		if err := k.Faults.Add(c.fault); err != nil {
			t.Fatal(err)
		}
		res, body, err := send(t, server, "GET", "/things?page=2&q=1", "")
		if err != nil || res.StatusCode != c.status || !strings.HasPrefix(body, c.body) || res.Header.Get(c.header[0]) != c.header[1] {
			t.Errorf("%+v: %v %s %v", c.fault, res, body, err)
		}
		if c.fault.Kind == Truncate && body != c.body {
			t.Errorf("truncated: %s", body)
		}
	}
}

func TestControl(t *testing.T) {
	_, server, _ := counter(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string // in the answer
	}{
		{"GET", "/_sim/", "", 200, "help"},
		{"POST", "/_sim/faults", `{"kind":"lost","times":2}`, 204, ""},
		{"GET", "/_sim/faults", "", 200, `"kind":"lost"`},
		{"DELETE", "/_sim/faults", "", 204, ""},
		{"GET", "/_sim/faults", "", 200, "[]"},
		{"POST", "/_sim/faults", `{"kind":"x"}`, 400, `unknown kind of fault \"x\"`},
		{"POST", "/_sim/faults", `{"knd":"lost"}`, 400, "knd"},
		{"POST", "/_sim/faults", `{"kind":"truncate"}`, 400, "bytes"},
		{"POST", "/_sim/faults", `{"kind":"latency","delay":"x"}`, 400, "delay"},
		{"POST", "/_sim/faults", `{"kind":"status","code":200}`, 400, "code"},
		{"POST", "/_sim/faults", `{"kind":"lost","times":-1}`, 400, "negative"},
		{"GET", "/_sim/readings", "", 200, `"value":"red"`},
		{"PATCH", "/_sim/readings", `{"color":"blue"}`, 204, ""},
		{"GET", "/_sim/readings", "", 200, `"value":"blue"`},
		{"PATCH", "/_sim/readings", `{"color":"green"}`, 400, "red, blue"},
		{"PATCH", "/_sim/readings", `{"colour":"red"}`, 400, "unknown reading"},
		{"GET", "/_sim/nothing", "", 404, ""},
		{"GET", "/things", "", 200, ""},
		{"GET", "/_sim/requests", "", 200, `[{"method":"GET","path":"/things","auth":"none","status":200}]`},
	} {
		res, body, err := send(t, server, c.method, c.path, c.body)
		if err != nil || res.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: %d %s %v", c.method, c.path, c.body, res.StatusCode, body, err)
		}
	}
}

func TestSpoil(t *testing.T) {
	vendor := Vendor{Wrong: map[string]any{"name": 17}, Huge: map[string]any{"id": json.RawMessage("1e400")}}
	record := struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}{2, "Ada"}
	for kind, want := range map[Kind]string{
		DuplicateID: `{"id":1,"name":"Ada"}`, MissingID: `{"name":"Ada"}`, WrongTypes: `{"id":2,"name":17}`, HugeNumbers: `{"id":1e400,"name":"Ada"}`, Half: `{"id":2,"name":"Ada"}`,
		BadText: `{"id":2,"name":"Ada \ud83d"}`,
	} {
		a := Active{&vendor, []Fault{{Kind: kind, Text: "name"}}}
		got, err := json.Marshal(a.Spoil(1, 1, record))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s %v", kind, got, err)
		}
		if a.Spoil(0, 0, record) != record || a.Spoil(2, 1, record) != record {
			t.Errorf("%s: another record is spoiled", kind)
		}
	}
}

func TestUnknownReadingIsRefused(t *testing.T) {
	known := []Reading{{"color", "", []string{"red", "blue"}}}
	for _, chosen := range []map[string]string{{"color": "green"}, {"colour": "red"}} {
		if _, err := New(Vendor{}, known, chosen, nil); err == nil {
			t.Errorf("%v is accepted", chosen)
		}
	}
	chosen := map[string]string{}
	if err := Flag(chosen)("color=blue"); err != nil || chosen["color"] != "blue" || Flag(chosen)("color") == nil {
		t.Errorf("%v %v", chosen, err)
	}
}

func TestLatency(t *testing.T) {
	k, server, _ := counter(t)
	_ = k.Faults.Add(Fault{Kind: Latency, Delay: "40ms"})
	start := time.Now()
	if _, _, err := send(t, server, "GET", "/things", ""); err != nil || time.Since(start) < 40*time.Millisecond {
		t.Errorf("%s %v", time.Since(start), err)
	}
}
