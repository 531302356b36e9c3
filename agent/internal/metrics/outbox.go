package metrics

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Outbox is how the outbox and the orchestrations stand at one moment.
type Outbox struct {
	Depth  map[string]int // open deliveries by state
	Oldest time.Time      // when the oldest of them was queued; zero: there is none
	// Orchestrations counts instances by name and status.
	Orchestrations []OrchestrationCount
}

// OrchestrationCount says how many instances of an orchestration have a status.
type OrchestrationCount struct {
	Name, State string
	Count       int
}

// OpenStates lists the states of deliveries that have not ended.
var OpenStates = []string{"queued", "sending", "retrying", "dead"}

// outboxFor is how long one reading of the outbox is shown: counting takes time.
const outboxFor = 10 * time.Second

// outbox shows what a function reads when it is scraped. Names that are in the
// state no more are shown no more.
type outbox struct {
	depth, oldest, orchestrations *prometheus.Desc

	mu   sync.Mutex
	read func() (Outbox, error) // nil: there is no outbox yet
	last Outbox
	at   time.Time
}

var _ prometheus.Collector = (*outbox)(nil)

func newOutbox() *outbox {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("rollcall_"+name, help, labels, nil)
	}
	return &outbox{
		depth:  desc("outbox_depth", "Deliveries that have not ended, by state.", "state"),
		oldest: desc("outbox_oldest_seconds", "Age of the oldest delivery that has not ended; 0 when there is none."),
		orchestrations: desc("orchestrations", "Orchestrations that are kept, one for each object, by where they stand.",
			"name", "state"),
	}
}

// Outbox sets the function that reads the outbox.
func (m *Metrics) Outbox(read func() (Outbox, error)) {
	m.outbox.mu.Lock()
	defer m.outbox.mu.Unlock()
	m.outbox.read, m.outbox.at = read, time.Time{}
}

// Describe implements prometheus.Collector.
func (o *outbox) Describe(c chan<- *prometheus.Desc) {
	c <- o.depth
	c <- o.oldest
	c <- o.orchestrations
}

// Collect implements prometheus.Collector. It shows nothing when the state cannot
// be read: an old number would say that all is well.
func (o *outbox) Collect(c chan<- prometheus.Metric) {
	now, ok := o.look()
	if !ok {
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, state := range OpenStates {
		gauge(o.depth, float64(now.Depth[state]), state)
	}
	age := time.Duration(0)
	if !now.Oldest.IsZero() {
		age = max(time.Since(now.Oldest), 0)
	}
	gauge(o.oldest, age.Seconds())
	for _, i := range now.Orchestrations {
		gauge(o.orchestrations, float64(i.Count), i.Name, i.State)
	}
}

func (o *outbox) look() (Outbox, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.read == nil {
		return Outbox{}, false
	}
	if o.at.IsZero() || time.Since(o.at) >= outboxFor {
		read, err := o.read()
		if err != nil {
			return Outbox{}, false
		}
		o.last, o.at = read, time.Now()
	}
	return o.last, true
}

// Delivered counts what became of an attempt to deliver: done, failed (given up,
// and its orchestration goes on), retrying, dead or dropped.
func (m *Metrics) Delivered(webhook, result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.webhooks == nil {
		m.webhooks = map[string]bool{}
	}
	m.webhooks[webhook] = true
	m.deliveries.WithLabelValues(webhook, result).Inc()
}

// Webhooks removes the counts of webhooks other than these.
func (m *Metrics) Webhooks(known []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.webhooks {
		if !slices.Contains(known, name) {
			m.deliveries.DeletePartialMatch(prometheus.Labels{"webhook": name})
			delete(m.webhooks, name)
		}
	}
}
