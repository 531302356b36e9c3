package oauth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// TestGrantedScopes reads what the vendor says it granted, in every form, and
// keeps it while a refresh does not mention it.
func TestGrantedScopes(t *testing.T) {
	fresh := fmt.Sprintf(`"access_token":"a0","refresh_token":"r0","expiry":%q`, time.Now().Add(time.Hour).Format(time.RFC3339))
	for _, c := range []struct {
		name, stored, refreshed string
		want                    []string
	}{
		{"spaces", "{" + fresh + `,"scope":"base users:read"}`, "", []string{"base", "users:read"}},
		{"commas", "{" + fresh + `,"scope":"base,users:read, admin"}`, "", []string{"base", "users:read", "admin"}},
		{"a list", "{" + fresh + `,"scope":["base","users:read"]}`, "", []string{"base", "users:read"}},
		{"not said", "{" + fresh + "}", "", nil},
		{"null", "{" + fresh + `,"scope":null}`, "", nil},
		{"nothing that can be read", "{" + fresh + `,"scope":7}`, "", nil},
		{"said when refreshed", `{"refresh_token":"r0"}`, `,"scope":"base,users:read"`, []string{"base", "users:read"}},
		{"changed when refreshed", `{"refresh_token":"r0","scope":"admin"}`, `,"scope":"base"`, []string{"base"}},
		{"kept when refreshed", `{"refresh_token":"r0","scope":"base admin"}`, "", []string{"base", "admin"}},
		{"a list when refreshed", `{"refresh_token":"r0"}`, `,"scope":["base"]`, []string{"base"}},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"access_token":"a1","token_type":"Bearer","expires_in":3600%s}`, c.refreshed)
		}))
		m := &memory{values: map[string][]byte{"oauth.acme": []byte(c.stored)}}
		settings := Settings{
			Application: "acme", TokenURL: server.URL, ClientID: "client", HTTP: client(t),
			ClientSecret: func(context.Context) (string, error) { return "client-secret-1", nil },
		}
		locks := FileLocks{Dir: t.TempDir()}
		for _, attempt := range []string{"at once", "from the store"} {
			got, err := New(settings, m, locks).Granted(t.Context())
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s, %s: %q, %v, want %q", c.name, attempt, got, err, c.want)
			}
		}
		server.Close()
	}
}
