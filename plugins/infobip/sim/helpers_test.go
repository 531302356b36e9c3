package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/internal/simtest"
)

// exchange is a request and its answer.
type exchange struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, h http.Handler, method, target, body string, header ...string) exchange {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{w.Code, w.Result().Header, strings.TrimSpace(string(b))}
}

// send is a request of a client with an API key.
func send(t *testing.T, h http.Handler, method, target, body string) exchange {
	t.Helper()
	header := []string{"Authorization", "App sim-api-key"}
	if body != "" {
		header = append(header, "Content-Type", "application/json")
	}
	return do(t, h, method, target, body, header...)
}

func get(t *testing.T, h http.Handler, target string) exchange {
	t.Helper()
	return send(t, h, http.MethodGet, target, "")
}

// expect fails unless the answer has that status and that text.
func expect(t *testing.T, e exchange, status int, parts ...string) {
	t.Helper()
	if e.status != status {
		t.Fatalf("status %d, want %d: %.400s", e.status, status, e.body)
	}
	for _, part := range parts {
		if !strings.Contains(e.body, part) {
			t.Fatalf("body lacks %s: %.600s", part, e.body)
		}
	}
}

func decodeAs[T any](t *testing.T, e exchange) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(e.body), &v); err != nil {
		t.Fatalf("status %d, body %.200s: %v", e.status, e.body, err)
	}
	return v
}

const persons = "/people/2/persons"

// by is the query that names a person.
func by(kind, identifier string) string {
	return "?" + url.Values{"type": {kind}, "identifier": {identifier}}.Encode()
}

// unlimited is a simulator without rate limits.
func unlimited(people int, readings ...string) *Server {
	o := Options{Seed: 1, People: people, Agents: 10, Unlimited: true, Now: simtest.NewClock().Now, Readings: map[string]string{}}
	for i := 0; i+1 < len(readings); i += 2 {
		o.Readings[readings[i]] = readings[i+1]
	}
	return New(o)
}

func mustAdd(t *testing.T, s *Server, p Person) Person {
	t.Helper()
	p, err := s.Add(p)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ada is somebody whom no generated person resembles.
func ada() Person {
	return Person{
		ExternalID: "x-ada", FirstName: "Ada", LastName: "King", City: "London", BirthDate: "1815-12-10", Tags: []string{"VIP"},
		CustomAttributes: map[string]any{"Department": "Ops"},
		Contact:          Contact{Phone: []Phone{{"447700900001"}}, Email: []Email{{"ada.king@example.org"}}},
	}
}

func exchangeBody(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
