package metrics

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// shown lists the samples of the outbox, as "name labels... value".
func shown(t *testing.T, m *Metrics) (list []string) {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "rollcall_")
			if !slices.Contains([]string{"outbox_depth", "outbox_oldest_seconds", "orchestrations", "deliveries_total"}, name) {
				continue
			}
			for _, l := range s.GetLabel() {
				name += " " + l.GetValue()
			}
			value := s.GetGauge().GetValue() + s.GetCounter().GetValue()
			list = append(list, name+" "+time.Duration(value*float64(time.Second)).String())
		}
	}
	return list
}

// TestTheOutboxIsShown: each open state is there, also with nothing in it; what has
// gone is not; and a state that cannot be read shows nothing.
func TestTheOutboxIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New("1.2.3", func() float64 { return 0 })
		if got := shown(t, m); len(got) > 0 {
			t.Errorf("before there is an outbox: %q", got)
		}
		now, broken, reads := Outbox{
			Depth: map[string]int{"dead": 2}, Oldest: time.Now().Add(-time.Minute),
			Orchestrations: []OrchestrationCount{{"leaver", "waiting", 3}},
		}, error(nil), 0
		m.Outbox(func() (Outbox, error) { reads++; return now, broken })
		want := []string{
			"orchestrations leaver waiting 3s", "outbox_depth dead 2s", "outbox_depth queued 0s", "outbox_depth retrying 0s",
			"outbox_depth sending 0s", "outbox_oldest_seconds 1m0s",
		}
		if got := shown(t, m); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		now = Outbox{}
		_ = shown(t, m)
		if reads != 1 {
			t.Errorf("it was counted %d times within %s", reads, outboxFor)
		}
		time.Sleep(outboxFor)
		if got := shown(t, m); len(got) != 5 || got[4] != "outbox_oldest_seconds 0s" {
			t.Errorf("empty: %q", got)
		}
		broken = errors.New("the disk is gone")
		time.Sleep(outboxFor)
		if got := shown(t, m); len(got) > 0 {
			t.Errorf("unreadable: %q", got)
		}
	})
}

func TestWebhooksThatAreGoneAreNotShown(t *testing.T) {
	m := New("1.2.3", func() float64 { return 0 })
	m.Delivered("old", "done")
	m.Delivered("old", "dead")
	m.Delivered("new", "done")
	m.Webhooks([]string{"new", "newer"})
	m.Delivered("new", "done")
	if got := shown(t, m); !slices.Equal(got, []string{"deliveries_total done new 2s"}) {
		t.Errorf("got %q", got)
	}
}
