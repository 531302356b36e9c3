package sim

import (
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// came lists what a receiver got, as ACTION of USER.
func (r *receiver) came() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, d := range r.got {
		list = append(list, fmt.Sprintf("%v %v", d.meta["action"], d.meta["entity_id"]))
	}
	return strings.Join(list, ", ")
}

func TestDeliveriesMeetFaults(t *testing.T) {
	for _, c := range []struct {
		fault string
		want  string
	}{
		{`{"kind":"drop","times":1}`, "change 2, change 3"},
		{`{"kind":"drop"}`, ""},
		{`{"kind":"duplicate","times":1}`, "change 1, change 1, change 2, change 3"},
		{`{"kind":"reorder","times":1}`, "change 2, change 1, change 3"},
		{`{"kind":"reorder"}`, "change 2, change 1"},
		{`{"kind":"delay","times":1,"delay":"1s"}`, "change 2, change 3, change 1"},
	} {
		r := newReceiver(t)
		s, now := subscribed(t, r, nil, "")
		if got := do(t, s, "POST", "/_sim/deliveries/faults", c.fault); got.status != 204 {
			t.Fatalf("%s: %d %s", c.fault, got.status, got.body)
		}
		for id := range int64(3) {
			_, _ = s.Rename(id+1, "Ada King")
		}
		r.run(now)
		if got := r.came(); got != c.want {
			t.Errorf("%s: %s came, want %s", c.fault, got, c.want)
		}
		if c.fault == `{"kind":"duplicate","times":1}` && r.got[0].meta["id"] != r.got[1].meta["id"] {
			t.Error("a duplicate has another id")
		}
		left := get(t, s, "/_sim/deliveries/faults").body
		if want := !strings.Contains(c.fault, "times"); strings.Contains(left, "kind") != want {
			t.Errorf("%s: left is %s", c.fault, left)
		}
	}
}

func TestADeliveryThatIsHeldBackComesWhenTheFaultIsCleared(t *testing.T) {
	r := newReceiver(t)
	s, now := subscribed(t, r, nil, "")
	if err := s.AddDeliveryFault(DeliveryFault{Kind: ReorderDelivery}); err != nil {
		t.Fatal(err)
	}
	_, _ = s.Rename(1, "Ada King")
	r.run(now)
	if got := r.came(); got != "" {
		t.Fatalf("%s came", got)
	}
	do(t, s, "DELETE", "/_sim/deliveries/faults", "")
	r.run(now)
	if got := r.came(); got != "change 1" {
		t.Errorf("%s came", got)
	}
}

