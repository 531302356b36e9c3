package credential

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func get(t *testing.T, url string) (*http.Response, string, error) {
	t.Helper()
	c := NewClient(&http.Transport{}, "rollcall/test")
	defer c.CloseIdleConnections()
	resp, err := c.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestClientFollowsNoRedirect(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("/next", http.StatusTemporaryRedirect))
	defer s.Close()
	resp, _, err := get(t, s.URL)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestClientBoundsTheAnswer(t *testing.T) {
	for size, fits := range map[int]bool{MaxBody: true, MaxBody + 1: false} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte("x"), size))
		}))
		_, body, err := get(t, s.URL)
		if fits != (err == nil) || fits && len(body) != size {
			t.Errorf("%d bytes: got %d, %v", size, len(body), err)
		}
		s.Close()
	}
}

// refusal is what a transport says that may not send.
type refusal struct{}

func (refusal) Error() string { return "this host may not be asked" }
func (refusal) Refused() bool { return true }

func (refusal) RoundTrip(*http.Request) (*http.Response, error) { return nil, refusal{} }

func TestWhatHasNotBeenSent(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = nil
	s.StartTLS()
	defer s.Close()
	if _, _, err := get(t, s.URL); err == nil || !Unsent(err) {
		t.Errorf("unknown authority: %v", err)
	}
	resp, err := NewClient(refusal{}, "rollcall/test").Get(s.URL)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || !Unsent(err) || Cause(err).Error() != "this host may not be asked" {
		t.Errorf("refused: %v", err)
	}
	if Unsent(io.ErrUnexpectedEOF) {
		t.Error("a connection that broke counts as unsent")
	}
}

func TestHiddenKeepsTheLastValues(t *testing.T) {
	var h Hidden
	h.AddPair("user", "password")
	h.Add("", "a-token", "a-token-and-more")
	if got := h.Clean("it was a-token-and-more\r\nor password"); got != "it was [secret] or [secret]" {
		t.Errorf("got %q", got)
	}
	if got := h.Clean(strings.Repeat("é ", maxWords)); len(got) > maxWords+3 || !strings.HasSuffix(got, "é ...") {
		t.Errorf("got %q", got)
	}
	if got := h.Clean("hex: " + strings.Repeat("70617373", maxWords)); got != "hex: ..." {
		t.Errorf("a part of a word is left: %q", got)
	}
	for i := range recent {
		h.Add(fmt.Sprintf("token-%d", i))
	}
	if got := h.List(); len(got) != recent || slices.Contains(got, "password") || !slices.Contains(got, "token-0") {
		t.Errorf("got %q", got)
	}
}

func TestCauseOmitsTheURL(t *testing.T) {
	_, _, err := get(t, "http://127.0.0.1:1/?key=in-the-query")
	if err == nil || strings.Contains(Cause(err).Error(), "in-the-query") || !Unsent(err) {
		t.Errorf("got %v", err)
	}
	if plain := errors.New("x"); !errors.Is(Cause(plain), plain) {
		t.Error("another error is changed")
	}
}
