package metrics

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestReceiverMetrics(t *testing.T) {
	m := New("test", func() float64 { return 0 })
	scrape := func() string {
		rec := httptest.NewRecorder()
		m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
		return rec.Body.String()
	}
	if strings.Contains(scrape(), "rollcall_receipts_open") {
		t.Error("there is no receiver, and something waits")
	}
	list, err := []Waiting{{Application: "pipedrive", Open: 3, Oldest: time.Now().Add(-time.Hour), GivenUp: 2}}, error(nil)
	m.Receiver(func() ([]Waiting, error) { return list, err })
	m.Received("pipedrive", "stored")
	m.Received("", "not_found")
	m.Seen("pipedrive", 100*time.Millisecond)
	wants := func(all ...string) {
		t.Helper()
		got := scrape()
		for _, want := range all {
			if !strings.Contains(got, want) {
				t.Errorf("no %s", want)
			}
		}
	}
	wants(`rollcall_received_total{application="pipedrive",result="stored"} 1`, `rollcall_received_total{application="",result="not_found"} 1`,
		`rollcall_receipt_lag_seconds_count{application="pipedrive"} 1`, `rollcall_receipts_open{application="pipedrive"} 3`,
		`rollcall_receipts_oldest_seconds{application="pipedrive"} 36`,
		`rollcall_receipts_given_up{application="pipedrive"} 2`)
	list = nil
	wants(`rollcall_receipts_open{application="pipedrive"} 0`, `rollcall_receipts_oldest_seconds{application="pipedrive"} 0`,
		`rollcall_receipts_given_up{application="pipedrive"} 0`)
	if err = errors.New("the state is damaged"); strings.Contains(scrape(), "rollcall_receipts_open") {
		t.Error("an old number is shown")
	}
}
