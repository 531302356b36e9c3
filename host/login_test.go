package host_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// loggingIn are credentials that are fetched first.
type loggingIn struct {
	logins host.Logins
	at     string
}

func (l loggingIn) Apply(ctx context.Context, _ *http.Request) error {
	transport, err := l.logins.Transport()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.at, strings.NewReader("password=x"))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return resp.Body.Close()
}
func (loggingIn) Rejected(context.Context) (bool, error)  { return false, nil }
func (loggingIn) BaseURL(context.Context) (string, error) { return "", nil }
func (loggingIn) Redact() []string                        { return nil }

// TestALoginObeysTheRules: a host that nobody named receives nothing, and the
// call fails like any request to such a host, with the next step.
func TestALoginObeysTheRules(t *testing.T) {
	reached := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer other.Close()
	f := share(t, answer(`{"data":[]}`))
	for name, c := range map[string]struct {
		urls []string
		want string
	}{
		"undeclared": {nil, "is not one that the connector's manifest or the configuration names"},
		"configured": {[]string{"", other.URL}, ""},
	} {
		reached = 0
		logins := host.Logins{Hosts: []string{"api.example.com"}, URLs: c.urls, Proxy: "direct"}
		f.app.Credentials = loggingIn{logins, other.URL + "/t"}
		if err := logins.Check(other.URL + "/t"); (err == nil) != (c.want == "") {
			t.Errorf("%s: check: %v", name, err)
		}
		_, _, err := f.fetch(t.Context(), "", func(call *abi.FetchCall) { call.Retry.Attempts = 1 })
		if c.want == "" {
			if err != nil || reached != 1 {
				t.Errorf("%s: %v, reached %d", name, err, reached)
			}
			continue
		}
		e := asCallError(t, err)
		if e.Kind != abi.KindRefused || !strings.Contains(e.Message, c.want) || !strings.Contains(e.Next, "name it in the application's configuration") || reached != 0 {
			t.Errorf("%s: %s: %s; next: %s; reached %d", name, e.Kind, e.Message, e.Next, reached)
		}
	}
}
