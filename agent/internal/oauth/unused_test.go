package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

type failing struct{}

func (failing) Get(context.Context, string) ([]byte, bool, error) {
	return nil, false, errors.New("disk")
}
func (failing) Set(context.Context, string, []byte) error { return errors.New("disk") }

// TestRefreshEnds counts from the last use, and knows when it does not know.
func TestRefreshEnds(t *testing.T) {
	const days60 = 60 * 24 * time.Hour
	obtained := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)
	for stored, want := range map[string]time.Time{
		`{"refresh_token":"r","obtained":"2026-10-01T08:00:00Z"}`: obtained.Add(days60),
		`{"refresh_token":"r"}`:                                   {}, // stored by hand: it may be older
		`{"access_token":"a","obtained":"2026-10-01T08:00:00Z"}`:  {},
		`no JSON`: {},
		"":        {},
	} {
		m := &memory{values: map[string][]byte{}}
		if stored != "" {
			m.values["oauth.acme"] = []byte(stored)
		}
		got, err := RefreshEnds(t.Context(), m, "acme", days60)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v, want %v", stored, got, err, want)
		}
		if got, err := RefreshEnds(t.Context(), m, "acme", 0); err != nil || !got.IsZero() {
			t.Errorf("%s, and the vendor ends nothing: %v, %v", stored, got, err)
		}
	}
	if _, err := RefreshEnds(t.Context(), failing{}, "acme", days60); err == nil {
		t.Error("a store that cannot be read knows nothing")
	}
}

// TestAUseMovesTheEnd: each refresh begins the days anew, and tells it.
func TestAUseMovesTheEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"access_token":"a1","token_type":"Bearer","expires_in":3600,"refresh_token":"r1"}`)
	}))
	defer server.Close()
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	var told []time.Time
	settings := Settings{
		Application: "acme", TokenURL: server.URL, ClientID: "client", HTTP: client(t), RefreshUnused: 60 * 24 * time.Hour,
		ClientSecret:  func(context.Context) (string, error) { return "client-secret-1", nil },
		RefreshExpiry: func(_ string, at time.Time) { told = append(told, at) },
		Now:           func() time.Time { return now },
	}
	m := &memory{values: map[string][]byte{"oauth.acme": []byte(`{"refresh_token":"r0","obtained":"2026-10-05T08:00:00Z"}`)}}
	c := New(settings, m, FileLocks{Dir: t.TempDir()})
	if at, err := c.RefreshEnds(t.Context()); err != nil || !at.Equal(time.Date(2026, 12, 4, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("before its use: %v, %v", at, err)
	}
	if _, err := c.Granted(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := now.Add(60 * 24 * time.Hour)
	if at, err := c.RefreshEnds(t.Context()); err != nil || !at.Equal(want) {
		t.Errorf("after its use: %v, %v, want %v", at, err, want)
	}
	if len(told) == 0 || !told[len(told)-1].Equal(want) {
		t.Errorf("told %v, want %v at last", told, want)
	}
}
