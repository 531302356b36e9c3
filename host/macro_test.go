package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// echo renders a template into itself. The name of a code is an error with that
// code, and "longer" a text that is too long.
type echo struct{}

var _ host.Macros = echo{}

func (echo) Macro(_ context.Context, template string, place abi.Place) (string, error) {
	for _, c := range abi.Codes() {
		if template == c.String() {
			return "", fmt.Errorf("as asked: %w", c)
		}
	}
	switch {
	case template == "longer":
		return strings.Repeat("x", abi.MaxMacroSize+1), nil
	case template == "plain":
		return "", errors.New("no code")
	case place == abi.PlaceQuery:
		return url.QueryEscape(template), nil
	}
	return template, nil
}

// growing renders a template into a longer text each time.
type growing struct{ calls *int }

func (g growing) Macro(context.Context, string, abi.Place) (string, error) {
	*g.calls++
	return strings.Repeat("x", 10_000**g.calls), nil
}

// holding renders every template into one text.
type holding string

func (h holding) Macro(_ context.Context, template string, _ abi.Place) (string, error) {
	if template == "fails" {
		return "", errors.New("1:1: cannot read " + string(h))
	}
	return string(h), nil
}

// rendered fetches with a guest that renders a template.
func rendered(t *testing.T, f fixture, template string) (text, problem string) {
	t.Helper()
	got, _, err := f.fetch(t.Context(), "macro", func(c *abi.FetchCall) { c.Endpoint.Params["template"] = template })
	if err != nil || len(got) != 1 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	text, _ = got[0].Fields["text"].(string)
	problem, _ = got[0].Fields["error"].(string)
	return text, problem
}

// TestATemplateIsRenderedForEachCall: in a fetch and in an invoke, by whoever
// the application's call names.
func TestATemplateIsRenderedForEachCall(t *testing.T) {
	var asked atomic.Value
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.RawQuery)
		_, _ = w.Write([]byte(`{"ok":true}`))
	}))
	if text, problem := rendered(t, f, "a b"); text != "" || problem != "this call renders no templates" {
		t.Errorf("without macros: %q %q", text, problem)
	}
	f.app.Macros = echo{}
	if text, problem := rendered(t, f, "a b"); text != "a b" || problem != "" {
		t.Errorf("%q %q", text, problem)
	}
	if text, problem := rendered(t, f, "no_value"); text != "" || problem != "as asked: no_value" {
		t.Errorf("%q %q", text, problem)
	}
	hook := abi.InvokeCall{Webhook: abi.Webhook{Name: "macro", Path: "/x", Body: "a b&c"}}
	if a, err := f.conn.Invoke(t.Context(), f.app, hook); err != nil || a.Status != 200 || asked.Load() != "q=a+b%26c" {
		t.Errorf("%+v %v, asked for %v", a, err, asked.Load())
	}
	hook.Webhook.Body = "refused"
	if _, err := f.conn.Invoke(t.Context(), f.app, hook); asCallError(t, err).Kind != abi.KindConfig || !strings.Contains(err.Error(), "as asked") {
		t.Errorf("%v", err)
	}
}

// TestATextThatDoesNotFitIsKept: rendered a second time, it could be longer
// than the buffer that the guest has made for it.
func TestATextThatDoesNotFitIsKept(t *testing.T) {
	f := share(t, answer(`{}`))
	calls := 0
	f.app.Macros = growing{&calls}
	if text, problem := rendered(t, f, "x"); len(text) != 10_000 || problem != "" || calls != 1 {
		t.Errorf("%d bytes after %d calls, %q", len(text), calls, problem)
	}
}

// TestNoSecretIsRendered: a value that holds a secret of the application, such
// as a token that somebody wrote into a description, stays in the host.
func TestNoSecretIsRendered(t *testing.T) {
	f := share(t, answer(`{}`))
	const secret = "secret-api-token" // of the fixture's credentials
	f.app.Macros = holding("the token is " + secret)
	if text, problem := rendered(t, f, "x"); text != "" || !strings.Contains(problem, "holds a secret") || strings.Contains(problem, secret) {
		t.Errorf("%q %q", text, problem)
	}
	if text, problem := rendered(t, f, "fails"); text != "" || !strings.Contains(problem, "1:1: cannot read the token is *") || strings.Contains(problem, secret) {
		t.Errorf("%q %q", text, problem)
	}
}

// TestTemplatesWithoutEnd: neither their number nor the time that they take is
// without a bound.
func TestTemplatesWithoutEnd(t *testing.T) {
	f := share(t, answer(`{}`))
	f.app.Macros = echo{}
	_, _, err := f.fetch(t.Context(), "macro-many", nil)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(abi.MaxMacros, " templates in one call")) {
		t.Errorf("many: %v", err)
	}
	f = start(t, host.Settings{CallTimeout: 300 * time.Millisecond}, answer(`{}`))
	f.app.Macros = echo{}
	_, _, err = f.fetch(t.Context(), "macro-endless", nil)
	if err == nil || !strings.Contains(err.Error(), "ran for more than 300ms") {
		t.Errorf("endless: %v", err)
	}
}
