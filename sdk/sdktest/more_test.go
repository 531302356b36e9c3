package sdktest_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
	"github.com/rollcall-agent/rollcall/sdk/sdktest"
)

func TestKeyedPages(t *testing.T) {
	h, _ := serve(t, map[string]string{"/u": `|{"users":{"17":{"a":1},"18":{"id":"own"}}}`, "/l": `|{"users":[]}`})
	if err := h.Fetch(pages, abi.Endpoint{Path: "/u", Records: "/users", Key: "/id", Keyed: true}); err != nil {
		t.Fatal(err)
	}
	if len(h.Records) != 2 || h.Records[0].Key != "17" || h.Records[1].Key != "own" {
		t.Errorf("%+v", h.Records)
	}
	if err := h.Fetch(pages, abi.Endpoint{Path: "/l", Records: "/users", Key: "/id", Keyed: true}); err == nil {
		t.Error("an array was taken for a keyed object")
	}
}

// TestChangesOfAFetch uses what a fetch can do besides emitting.
func TestChangesOfAFetch(t *testing.T) {
	h, asked := serve(t, map[string]string{"/u?since=": `|photo`, "/u?since=c1": `|photo`})
	h.Secrets = map[string]string{"key": "s3cret"}
	c := sdk.Connector{Fetch: func(c *sdk.Call) error {
		cursor, err := c.Cursor()
		if err != nil {
			return err
		}
		r, err := c.Send(sdk.Request{Path: "/u", Query: map[string]string{"since": cursor}})
		if err != nil {
			return err
		}
		defer r.Close()
		size, err := r.Size()
		if err != nil || size != 5 {
			t.Errorf("size %d, %v", size, err)
		}
		digest, err := c.HMAC("key", abi.HMACSHA256, []byte("data"))
		if err != nil || hex.EncodeToString(digest) != "7fb6d95052c61207f9be33a8036dccbae6202133305b12302887123df46ec4f3" {
			t.Errorf("digest %x, %v", digest, err)
		}
		if _, err := c.Secret("none"); !errors.Is(err, abi.CodeInput) {
			t.Errorf("no such secret: %v", err)
		}
		if err := c.EmitDeleted(""); !errors.Is(err, abi.CodeInput) {
			t.Errorf("no key: %v", err)
		}
		if err := r.Respond(); !errors.Is(err, abi.CodeState) {
			t.Errorf("an answer of a fetch: %v", err)
		}
		return errors.Join(c.EmitDeleted("9"), r.Attach("1", "photo"), c.SetCursor("c1"))
	}}
	for range 2 {
		if err := h.Fetch(c, abi.Endpoint{Path: "/u", Key: "/id"}); err != nil {
			t.Fatal(err)
		}
	}
	want := []sdktest.Record{{Key: "9", Deleted: true}, {Key: "1", Partial: true, Fields: map[string]any{"photo": "cGhvdG8="}}}
	if d := cmp.Diff(append(want, want...), h.Records); d != "" || h.Cursor != "c1" || (*asked)[1] != "/u?since=c1" {
		t.Errorf("cursor %q, asked %q: %s", h.Cursor, *asked, d)
	}
}

// TestDeliver sends a webhook with a secret in each place, and in the form that
// its message type says.
func TestDeliver(t *testing.T) {
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", r.Header.Get("Content-Type"), " ", r.Header.Get("X-Key"), " ", string(body))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, "made")
	}))
	defer srv.Close()
	deliver := sdk.Connector{Invoke: func(c *sdk.Call) error {
		w := c.Webhook()
		if w.Name == "" {
			return sdk.Deliver(c, nil)
		}
		key, err := c.Secret("key")
		if err != nil {
			return err
		}
		r, err := c.Send(sdk.Request{Method: w.Method, Path: w.Path, Headers: map[string]string{"X-Key": key}, Body: key})
		if err != nil {
			return err
		}
		defer r.Close()
		return r.Respond()
	}}
	for want, w := range map[string]abi.Webhook{
		"POST /a application/json  {}":                  {Path: "/a", Body: "{}"},
		"POST /a?x=1  ":                                 {Path: "/a", Params: map[string]string{"x": "1"}},
		"PUT /a application/x-www-form-urlencoded  a=b": {Method: "PUT", Path: "/a", MessageType: abi.MessageForm, Body: "a=b"},
		"POST /a text/csv  a,b":                         {Path: "/a", MessageType: abi.MessageText, Body: "a,b", Headers: map[string]string{"content-type": "text/csv"}},
		"DELETE /a  ":                                   {Method: "DELETE", Path: "/a", MessageType: abi.MessageNone, Body: "not sent"},
		"POST /a  s3cret s3cret":                        {Name: "secret", Method: "POST", Path: "/a"},
	} {
		h := &sdktest.Host{URL: srv.URL, Secrets: map[string]string{"key": "s3cret"}}
		answer, err := h.Invoke(deliver, abi.InvokeCall{Webhook: w})
		if err != nil || answer.Status != 201 || string(answer.Body) != "made" || strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%q, want %q: %+v %v", got, want, answer, err)
		}
	}
	h := &sdktest.Host{URL: srv.URL}
	if _, err := h.Invoke(sdk.Connector{Invoke: func(*sdk.Call) error { return nil }}, abi.InvokeCall{}); err == nil {
		t.Error("no answer, and no error")
	}
	var failure *sdktest.Error
	if _, err := h.Invoke(sdk.Connector{}, abi.InvokeCall{}); !errors.As(err, &failure) || failure.Kind != abi.KindConfig {
		t.Errorf("no Invoke: %v", err)
	}
}

func TestKindsOfCodes(t *testing.T) {
	for code, kind := range map[abi.Code]abi.Kind{
		abi.CodeRateLimited: abi.KindRateLimited, abi.CodeRefused: abi.KindRefused, abi.CodeNetwork: abi.KindUnavailable,
		abi.CodeDeadline: abi.KindUnavailable, abi.CodeAuth: abi.KindAuth, abi.CodeTooLarge: abi.KindBadResponse, abi.CodeState: abi.KindInternal,
	} {
		if got := sdk.KindOf(fmt.Errorf("x: %w", &sdk.HostError{Code: code})); got != kind {
			t.Errorf("%s is %s", code, got)
		}
	}
}
