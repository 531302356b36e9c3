//go:build !wasip1

package main

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

// Lasting faults: the fetch fails with this kind and message after so many
// requests.
func TestEveryFaultFailsTheFetch(t *testing.T) {
	for _, c := range []struct {
		fault    sim.Fault
		kind     abi.Kind
		requests int
		message  []string
	}{
		{sim.Fault{Kind: sim.HTML}, abi.KindBadResponse, 1, []string{"answered 200 with an HTML page instead of JSON"}},
		{sim.Fault{Kind: sim.Blocked}, abi.KindBlocked, 1, []string{"answered 403 with an HTML page", "Cloudflare", "Stop every program", "wait an hour"}},
		{sim.Fault{Kind: sim.Forbidden}, abi.KindForbidden, 1, []string{"answered 403", "lacks the right", "You do not have permissions to do this."}},
		{sim.Fault{Kind: sim.TooMany}, abi.KindRateLimited, 5, []string{"answered 429", "Request over limit"}},
		{sim.Fault{Kind: sim.TooMany, Headers: true}, abi.KindRateLimited, 5, []string{"answered 429", "x-ratelimit-remaining stays at 0 after 4 waits", "daily budget"}},
		{sim.Fault{Kind: sim.TooMany, RetryAfter: 3600}, abi.KindRateLimited, 1, []string{"answered 429", "asks to wait 1h0m0s"}},
		{sim.Fault{Kind: sim.Status, Code: 500}, abi.KindUnavailable, 5, []string{"answered 500"}},
		{sim.Fault{Kind: sim.Status, Code: 503}, abi.KindUnavailable, 5, []string{"answered 503"}},
		{sim.Fault{Kind: sim.Status, Code: 401}, abi.KindAuth, 1, []string{"answered 401", "does not accept the credentials", "API token", "authorize the application again"}},
		{sim.Fault{Kind: sim.Status, Code: 402}, abi.KindForbidden, 1, []string{"answered 402", "not open"}},
		{sim.Fault{Kind: sim.Status, Code: 404}, abi.KindConfig, 1, []string{"answered 404"}},
		{sim.Fault{Kind: sim.Status, Code: 422}, abi.KindBadResponse, 1, []string{"answered 422"}},
		{sim.Fault{Kind: sim.Unsuccess, Text: "company\nis closed"}, abi.KindBadResponse, 1, []string{"answered 200, and success is false", `"company\nis closed"`}},
		{sim.Fault{Kind: sim.DataNull}, abi.KindBadResponse, 1, []string{`at "/data" is null, not an array`}},
		{sim.Fault{Kind: sim.Truncate, Bytes: 1}, abi.KindBadResponse, 1, []string{"not JSON"}},
		{sim.Fault{Kind: sim.Truncate, Bytes: 24}, abi.KindBadResponse, 1, []string{"not JSON"}},
		{sim.Fault{Kind: sim.Truncate, Bytes: 5000}, abi.KindBadResponse, 1, []string{"not JSON"}},
		{sim.Fault{Kind: sim.Reset}, abi.KindUnavailable, 5, nil},
		{sim.Fault{Kind: sim.Reset, Bytes: 5000}, abi.KindUnavailable, 5, nil},
	} {
		t.Run(string(c.fault.Kind), func(t *testing.T) {
			s := newScene(t, sim.Options{Seed: 1, People: 50})
			s.host.Client.Transport = &http.Transport{DisableKeepAlives: true} // net/http sends a request again on a reused connection
			s.fault(t, c.fault)
			err := s.host.Fetch(connector(), usersEndpoint(t))
			fails(t, err, c.kind, append(c.message, "GET /v1/users")...)
			if n := len(s.requests()); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			if len(s.host.Records) > 0 {
				t.Errorf("%d records of a bad answer were delivered", len(s.host.Records))
			}
		})
	}
}

func TestTransientFaultsAreOvercome(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault sim.Fault
		waits [2]time.Duration // least and most of both waits
	}{
		{"headers", sim.Fault{Kind: sim.TooMany, Headers: true}, [2]time.Duration{2 * time.Second, 2500 * time.Millisecond}},
		{"Retry-After", sim.Fault{Kind: sim.TooMany, Headers: true, RetryAfter: 9}, [2]time.Duration{9 * time.Second, 9500 * time.Millisecond}},
		{"no headers", sim.Fault{Kind: sim.TooMany}, [2]time.Duration{2 * time.Second, 2500 * time.Millisecond}},
		{"500", sim.Fault{Kind: sim.Status, Code: 500}, [2]time.Duration{time.Millisecond, 2 * time.Second}},
		{"reset", sim.Fault{Kind: sim.Reset}, [2]time.Duration{time.Millisecond, 2 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, sim.Options{Seed: 1, People: 5})
			s.host.Client.Transport = &http.Transport{DisableKeepAlives: true}
			c.fault.Times = 2
			s.fault(t, c.fault)
			if err := s.host.Fetch(connector(), usersEndpoint(t)); err != nil {
				t.Fatal(err)
			}
			if s.keys() != "1 2 3 4 5" || len(s.host.Waits) != 2 {
				t.Errorf("keys %s, waits %v", s.keys(), s.host.Waits)
			}
			for _, w := range s.host.Waits {
				if w < c.waits[0] || w > c.waits[1] {
					t.Errorf("wait of %s, want %s to %s", w, c.waits[0], c.waits[1])
				}
			}
		})
	}
}

