package sim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFaultsThatReplaceTheAnswer(t *testing.T) {
	for _, c := range []struct {
		fault  Fault
		status int
		body   string // prefix
		header map[string]string
	}{
		{Fault{Kind: HTML}, 200, "<!DOCTYPE html>", map[string]string{"Content-Type": "text/html; charset=UTF-8"}},
		{Fault{Kind: Blocked}, 403, "<!DOCTYPE html>", map[string]string{"Content-Type": "text/html; charset=UTF-8"}},
		{Fault{Kind: Forbidden}, 403, forbiddenBody, nil},
		{Fault{Kind: TooMany}, 429, tooManyBody, map[string]string{"x-ratelimit-reset": "", "Retry-After": ""}},
		{Fault{Kind: TooMany, Headers: true, RetryAfter: 7}, 429, tooManyBody, map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2", "Retry-After": "7"}},
		{Fault{Kind: Status, Code: 503}, 503, `{"success":false,"error":"Service Unavailable"`, nil},
		{Fault{Kind: Unsuccess, Text: "company is closed"}, 200, `{"success":false,"error":"company is closed","data":null}`, nil},
		{Fault{Kind: DataNull}, 200, `{"success":true,"data":null}`, nil},
		{Fault{Kind: DataEmpty}, 200, `{"success":true,"data":[]}`, nil},
	} {
		s := New(Options{Seed: 1, People: 3})
		c.fault.Times = 1
		if err := s.AddFault(c.fault); err != nil {
			t.Fatal(err)
		}
		got := get(t, s, "/v1/users")
		if got.status != c.status || !strings.HasPrefix(got.body, c.body) {
			t.Errorf("%s: %d %s", c.fault.Kind, got.status, got.body)
		}
		for name, value := range c.header {
			if got.header.Get(name) != value {
				t.Errorf("%s: %s is %q", c.fault.Kind, name, got.header.Get(name))
			}
		}
		if again := get(t, s, "/v1/users"); len(decode(t, again).Data) != 3 {
			t.Errorf("%s: the second request: %d %s", c.fault.Kind, again.status, again.body)
		}
	}
}

func TestFaultsThatSpoilTheList(t *testing.T) {
	for kind, want := range map[Kind]string{
		Half: `[1 2]`, DuplicateID: `[1 1 3 4]`, MissingID: `[1 null 3 4]`, HugeNumbers: `[1 92233720368547758089 3 4]`, WrongTypes: `[1 2 3 4]`,
	} {
		s := New(Options{Seed: 1, People: 4})
		if err := s.AddFault(Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		body := get(t, s, "/v1/users").body
		var l struct{ Data []map[string]json.RawMessage }
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		var got []string
		for _, u := range l.Data {
			id := string(u["id"])
			if id == "" {
				id = "null"
			}
			got = append(got, id)
		}
		if text := "[" + strings.Join(got, " ") + "]"; text != want {
			t.Errorf("%s: %s, want %s", kind, text, want)
		}
		if kind == WrongTypes && (string(l.Data[1]["name"]) != "17" || string(l.Data[1]["active_flag"]) != `"yes"`) {
			t.Errorf("%s: %s", kind, body)
		}
	}
}

func TestFaultsMeetTheirRequests(t *testing.T) {
	s := New(Options{Seed: 1, People: 3})
	if err := s.AddFault(Fault{Kind: Status, Code: 500, Route: "users", Skip: 1, Times: 2}); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, path := range []string{"/v1/users", "/v1/users/me", "/v1/users/2", "/api/v1/users", "/v1/users/me", "/v1/users", "/v1/users"} {
		got = append(got, get(t, s, path).status)
	}
	want := []int{200, 200, 200, 500, 200, 500, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if len(s.Faults()) != 0 {
		t.Errorf("left: %+v", s.Faults())
	}
	_ = s.AddFault(Fault{Kind: HTML})
	get(t, s, "/v1/users/me")
	s.ClearFaults()
	if got := get(t, s, "/v1/users/me"); got.status != 200 || strings.HasPrefix(got.body, "<") {
		t.Error("not cleared")
	}
}

func TestPageRepeats(t *testing.T) {
	s := New(Options{Seed: 1, People: 4, Paging: OffsetPaging, PageSize: 2})
	_ = s.AddFault(Fault{Kind: PageRepeats, Times: 1})
	if l := decode(t, get(t, s, "/v1/users?start=2")); ids(l) != "1 2" {
		t.Errorf("got %s", ids(l))
	}
}

// request asks a real server, because these faults are about the connection.
func request(t *testing.T, s *Server) (int, string, error) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-api-token", "sim-api-token")
	res, err := server.Client().Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func TestTruncate(t *testing.T) {
	for _, n := range []int{1, 24, 100, 40000} { // beyond one buffer too
		s := New(Options{Seed: 1, People: 200})
		_ = s.AddFault(Fault{Kind: Truncate, Bytes: n})
		status, body, err := request(t, s)
		if err != nil || status != 200 || len(body) != n || json.Valid([]byte(body)) && n > 1 {
			t.Errorf("%d bytes: %d, %d bytes, %v", n, status, len(body), err)
		}
	}
}

func TestReset(t *testing.T) {
	for _, n := range []int{0, 24, 5000} {
		s := New(Options{Seed: 1, People: 200})
		_ = s.AddFault(Fault{Kind: Reset, Bytes: n})
		status, _, err := request(t, s)
		if err == nil || n == 0 && status != 0 {
			t.Errorf("%d bytes: %d, %v", n, status, err)
		}
		if n == 0 && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestLatency(t *testing.T) {
	s := New(Options{})
	_ = s.AddFault(Fault{Kind: Latency, Delay: "40ms"})
	start := time.Now()
	status, _, err := request(t, s)
	if took := time.Since(start); err != nil || status != 200 || took < 40*time.Millisecond {
		t.Errorf("%d after %s, %v", status, took, err)
	}
}

func TestLostWritesAreCarriedOut(t *testing.T) {
	s := New(Options{Seed: 1, People: 3})
	if err := s.AddFault(Fault{Kind: Lost, Route: "users", Method: "POST", Times: 1}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/users", strings.NewReader(`{"email":"bo@example.org"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-api-token", "sim-api-token")
	r.Header.Set("Content-Type", "application/json")
	if _, err := server.Client().Do(r); err == nil {
		t.Fatal("answered")
	}
	if u, err := s.User(4); err != nil || u.Email.Value != "bo@example.org" {
		t.Errorf("not carried out: %+v %v", u, err)
	}
	if got := s.Requests(); got[0].Status != 0 {
		t.Errorf("%+v", got)
	}
}
