package consent

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

var question = Question{AuthURL: "https://vendor.example/authorize", ClientID: "me", Scopes: []string{"users:read"}}

// asked is what the person is sent to the vendor with.
func asked(t *testing.T, p Prompt) url.Values {
	t.Helper()
	u, err := url.Parse(p.URL)
	if err != nil || !strings.HasPrefix(p.URL, question.AuthURL+"?") || u.Query().Get("redirect_uri") != p.RedirectURL {
		t.Fatalf("asked %+v, %v", p, err)
	}
	return u.Query()
}

// TestListensForTheAnswer: only the answer to this question counts, whatever
// else comes to the port.
func TestListensForTheAnswer(t *testing.T) {
	visit := func(address string, query url.Values) int {
		resp, err := http.Get(address + "?" + query.Encode())
		if err != nil {
			t.Error(err)
			return 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	free, err := net.Listen("tcp", "127.0.0.1:0") // a port that was free a moment ago
	if err != nil {
		t.Fatal(err)
	}
	own := "http://" + free.Addr().String() + "/done"
	_ = free.Close()
	for _, way := range []Way{{}, {RedirectURL: own}} {
		listens(t, way, visit)
	}
}

func listens(t *testing.T, way Way, visit func(string, url.Values) int) {
	t.Helper()
	var redirect string
	given, err := Ask(t.Context(), question, way, strings.NewReader(""), func(p Prompt) {
		redirect = p.RedirectURL
		if way.RedirectURL != "" && redirect != way.RedirectURL || p.Paste {
			t.Errorf("%+v: told %+v", way, p)
		}
		state := asked(t, p).Get("state")
		go func() { // Ask listens by now, and serves when this has returned
			forged := visit(redirect, url.Values{"code": {"stolen"}, "state": {"forged"}})
			elsewhere := visit(redirect+"/x", url.Values{"code": {"stolen"}, "state": {state}})
			if forged != http.StatusBadRequest || elsewhere != http.StatusNotFound {
				t.Errorf("a forged answer got %d, another page %d", forged, elsewhere)
			}
			visit(redirect, url.Values{"code": {"right"}, "state": {state}})
		}()
	})
	if err != nil || given.Code != "right" || given.RedirectURL != redirect || given.Verifier == "" {
		t.Errorf("got %+v, %v", given, err)
	}
}

// TestTakesWhatIsPasted: with a redirect URL of elsewhere, or where it is asked
// for, the person pastes the answer.
func TestTakesWhatIsPasted(t *testing.T) {
	for _, way := range []Way{{Paste: true, Port: 7}, {RedirectURL: "https://app.example.com/done"}, {RedirectURL: "http://127.0.0.1/done"}} {
		in, person := io.Pipe()
		given, err := Ask(t.Context(), question, way, in, func(p Prompt) {
			if !p.Paste {
				t.Errorf("%+v: it listens", way)
			}
			state := asked(t, p).Get("state")
			go func() {
				_, _ = io.WriteString(person, "what?\n\n"+p.RedirectURL+"?state=old&code=x\n"+p.RedirectURL+"?state="+state+"&code=right\n")
			}()
		})
		if err != nil || given.Code != "right" {
			t.Errorf("%+v: got %+v, %v", way, given, err)
		}
	}
	if _, err := Ask(t.Context(), question, Way{Paste: true}, strings.NewReader("what?\n"), func(Prompt) {}); err == nil ||
		!strings.Contains(err.Error(), "is not the address of a page") {
		t.Errorf("rubbish: %v", err)
	}
}

// TestEndsWithItsContext: nobody has to consent.
func TestEndsWithItsContext(t *testing.T) {
	for _, way := range []Way{{}, {Paste: true}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		in, _ := io.Pipe()
		_, err := Ask(ctx, question, way, in, func(Prompt) { cancel(io.ErrClosedPipe) })
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%+v: %v", way, err)
		}
	}
}
