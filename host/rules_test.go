package host_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// TestWhereRequestsMayGo asks a server that redirects, or requests a URL of the
// endpoint, and checks which hosts were reached with which credentials.
func TestWhereRequestsMayGo(t *testing.T) {
	var reached []string
	record := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			reached = append(reached, name+":"+r.Header.Get("X-Api-Token"))
			fmt.Fprint(w, `{"data":[]}`)
		}
	}
	other := httptest.NewServer(record("other"))
	defer other.Close()
	named := httptest.NewServer(record("named"))
	defer named.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/users", func(w http.ResponseWriter, r *http.Request) {
		reached = append(reached, "first:"+r.Header.Get("X-Api-Token"))
		switch to := r.URL.Query().Get("to"); to {
		case "":
			fmt.Fprint(w, `{"data":[]}`)
		default:
			http.Redirect(w, r, to, http.StatusFound)
		}
	})
	mux.HandleFunc("/here", record("here"))
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	f := share(t, mux)
	f.app.Hosts = []string{strings.TrimPrefix(named.URL, "http://")}

	cases := map[string]struct {
		to, url string
		want    string // in the message; "" when it is allowed
		reached string
	}{
		"same host":               {to: "/here", reached: "first:secret-api-token here:secret-api-token"},
		"another allowed host":    {to: named.URL, reached: "first:secret-api-token named:"},
		"a host nobody named":     {to: other.URL, want: "is not one that", reached: "first:secret-api-token"},
		"http to a manifest host": {to: "http://api.example.com/", want: "is not one that", reached: "first:secret-api-token"},
		"http on 443":             {to: "http://api.example.com:443/", want: "plain http", reached: "first:secret-api-token"},
		"another port":            {to: "https://api.example.com:8443/", want: "is not one that", reached: "first:secret-api-token"},
		"a file":                  {to: "file:///etc/passwd", want: `scheme "file"`, reached: "first:secret-api-token"},
		"user in the URL":         {to: strings.Replace(named.URL, "//", "//a:b@", 1), want: "user name", reached: "first:secret-api-token"},
		"in circles":              {to: "/round", want: "more than 10 redirects", reached: "first:secret-api-token"},
		"loopback not named":      {url: other.URL + "/users", want: "is not one that"},
		"suffix of a host":        {url: "https://evilexample.net/", want: "is not one that"},
		"below the wildcard only": {url: "https://example.net/", want: "is not one that"},
		"look-alike":              {url: "https://api.example.com.evil.org/", want: "is not one that"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			reached = nil
			_, _, err := f.fetch(t.Context(), "", func(call *abi.FetchCall) {
				call.Retry.Attempts = 1
				if c.to != "" {
					call.Endpoint.Params = map[string]string{"to": c.to}
				}
				if c.url != "" {
					call.Endpoint.Path, call.Endpoint.URL = "", c.url
				}
			})
			if c.want == "" && err != nil {
				t.Error(err)
			}
			if c.want != "" {
				e := asCallError(t, err)
				endpoint := e.Kind == abi.KindConfig && c.url != "" // plain http is refused before any request
				if (e.Kind != abi.KindRefused && !endpoint) || !strings.Contains(e.Message, c.want) {
					t.Errorf("%s: %s", e.Kind, e.Message)
				}
			}
			if got := strings.Join(reached, " "); got != c.reached {
				t.Errorf("reached %q, want %q", got, c.reached)
			}
		})
	}
}

// TestTLSIsVerified: a certificate from an unknown authority, and a version
// that is too old.
func TestTLSIsVerified(t *testing.T) {
	f := share(t, answer(`{}`))
	srv := httptest.NewTLSServer(answer(`{"data":[]}`))
	defer srv.Close()
	f.app.BaseURL = srv.URL
	_, _, err := f.fetch(t.Context(), "", func(c *abi.FetchCall) { c.Retry.Attempts = 1 })
	if e := asCallError(t, err); e.Kind != abi.KindUnavailable || !strings.Contains(e.Message, "certificate") {
		t.Errorf("%s: %s", e.Kind, e.Message)
	}
}

func TestRateLimitHoldsAcrossCalls(t *testing.T) {
	f := start(t, host.Settings{}, answer(`{"data":[]}`))
	f.app.RateLimit = "2/1h"
	for range 2 {
		if _, _, err := f.fetch(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), soak.Patience)
	defer cancel()
	_, _, err := f.fetch(ctx, "", nil)
	if e := asCallError(t, err); e.Kind != abi.KindRateLimited || !strings.Contains(e.Message, "the rate limit of 2/1h is used up") {
		t.Errorf("the third request of two: %s: %s", e.Kind, e.Message)
	}
	if ctx.Err() != nil {
		t.Error("it waited although that was in vain")
	}
	want := map[string]int{"http app 200": 2, "call guest fetch ok": 2, "call guest fetch rate_limited": 1}
	if d := cmp.Diff(want, f.seen.counts); d != "" {
		t.Error(d)
	}
	f.app.RateLimit = "fast"
	_, _, err = f.fetch(t.Context(), "", nil)
	if e := asCallError(t, err); e.Kind != abi.KindConfig || !strings.Contains(e.Message, "rate_limit") {
		t.Errorf("%s: %s", e.Kind, e.Message)
	}
}

// TestRatesOfTheManifest hold beside the application's rate_limit, across calls
// and in both directions.
func TestRatesOfTheManifest(t *testing.T) {
	f := share(t, answer(`{"data":[]}`))
	f.app.RateLimit = "1000/1s"
	ctx, cancel := context.WithTimeout(t.Context(), soak.Patience)
	defer cancel()
	if _, _, err := f.fetch(ctx, "", func(c *abi.FetchCall) { c.Endpoint.Path = "/v1/rated" }); err != nil {
		t.Fatal(err)
	}
	_, err := f.conn.Invoke(ctx, f.app, abi.InvokeCall{Webhook: abi.Webhook{Name: "add", Method: "POST", Path: "/rated"}})
	if e := asCallError(t, err); e.Kind != abi.KindRateLimited || e.Sent || !strings.Contains(e.Message, "the rate limit of 1/1h for /rated is used up") {
		t.Errorf("%+v", e)
	}
	if ctx.Err() != nil {
		t.Error("it waited although that was in vain")
	}
	if _, _, err := f.fetch(ctx, "", nil); err != nil {
		t.Errorf("another operation: %v", err)
	}
}