// After a fault on a later page, the first pages must not count as everybody.
func TestFaultsOnALaterPageFailTheFetch(t *testing.T) {
	for _, form := range []sim.Paging{sim.OffsetPaging, sim.CursorPaging} {
		for _, f := range []sim.Fault{
			{Kind: sim.HTML},
			{Kind: sim.Blocked},
			{Kind: sim.Forbidden},
			{Kind: sim.TooMany},
			{Kind: sim.Status, Code: 500},
			{Kind: sim.Status, Code: 401},
			{Kind: sim.Unsuccess, Text: "x"},
			{Kind: sim.DataNull},
			{Kind: sim.Truncate, Bytes: 900},
			{Kind: sim.Reset},
			{Kind: sim.PageRepeats},
		} {
			t.Run(string(form)+"/"+string(f.Kind), func(t *testing.T) {
				s := newScene(t, sim.Options{Seed: 1, People: 9, Paging: form, PageSize: 3})
				s.host.Client.Transport = &http.Transport{DisableKeepAlives: true}
				f.Skip = 1
				s.fault(t, f)
				if err := s.host.Fetch(connector(), usersEndpoint(t)); err == nil {
					t.Errorf("reported as complete: %s", s.keys())
				}
			})
		}
	}
}

func TestScopesAndRights(t *testing.T) {
	for _, c := range []struct {
		scopes  string
		check   bool
		message string
	}{
		{"base", false, "not granted scope users:read"},
		{"users:read", true, "not granted scope base"},
	} {
		s := newScene(t, sim.Options{Seed: 1, People: 5})
		bearer := s.sim.IssueAccessToken(c.scopes)
		s.host.Authorize = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+bearer) }
		err := s.host.Fetch(connector(), usersEndpoint(t))
		if c.check {
			err = checked(s)
		}
		fails(t, err, abi.KindForbidden, c.message, "Scope and URL mismatch", "authorize again")
	}
}

func TestRefusedCredentials(t *testing.T) {
	for name, header := range map[string][2]string{
		"API token": {"x-api-token", "old"}, "access token": {"Authorization", "Bearer old"}, "none": {"X-Nothing", "x"},
	} {
		s := newScene(t, sim.Options{Seed: 1, People: 5})
		s.host.Authorize = func(r *http.Request) { r.Header.Set(header[0], header[1]) }
		fails(t, s.host.Fetch(connector(), usersEndpoint(t)), abi.KindAuth, "answered 401")
		if n := len(s.requests()); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// The simulator's own limits, on a clock that moves with the waits.
func TestRateLimits(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 9, Burst: 2, Paging: sim.CursorPaging, PageSize: 1})
	if err := s.host.Fetch(connector(), usersEndpoint(t)); err != nil {
		t.Fatal(err)
	}
	if s.keys() != "1 2 3 4 5 6 7 8 9" || len(s.host.Waits) == 0 {
		t.Errorf("keys %s, waits %v", s.keys(), s.host.Waits)
	}
	for _, r := range s.requests() {
		if strings.HasSuffix(r, "403") {
			t.Errorf("waited too little: %v", s.requests())
		}
	}
}

func TestSpentDailyBudget(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 9, Budget: 50, Paging: sim.OffsetPaging, PageSize: 2})
	s.fault(t, sim.Fault{Kind: sim.TooMany, Headers: true, Times: 2}) // overcome, and not counted
	err := s.host.Fetch(connector(), usersEndpoint(t))
	fails(t, err, abi.KindRateLimited, "daily budget of API tokens is spent", "midnight", "after 4 waits")
	if n := len(s.requests()); n != 9 {
		t.Errorf("%d requests: %v", n, s.requests())
	}
}

