package host_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// An address in a record is followed by the rules for requests, without credentials,
// and what its server answers says nothing about the application.
func TestAttachment(t *testing.T) {
	picture := []byte("\xff\xd8\xff picture")
	var sent []string
	f := share(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.URL.Path)
		if r.Header.Get("X-Api-Token") != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s got credentials: %v", r.URL.Path, r.Header)
		}
		w.Header().Set("ETag", `"a"`)
		w.Header().Set("Last-Modified", "Tue, 01 Dec 2026 00:00:00 GMT")
		switch r.URL.Path {
		case "/1.jpg":
			if r.Header.Get("If-None-Match") == `"a"` || r.Header.Get("If-Modified-Since") != "" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = w.Write(picture)
		case "/moved":
			http.Redirect(w, r, "/1.jpg", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "https://elsewhere.example.org/1.jpg", http.StatusFound)
		case "/large":
			_, _ = w.Write(make([]byte, abi.MaxAttachment+1))
		case "/busy":
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	ask := func(url string, seen host.AttachmentCall) (host.Attachment, error) {
		if strings.HasPrefix(url, "/") {
			url = f.app.BaseURL + url
		}
		seen.URL = url
		return f.conn.Attachment(t.Context(), f.app, seen)
	}
	for _, path := range []string{"/1.jpg", "/moved"} {
		got, err := ask(path, host.AttachmentCall{})
		if err != nil || !bytes.Equal(got.Content, picture) || got.Same || got.ETag != `"a"` || !strings.HasPrefix(got.Modified, "Tue, 01 Dec") {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
	for _, seen := range []host.AttachmentCall{{ETag: `"a"`}, {Modified: "Tue, 01 Dec 2026 00:00:00 GMT"}} {
		if got, err := ask("/1.jpg", seen); err != nil || !got.Same || got.Content != nil {
			t.Errorf("seen %+v: %+v, %v", seen, got, err)
		}
	}
	if got, err := ask("/1.jpg", host.AttachmentCall{ETag: `"old"`}); err != nil || got.Same || len(got.Content) == 0 {
		t.Errorf("another tag: %+v, %v", got, err)
	}
	for _, c := range []struct {
		url     string
		kind    abi.Kind
		message string
		sends   int
	}{
		{"/none", abi.KindBadResponse, "status 404", 1},
		{"/busy", abi.KindUnavailable, "status 429", 1},
		{"/down", abi.KindUnavailable, "status 503", 1},
		{"/large", abi.KindBadResponse, fmt.Sprintf("more than %d bytes", abi.MaxAttachment), 1},
		{"/away", abi.KindRefused, "host elsewhere.example.org is not one that", 1},
		{"https://elsewhere.example.org/1.jpg?sig=secret", abi.KindRefused, "https://elsewhere.example.org/1.jpg: host", 0},
		{"http://api.example.com/1.jpg", abi.KindRefused, "host api.example.com is not one that", 0},
		{"file:///etc/passwd", abi.KindBadResponse, "is no URL", 0},
		{"1.jpg", abi.KindBadResponse, "is no URL", 0},
		{"https://u:p@api.example.com/1.jpg", abi.KindRefused, "holds a user name", 0},
	} {
		sent = nil
		got, err := ask(c.url, host.AttachmentCall{})
		e := asCallError(t, err)
		if e.Kind != c.kind || !strings.Contains(e.Error(), c.message) || e.Next == "" || got.Content != nil || strings.Contains(e.Error(), "secret") {
			t.Errorf("%s: %s: %v; next: %s", c.url, e.Kind, e, e.Next)
		}
		if len(sent) != c.sends {
			t.Errorf("%s: sent %q", c.url, sent)
		}
	}
	if _, err := ask("/1.jpg", host.AttachmentCall{}); err != nil {
		t.Errorf("after a server of pictures asked to wait: %v", err)
	}
}