func TestFaultsOfDeliveriesAreRefused(t *testing.T) {
	s := New(Options{})
	for body, want := range map[string]string{
		`{"kind":"lose"}`:                "drop, duplicate, reorder or delay",
		`{"kind":"delay"}`:               "not a wait",
		`{"kind":"delay","delay":"-1s"}`: "not a wait",
		`{"kind":"drop","times":-1}`:     "negative",
	} {
		if got := do(t, s, "POST", "/_sim/deliveries/faults", body); got.status != 400 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}

func TestTheVendorRemovesAWebhook(t *testing.T) {
	for _, reading := range []string{"absent", "listed"} {
		r := newReceiver(t)
		s, now := subscribed(t, r, map[string]string{"webhook_removed": reading}, "")
		if got := do(t, s, "POST", "/_sim/webhooks/1/remove", ""); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		_, _ = s.Rename(1, "Ada King")
		r.run(now)
		if got := r.came(); got != "" {
			t.Errorf("%s: %s came", reading, got)
		}
		body := get(t, s, "/v1/webhooks").body
		listed := strings.Contains(body, `"is_active":0`) && strings.Contains(body, `"remove_time":"2026-`) && strings.Contains(body, `"remove_reason":"no success`)
		if listed != (reading == "listed") || reading == "absent" && !strings.HasSuffix(body, `"data":[]}`) {
			t.Errorf("%s: %s", reading, body)
		}
		if got := send(t, s, "DELETE", "/v1/webhooks/1", ""); got.status != 404 {
			t.Errorf("%s: DELETE of what is removed: %d", reading, got.status)
		}
		if got := do(t, s, "POST", "/_sim/webhooks/1/remove", ""); got.status != 404 {
			t.Errorf("%s: removed twice: %d", reading, got.status)
		}
	}
}

func TestABanLosesWhatHappens(t *testing.T) {
	r := newReceiver(t)
	s, now := subscribed(t, r, nil, "")
	do(t, s, "POST", "/_sim/webhooks/1/ban", "")
	_, _ = s.Rename(1, "Ada King")
	if list := s.Webhooks(); list[0].BannedUntil.Sub(now.Now()) != banTime {
		t.Errorf("%+v", list)
	}
	do(t, s, "POST", "/_sim/webhooks/1/pardon", "")
	_, _ = s.Rename(2, "Ada King")
	r.run(now)
	if got := r.came(); got != "change 2" {
		t.Errorf("%s came", got)
	}
}

// TestEveryWayToChangeAUserIsTold covers what the API and the control API do to
// users.
func TestEveryWayToChangeAUserIsTold(t *testing.T) {
	r := newReceiver(t)
	s, now := subscribed(t, r, nil, "")
	if _, err := s.Change(2, func(u *User) { u.ActiveFlag, u.IsDeleted, u.RoleID = true, false, 1 }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(3, func(u *User) { u.IsDeleted = false }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, body, want string }{
		{"PUT", "/v1/users/2", `{"active_flag":false}`, "change 2"},
		{"PUT", "/v1/users/2", `{"active_flag":true}`, "change 2"},
		{"POST", "/v1/users", `{"email":"bo@example.org"}`, "create 4"},
		{"POST", "/v1/roles/4/assignments", `{"user_id":2}`, "change 2"},
		{"DELETE", "/v1/roles/4/assignments", `{"user_id":2}`, "change 2"},
		{"POST", "/_sim/users", `{"name":"Cy","email":"cy@example.org"}`, "create 5"},
		{"PATCH", "/_sim/users/2", `{"name":"Ada King"}`, "change 2"},
		{"PATCH", "/_sim/users/2", `{"name":"Ada King"}`, ""},
		{"POST", "/_sim/users/2/deactivate", ``, "change 2"},
		{"POST", "/_sim/users/2/activate", ``, "change 2"},
		{"DELETE", "/_sim/users/2", ``, "delete 2"},
		{"POST", "/_sim/users/3/remove", ``, "delete 3"},
	} {
		r.run(now)
		r.got = nil
		if got := send(t, s, c.method, c.path, c.body); got.status > 299 {
			t.Fatalf("%s %s: %d %s", c.method, c.path, got.status, got.body)
		}
		r.run(now)
		if got := r.came(); got != c.want {
			t.Errorf("%s %s %s: %q came, want %q", c.method, c.path, c.body, got, c.want)
		}
	}
}

func TestAttemptsAreRemembered(t *testing.T) {
	for _, reading := range []string{"same", "new"} {
		r := newReceiver(t)
		r.status = 503
		s, now := subscribed(t, r, map[string]string{"webhook_retry_id": reading}, "")
		_, _ = s.Rename(2, "Ada King")
		r.run(now)
		all, ids := s.Attempts(), map[string]bool{}
		for i, a := range all {
			ids[a.ID] = true
			if a.Attempt != i+1 || a.Status != 503 || a.Entity != "2" || a.Action != "change" || a.Webhook != 1 {
				t.Errorf("%+v", a)
			}
		}
		if want := map[string]int{"same": 1, "new": 4}[reading]; len(all) != 4 || len(ids) != want {
			t.Errorf("%s: %d attempts with %d ids", reading, len(all), len(ids))
		}
	}
}

func TestDeliveriesCanBeFaster(t *testing.T) {
	r := newReceiver(t)
	r.status = 500
	s, now := subscribed(t, r, nil, "")
	s.opts.WebhookSpeed = 30
	_, _ = s.Rename(2, "Ada King")
	r.run(now)
	if got := fmt.Sprint(r.waits); got != "[0s 100ms 1s 5s]" {
		t.Errorf("waits %s", got)
	}
	if _, err := s.BanWebhook(1); err != nil || s.Webhooks()[0].BannedUntil.Sub(now.Now()) != time.Minute {
		t.Errorf("%+v, %v", s.Webhooks(), err)
	}
}

// TestAnAnswerThatComesTooLateIsAFailure lets a receiver answer after the
// attempt has been given up.
func TestAnAnswerThatComesTooLateIsAFailure(t *testing.T) {
	late := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-late }))
	defer server.Close()
	defer close(late)
	var queue []func()
	s := New(Options{LoopbackWebhooks: true, WebhookTimeout: time.Millisecond, AfterFunc: func(_ time.Duration, f func()) { queue = append(queue, f) }})
	if s.opts.WebhookTimeout = time.Millisecond; (Options{}).withDefaults().WebhookTimeout != 10*time.Second {
		t.Error("without an option it is another time than the vendor's")
	}
	send(t, s, "POST", "/v1/webhooks", `{"subscription_url":"`+server.URL+`/in","event_action":"*","event_object":"*","name":"n"}`)
	_, _ = s.Rename(1, "Ada King")
	queue[0]()
	if got := s.Attempts(); len(got) != 1 || got[0].Status != 0 {
		t.Errorf("%+v", got)
	}
	if len(queue) != 2 {
		t.Errorf("%d attempts are planned, want another one", len(queue)-1)
	}
}

// TestDeliveriesTrustOnlyKnownCertificates: the vendor accepts no certificate
// that its system does not know.
func TestDeliveriesTrustOnlyKnownCertificates(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	known := x509.NewCertPool()
	known.AddCert(server.Certificate())
	for _, roots := range []*x509.CertPool{nil, known} {
		var queue []func()
		s := New(Options{LoopbackWebhooks: true, WebhookRoots: roots, AfterFunc: func(_ time.Duration, f func()) { queue = append(queue, f) }})
		send(t, s, "POST", "/v1/webhooks", `{"subscription_url":"`+server.URL+`/in","event_action":"*","event_object":"*","name":"n"}`)
		_, _ = s.Rename(1, "Ada King")
		queue[0]()
		want := 0
		if roots != nil {
			want = 200
		}
		if got := s.Attempts(); got[0].Status != want {
			t.Errorf("roots %v: status %d, want %d", roots != nil, got[0].Status, want)
		}
	}
}

// TestTheVendorsNumbers holds what the vendor's guide says.
func TestTheVendorsNumbers(t *testing.T) {
	got := fmt.Sprint(waits(), deliveryTimeout, banAfter, banTime, deadAfter, maxHooks)
	if want := "[0s 3s 30s 2m30s] 10s 10 30m0s 72h0m0s 40"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
