package metrics

import (
	"errors"
	"testing"
	"time"
)

// TestLag: what was last known of the directory and the oldest change that waits, the
// older of the two says how far behind the agent is.
func TestLag(t *testing.T) {
	m := New("1.2.3", func() float64 { return 0 })
	values := func() map[string]float64 {
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			if f.GetName() == "rollcall_event_lag_seconds" || f.GetName() == "rollcall_feed_following" {
				got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return got
	}
	if got := values(); len(got) != 0 {
		t.Errorf("nothing asks for changes: %v", got)
	}
	var waits time.Time
	var fails error
	m.Feed(time.Time{}, func() (time.Time, error) { return waits, fails })
	lag := func() float64 { return values()["rollcall_event_lag_seconds"] }
	if got := values(); got["rollcall_feed_following"] != 0 || lag() > 3000 {
		t.Errorf("at the start: %v", got)
	}
	m.Following(true)
	m.Caught(time.Now().Add(-2 * time.Hour))
	if got := values(); got["rollcall_feed_following"] != 1 || lag() < 7200 || lag() > 9000 {
		t.Errorf("the directory was last seen two hours ago: %v", got)
	}
	m.Caught(time.Now())
	if lag() > 3000 {
		t.Errorf("all is known, and nothing waits: %v", lag())
	}
	waits = time.Now().Add(-time.Hour)
	if lag() < 3600 || lag() > 6000 {
		t.Errorf("a change of an hour ago waits: %v", lag())
	}
	m.Caught(time.Now().Add(-2 * time.Hour))
	if lag() < 7200 {
		t.Errorf("the directory was last seen before that: %v", lag())
	}
	fails = errors.New("the disk")
	if got := values(); len(got) != 1 {
		t.Errorf("the state cannot be read: %v", got)
	}
}
