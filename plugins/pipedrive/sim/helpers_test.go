package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// exchange is a request and its answer.
type exchange struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, h http.Handler, method, target, body string, header ...string) exchange {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{w.Code, w.Result().Header, strings.TrimSpace(string(b))}
}

func get(t *testing.T, h http.Handler, target string) exchange {
	t.Helper()
	return do(t, h, http.MethodGet, target, "", "x-api-token", "sim-api-token")
}

func send(t *testing.T, h http.Handler, method, target, body string) exchange {
	t.Helper()
	return do(t, h, method, target, body, "x-api-token", "sim-api-token", "Content-Type", "application/json")
}

type list struct {
	Success    bool
	Data       []User
	Additional *struct {
		Pagination *struct {
			Start, Limit int
			More         bool `json:"more_items_in_collection"`
			Next         *int `json:"next_start"`
		}
		NextCursor *string `json:"next_cursor"`
	} `json:"additional_data"`
}

func decode(t *testing.T, e exchange) list {
	t.Helper()
	var l list
	if err := json.Unmarshal([]byte(e.body), &l); err != nil {
		t.Fatalf("status %d, body %.200s: %v", e.status, e.body, err)
	}
	return l
}
