//go:build !wasip1

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

// at returns the value at a JSON pointer without escapes, as text.
func at(t *testing.T, body, pointer string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		members, _ := v.(map[string]any)
		member, ok := members[name]
		if !ok {
			t.Fatalf("%s: there is nothing at %s", body, pointer)
		}
		v = member
	}
	return fmt.Sprint(v)
}

// TestTheReceiverReadsWhatPipedriveSends holds the manifest's pointers against
// deliveries and the list of subscriptions, in every reading of the vendor's guide.
func TestTheReceiverReadsWhatPipedriveSends(t *testing.T) {
	for _, readings := range []map[string]string{{}, {"webhook_ids": "numbers", "webhook_time": "seconds", "webhook_user": "short"}} {
		var got []string
		target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got = append(got, string(b))
		}))
		defer target.Close()
		queue := []func(){}
		s := sim.New(sim.Options{
			People: 3, Unlimited: true, Readings: readings, LoopbackWebhooks: true,
			AfterFunc: func(_ time.Duration, f func()) { queue = append(queue, f) },
		})
		call := func(method, path, body string) string {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("x-api-token", "sim-api-token")
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w.Body.String()
		}
		r, about := manifest(t).Receiver, manifest(t).Receiver.Subscription
		made := call("POST", "/v1/webhooks", `{"subscription_url":"`+target.URL+`","event_action":"*","event_object":"user","name":"x","http_auth_user":"u","http_auth_password":"p"}`)
		if got := at(t, made, about.Created); got != "1" {
			t.Errorf("created %s", got)
		}
		before := time.Now().Add(-time.Minute)
		user := s.Add("Ada", "ada@example.org")
		_, _ = s.Rename(user.ID, "Ada King")
		_, _ = s.Delete(user.ID)
		for _, f := range queue {
			f()
		}
		for i, kind := range []string{"create", "change", "delete"} {
			body := got[i]
			if at(t, body, r.Kind) != kind || at(t, body, r.Key) != fmt.Sprint(user.ID) || at(t, body, r.Records) != "user" || len(at(t, body, r.ID)) < 10 {
				t.Errorf("%s: %s", kind, body)
			}
			for pointer, want := range r.Expect {
				if got := at(t, body, pointer); got != want {
					t.Errorf("%s is %s", pointer, got)
				}
			}
			when, err := time.Parse(time.RFC3339, at(t, body, r.Time))
			if readings["webhook_time"] == "seconds" {
				var seconds int64
				_, err = fmt.Sscan(at(t, body, r.Time), &seconds)
				when = time.Unix(seconds, 0)
			}
			if err != nil || when.Before(before) || when.After(time.Now().Add(time.Minute)) {
				t.Errorf("time %v, %v", when, err)
			}
		}
		list := call("GET", "/v1/webhooks", "")
		one := list[strings.Index(list, "[")+1 : strings.LastIndex(list, "]")]
		for pointer, want := range map[string]string{about.URL: target.URL, about.Username: "u", about.Active: "1", about.Status: "200", about.Reason: "<nil>"} {
			if got := at(t, one, pointer); got != want {
				t.Errorf("%s is %s, want %s", pointer, got, want)
			}
		}
		for pointer, want := range about.Match {
			if got := at(t, one, pointer); got != want {
				t.Errorf("%s is %s, want %s", pointer, got, want)
			}
		}
		if _, err := time.Parse(time.RFC3339, at(t, one, about.Delivered)); err != nil {
			t.Error(err)
		}
	}
}
