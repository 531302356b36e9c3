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

func mustFault(t *testing.T, s *Server, f Fault) {
	t.Helper()
	if err := s.AddFault(f); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsThatReplaceTheAnswer(t *testing.T) {
	for _, c := range []struct {
		fault  Fault
		status int
		body   string // prefix
		header map[string]string
	}{
		{Fault{Kind: HTML}, 200, "<!DOCTYPE html>", map[string]string{"Content-Type": "text/html; charset=UTF-8"}},
		{Fault{Kind: Blocked}, 403, "<!DOCTYPE html>", map[string]string{"Content-Type": "text/html; charset=UTF-8"}},
		{Fault{Kind: TooMany}, 429, `{"requestError":{"serviceException":{"messageId":"TOO_MANY_REQUESTS"`, map[string]string{"Retry-After": ""}},
		{Fault{Kind: TooMany, RetryAfter: 7}, 429, `{"requestError"`, map[string]string{"Retry-After": "7"}},
		{Fault{Kind: Status, Code: 503}, 503, `{"requestError":{"serviceException":{"messageId":"GENERAL_ERROR"`, nil},
		{Fault{Kind: DataEmpty}, 200, `{"agents":[],"persons":[]}`, nil},
	} {
		s := unlimited(3)
		c.fault.Times = 1
		mustFault(t, s, c.fault)
		got := get(t, s, persons)
		if got.status != c.status || !strings.HasPrefix(got.body, c.body) {
			t.Errorf("%s: %d %s", c.fault.Kind, got.status, got.body)
		}
		for name, value := range c.header {
			if got.header.Get(name) != value {
				t.Errorf("%s: %s is %q", c.fault.Kind, name, got.header.Get(name))
			}
		}
		if again := listOf(t, s, ""); len(again.Persons) != 3 {
			t.Errorf("%s: the second request: %v", c.fault.Kind, again)
		}
	}
}

func TestFaultsThatSpoilLists(t *testing.T) {
	for kind, want := range map[Kind]string{
		Half: `[1 2]`, DuplicateID: `[1 1 3 4]`, MissingID: `[1 null 3 4]`, HugeNumbers: `[1 92233720368547758089 3 4]`, WrongTypes: `[1 2 3 4]`,
	} {
		s := New(Options{Seed: 1, People: 4, Agents: 4, Unlimited: true})
		mustFault(t, s, Fault{Kind: kind})
		var l struct{ Persons, Agents []map[string]json.RawMessage }
		for _, path := range []string{persons, agentsPath} {
			if err := json.Unmarshal([]byte(get(t, s, path).body), &l); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
		}
		var got []string
		for _, p := range l.Persons {
			id := string(p["id"])
			if id == "" {
				id = "null"
			}
			got = append(got, id)
		}
		if text := "[" + strings.Join(got, " ") + "]"; text != want {
			t.Errorf("%s: %s, want %s", kind, text, want)
		}
		switch a := l.Agents; kind {
		case Half:
			if len(a) != 2 {
				t.Errorf("half: %d agents", len(a))
			}
		case DuplicateID:
			if string(a[0]["id"]) != string(a[1]["id"]) {
				t.Errorf("agents %s and %s", a[0]["id"], a[1]["id"])
			}
		case WrongTypes:
			if string(a[1]["displayName"]) != "17" || string(l.Persons[1]["firstName"]) != "17" || string(l.Persons[1]["contactInformation"]) != `"none"` {
				t.Errorf("wrong types: %v", l)
			}
		}
	}
}

func TestPageRepeats(t *testing.T) {
	s := unlimited(50)
	mustFault(t, s, Fault{Kind: PageRepeats})
	if l := listOf(t, s, "?limit=7&page=3"); len(l.Persons) != 7 || l.Persons[0].ID != 1 {
		t.Errorf("%v", ids(l))
	}
}

func TestRouteMethodSkipAndTimes(t *testing.T) {
	s := unlimited(1)
	mustFault(t, s, Fault{Kind: Status, Code: 500, Route: routePersons, Method: "GET", Skip: 1, Times: 2})
	var got []int
	for range 4 {
		got = append(got, get(t, s, persons).status)
		expect(t, get(t, s, "/people/2/tags"), 200)
		expect(t, send(t, s, "PATCH", persons+by(byID, "1"), "{}"), 200)
	}
	if got[0] != 200 || got[1] != 500 || got[2] != 500 || got[3] != 200 || len(s.Faults()) != 0 {
		t.Errorf("%v, left %v", got, s.Faults())
	}
	mustFault(t, s, Fault{Kind: HTML})
	s.ClearFaults()
	expect(t, get(t, s, persons), 200, "persons")
}

func TestImpossibleFaults(t *testing.T) {
	s := unlimited(1)
	for _, f := range []Fault{{}, {Kind: "magic"}, {Kind: Truncate}, {Kind: Latency}, {Kind: Latency, Delay: "soon"}, {Kind: Status, Code: 200}, {Kind: HTML, Times: -1}, {Kind: HTML, Skip: -1}} {
		if err := s.AddFault(f); err == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
}

// TestFaultsOfTheConnection needs a real one.
func TestFaultsOfTheConnection(t *testing.T) {
	s := unlimited(100)
	server := httptest.NewServer(s)
	defer server.Close()
	ask := func(method, path, body string) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "App sim-api-key")
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	cut := func(err error) bool {
		return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	}

	mustFault(t, s, Fault{Kind: Reset, Times: 1})
	if body, err := ask("DELETE", persons+by(byID, "9"), ""); !cut(err) {
		t.Errorf("reset: %q, %v", body, err)
	}
	if _, err := s.Person(9); err != nil {
		t.Error("reset: it was carried out")
	}
	mustFault(t, s, Fault{Kind: Reset, Bytes: 40, Times: 1})
	if body, err := ask("GET", persons, ""); !cut(err) || (body != "" && !strings.HasPrefix(body, `{"persons":[`)) {
		t.Errorf("reset after 40 bytes: %q, %v", body, err)
	}
	mustFault(t, s, Fault{Kind: Truncate, Bytes: 30, Times: 1})
	if body, err := ask("GET", persons, ""); err != nil || len(body) != 30 {
		t.Errorf("truncate: %q, %v", body, err)
	}
	mustFault(t, s, Fault{Kind: Latency, Delay: "30ms", Times: 1})
	start := time.Now()
	if _, err := ask("GET", persons, ""); err != nil || time.Since(start) < 30*time.Millisecond {
		t.Errorf("latency: %v after %v", err, time.Since(start))
	}
	for _, w := range []struct{ method, path, body string }{
		{"POST", persons, `{"externalId":"lost-1"}`}, {"PATCH", persons + by(byExternalID, "lost-1"), `{"firstName":"Lost"}`}, {"POST", "/people/2/tags", `{"name":"Lost"}`},
	} {
		mustFault(t, s, Fault{Kind: Lost, Method: w.method, Times: 1})
		if body, err := ask(w.method, w.path, w.body); !cut(err) {
			t.Errorf("lost %s: %q, %v", w.path, body, err)
		}
	}
	if p, err := s.Find(byExternalID, "lost-1"); err != nil || p.FirstName != "Lost" {
		t.Errorf("lost: it was not carried out: %+v, %v", p, err)
	}
	expect(t, get(t, s, "/people/2/tags/Lost"), 200)
	last := s.Requests()
	if n := len(last); last[n-2].Status != 0 || last[n-2].Path != "/people/2/tags" {
		t.Errorf("journal of a lost answer: %+v", last[n-2])
	}
}
