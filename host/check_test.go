package host_test

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func need(use, path, right string) abi.Need {
	return abi.Need{Use: use, Method: "GET", Path: path, Rights: []string{right}}
}

func TestFindingsOfACheck(t *testing.T) {
	f := share(t, answer("secret-api-token\r\nsays no"))
	found, err := f.conn.Check(t.Context(), f.app, []abi.Need{need("endpoint users", "/users", "lacking"), need("webhook add", "/users", "unknown")})
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	if got := found[0]; got.Use != "endpoint users" || got.State != abi.RightLacking || strings.Contains(got.Reason, "secret") || strings.Contains(got.Reason, "\n") || !strings.Contains(got.Reason, "says no") {
		t.Errorf("%+v", got)
	}
	// However a connector came by it.
	found, err = f.conn.Check(t.Context(), f.app, []abi.Need{{Use: "webhook add", Method: "GET", URL: "https://api.example.com/?t=secret-api-token", Rights: []string{"granted"}}})
	if err != nil || len(found) != 1 || strings.Contains(found[0].Reason, "secret-api-token") || !strings.Contains(found[0].Reason, "https://api.example.com/?t=") {
		t.Errorf("%+v, %v", found, err)
	}
	for name, c := range map[string]struct {
		needs []abi.Need
		want  string
	}{
		"a state that is not one": {[]abi.Need{need("endpoint users", "/users", "perhaps")}, "is not granted, lacking or unknown"},
		"too many":                {[]abi.Need{need("endpoint users", "1001", "granted")}, "more than 1000 findings"},
		"records in a check":      {[]abi.Need{need("endpoint users", "/emit", "granted")}, "no records"},
	} {
		if _, err := f.conn.Check(t.Context(), f.app, c.needs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found, err := f.conn.Check(t.Context(), f.app, nil); err != nil || len(found) != 0 {
		t.Errorf("without needs: %+v, %v", found, err)
	}
}

func TestWhatTheManifestRefusesIsNotSent(t *testing.T) {
	s := &scripted{}
	f := share(t, s)
	s.reset("200 {}")
	for _, w := range []abi.Webhook{
		{Name: "away", Method: "DELETE", Path: "/users/7"},
		{Name: "away", Method: "DELETE", Path: "/v1/users/7/?force=1"},
		{Name: "away", Method: "DELETE", URL: "https://api.example.com/v1/users/7"},
	} {
		_, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: w})
		e := asCallError(t, err)
		if e.Kind != abi.KindConfig || e.Sent || !strings.Contains(e.Message, `webhook "away": Guest cannot delete a user: the API has no such call. Nothing was sent`) {
			t.Errorf("%+v", e)
		}
	}
	if asked := s.requests(); len(asked) != 0 {
		t.Errorf("sent %q", asked)
	}
	if _, err := f.conn.Invoke(t.Context(), f.app, abi.InvokeCall{Webhook: abi.Webhook{Method: "DELETE", Path: "/teams/7"}}); err != nil || len(s.requests()) != 1 {
		t.Errorf("another operation: %v", err)
	}
}