func TestBlockedIsNotTriedAgain(t *testing.T) {
	s := newScene(t, sim.Options{Seed: 1, People: 2, Burst: 1})
	s.host.Retry = abi.RetryLimits{Attempts: 3, MaxWaitMS: 1} // waits nothing that the headers ask for
	for range 12 {
		_ = checked(s)
	}
	before := len(s.requests())
	fails(t, checked(s), abi.KindBlocked, "Cloudflare")
	if n := len(s.requests()) - before; n != 1 {
		t.Errorf("%d requests to a shield that blocks", n)
	}
}

// A fault that an answer does not show is delivered as it is: the agent decides
// what to do with it.
func TestAnswersThatLookComplete(t *testing.T) {
	for kind, want := range map[sim.Kind]string{
		sim.DataEmpty: "", sim.Half: "1 2", sim.DuplicateID: "1 1 3 4", sim.MissingID: "1  3 4",
		sim.WrongTypes: "1 2 3 4", sim.HugeNumbers: "1 92233720368547758089 3 4",
	} {
		s := newScene(t, sim.Options{Seed: 1, People: 4})
		s.fault(t, sim.Fault{Kind: kind})
		if err := s.host.Fetch(connector(), usersEndpoint(t)); err != nil || s.keys() != want {
			t.Errorf("%s: keys %q, want %q, %v", kind, s.keys(), want, err)
		}
	}
}

// Answers that no vendor should give; each must soon end in an error.
func TestPagingThatMakesNoSense(t *testing.T) {
	const user = `{"success":true,"data":[{"id":1}]`
	for _, c := range []struct{ name, answer, message string }{
		{"cursor loops", user + `,"additional_data":{"next_cursor":"a"}}`, "in circles"},
		{"cursor too long", user + `,"additional_data":{"next_cursor":"` + strings.Repeat("a", 20000) + `"}}`, "bytes long"},
		{"more and not where", user + `,"additional_data":{"pagination":{"more_items_in_collection":true}}}`, "next_start is missing"},
		{"next is here", user + `,"additional_data":{"pagination":{"start":0,"more_items_in_collection":true,"next_start":0}}}`, "no progress"},
		{"next is before", user + `,"additional_data":{"pagination":{"more_items_in_collection":true,"next_start":-5}}}`, "no progress"},
		{"other start", user + `,"additional_data":{"pagination":{"start":7,"more_items_in_collection":false}}}`, "starts at 7, asked for was 0"},
		{"offset loops", user + `,"additional_data":{"pagination":{"more_items_in_collection":true,"next_start":5}}}`, "no progress"},
		{"next is a word", user + `,"additional_data":{"pagination":{"more_items_in_collection":true,"next_start":"x"}}}`, "not what the API documents"},
		{"pagination is a list", user + `,"additional_data":{"pagination":[]}}`, "not what the API documents"},
		{"more is a word", user + `,"additional_data":{"pagination":{"more_items_in_collection":"yes"}}}`, "not what the API documents"},
		{"no envelope", `[{"id":1}]`, "no boolean at /success"},
		{"success is a word", `{"success":"true","data":[]}`, "no boolean at /success"},
		{"no data", `{"success":true}`, `nothing at "/data"`},
		{"data is an object", `{"success":true,"data":{}}`, `at "/data" is an object`},
		{"nothing", ``, "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, sim.Options{})
			s.host.Client.Transport = answers(c.answer)
			fails(t, s.host.Fetch(connector(), usersEndpoint(t)), abi.KindBadResponse, c.message, "GET /v1/users")
		})
	}
}

func TestNullPaginationIsTheEnd(t *testing.T) {
	s := newScene(t, sim.Options{})
	s.host.Client.Transport = answers(`{"success":true,"data":[{"id":1}],"additional_data":{"pagination":null,"next_cursor":null}}`)
	if err := s.host.Fetch(connector(), usersEndpoint(t)); err != nil || s.keys() != "1" {
		t.Errorf("keys %s, %v", s.keys(), err)
	}
}

func TestAConfiguredStyleIsUsedWhereTheAnswerSaysNothing(t *testing.T) {
	s := newScene(t, sim.Options{})
	var seen []string
	s.host.Client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r.URL.RawQuery)
		body := `{"success":true,"data":[{"id":1}]}`
		if len(seen) == 3 {
			body = `{"success":true,"data":[]}`
		}
		return answers(body)(r)
	})
	e := usersEndpoint(t)
	e.Repeat = abi.Repeat{Style: abi.RepeatPage, Param: "page"}
	if err := s.host.Fetch(connector(), e); err != nil || !slices.Equal(seen, []string{"page=1", "page=2", "page=3"}) {
		t.Errorf("queries %v, %v", seen, err)
	}
	e.Repeat.Style = "sideways"
	fails(t, (&sdktest.Host{URL: s.host.URL}).Fetch(connector(), e), abi.KindConfig, "sideways")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answers gives the same body to every request.
func answers(body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
}
