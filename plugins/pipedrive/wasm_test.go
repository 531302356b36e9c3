//go:build !wasip1

package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/plugins/internal/plugintest"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

var shipped = plugintest.Module{Name: "pipedrive"}

func TestMain(m *testing.M) { shipped.Main(m) }

func wasm(t *testing.T) *host.Connector { return shipped.Connector(t) }

// outside is an application at a simulator, called through the real host.
type outside struct {
	sim     *sim.Server
	app     host.Application
	records []host.Record
}

func newOutside(t *testing.T, o sim.Options) *outside {
	t.Helper()
	s := sim.New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	profile, _ := wasm(t).Manifest().Profile(abi.AuthAPIKey)
	credentials, err := host.NewStaticCredentials(profile, "", "sim-api-token")
	if err != nil {
		t.Fatal(err)
	}
	name := "crm at " + server.URL // one that asks to be left alone must not hold up another test
	return &outside{sim: s, app: host.Application{Name: name, BaseURL: server.URL, Credentials: credentials, RateLimit: "1000/1s"}}
}

func (o *outside) fetch(t *testing.T) error {
	t.Helper()
	e, _ := wasm(t).Manifest().Endpoint("users")
	call := abi.FetchCall{Endpoint: e, Retry: abi.RetryLimits{Attempts: 2, MaxWaitMS: 3000}}
	o.records = nil
	_, err := wasm(t).Fetch(t.Context(), o.app, call, func(r host.Record) error {
		o.records = append(o.records, r)
		return nil
	})
	return err
}

func TestWASMFetchAndCheck(t *testing.T) {
	for _, form := range []sim.Paging{sim.Unpaged, sim.OffsetPaging, sim.CursorPaging} {
		o := newOutside(t, sim.Options{Seed: 1, People: 120, NoEmail: 3, Unlimited: true, Paging: form, PageSize: 50})
		if err := o.fetch(t); err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if len(o.records) != 120 {
			t.Fatalf("%s: %d records", form, len(o.records))
		}
		for i, r := range o.records {
			u, err := o.sim.User(int64(i + 1))
			if err != nil || r.Key != fmt.Sprint(u.ID) || r.Problem != "" || r.Fields["name"] != u.Name {
				t.Fatalf("%s: record %d: %+v, want %+v", form, i, r, u)
			}
			email, delivered := r.Fields["email"]
			if delivered != u.Email.Set || (email == nil) != (u.Email.Null || !u.Email.Set) {
				t.Errorf("%s: user %d: e-mail %v, delivered %v, want %+v", form, u.ID, email, delivered, u.Email)
			}
		}
		needs := []abi.Need{{Use: "endpoint users", Rights: []string{"see other users"}}}
		if found, err := wasm(t).Check(t.Context(), o.app, needs); err != nil || len(found) != 1 || found[0].State != abi.RightGranted {
			t.Errorf("%s: check: %v, %v", form, found, err)
		}
	}
}

func TestWASMFailures(t *testing.T) {
	for _, c := range []struct {
		fault   sim.Fault
		kind    abi.Kind
		message string
	}{
		{sim.Fault{Kind: sim.HTML}, abi.KindBadResponse, "HTML page instead of JSON"},
		{sim.Fault{Kind: sim.Blocked}, abi.KindBlocked, "Cloudflare"},
		{sim.Fault{Kind: sim.Forbidden}, abi.KindForbidden, "lacks the right"},
		{sim.Fault{Kind: sim.TooMany, RetryAfter: 3600}, abi.KindRateLimited, "asks to wait 1h0m0s"},
		{sim.Fault{Kind: sim.TooMany, RetryAfter: 1}, abi.KindRateLimited, "answered 429"},
		{sim.Fault{Kind: sim.Status, Code: 401}, abi.KindAuth, "does not accept the credentials"},
		{sim.Fault{Kind: sim.Status, Code: 404}, abi.KindConfig, "answered 404"},
		{sim.Fault{Kind: sim.Status, Code: 503}, abi.KindUnavailable, "answered 503"},
		{sim.Fault{Kind: sim.Unsuccess, Text: "company is closed"}, abi.KindBadResponse, `success is false, it says "company is closed"`},
		{sim.Fault{Kind: sim.DataNull}, abi.KindBadResponse, `at "/data" is null`},
		{sim.Fault{Kind: sim.Truncate, Bytes: 24}, abi.KindBadResponse, "/v1/users"},
		{sim.Fault{Kind: sim.Truncate, Bytes: 9000}, abi.KindBadResponse, "/v1/users"},
		{sim.Fault{Kind: sim.Reset}, abi.KindUnavailable, "/v1/users"},
		{sim.Fault{Kind: sim.Reset, Bytes: 9000}, abi.KindUnavailable, "/v1/users"},
		{sim.Fault{Kind: sim.PageRepeats, Skip: 1}, abi.KindBadResponse, "the page repeats"},
	} {
		t.Run(string(c.fault.Kind), func(t *testing.T) {
			o := newOutside(t, sim.Options{Seed: 1, People: 60, Unlimited: true, Paging: sim.OffsetPaging})
			if c.fault.Bytes > 5000 {
				o.sim.SetPaging(sim.Unpaged, 0)
			}
			if err := o.sim.AddFault(c.fault); err != nil {
				t.Fatal(err)
			}
			var call *host.CallError
			if err := o.fetch(t); !errors.As(err, &call) {
				t.Fatalf("got %v", err)
			}
			if call.Kind != c.kind || !strings.Contains(call.Message, c.message) || call.Next == "" {
				t.Errorf("%s (status %d): %s. Next: %s", call.Kind, call.Status, call.Message, call.Next)
			}
			if strings.Contains(call.Error(), "sim-api-token") {
				t.Error("the message holds the token")
			}
		})
	}
}

func TestWASMRecordsWithoutAKeyAreTold(t *testing.T) {
	for kind, want := range map[sim.Kind]string{
		sim.DataEmpty: "", sim.MissingID: "1,,3", sim.DuplicateID: "1,1,3", sim.HugeNumbers: "1,92233720368547758089,3",
	} {
		o := newOutside(t, sim.Options{Seed: 1, People: 3, Unlimited: true})
		if err := o.sim.AddFault(sim.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		if err := o.fetch(t); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		var keys []string
		for _, r := range o.records {
			keys = append(keys, r.Key)
			if (r.Key == "") != (r.Problem != "") {
				t.Errorf("%s: key %q, problem %q", kind, r.Key, r.Problem)
			}
		}
		if got := strings.Join(keys, ","); got != want {
			t.Errorf("%s: keys %s, want %s", kind, got, want)
		}
	}
}
