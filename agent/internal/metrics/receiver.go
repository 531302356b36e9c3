package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Waiting says how many receipts of an application wait for a run, and how many
// were given up.
type Waiting struct {
	Application string
	Open        int
	Oldest      time.Time // when the first of them came
	GivenUp     int       // lately
}

// receiver counts what applications send by themselves, and shows what of it waits
// when it is scraped.
type receiver struct {
	received *prometheus.CounterVec
	lag      *prometheus.HistogramVec

	open, oldest, givenUp *prometheus.Desc

	mu    sync.Mutex
	read  func() ([]Waiting, error) // nil: there is no receiver
	shown map[string]bool           // applications that had something open once, so that 0 is shown for them
}

var _ prometheus.Collector = (*receiver)(nil)

func newReceiver() *receiver {
	return &receiver{
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "rollcall", Name: "received_total",
			Help: "Requests to the receiver by what became of them; no application: an unknown address.",
		}, []string{"application", "result"}),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "rollcall", Name: "receipt_lag_seconds", Help: "From a delivery of an application to the end of the run about it.",
			Buckets: prometheus.ExponentialBuckets(0.05, 2, 14),
		}, []string{"application"}),
		open: prometheus.NewDesc("rollcall_receipts_open", "Deliveries of an application that wait for a run.", []string{"application"}, nil),
		oldest: prometheus.NewDesc("rollcall_receipts_oldest_seconds", "Age of the oldest of them; 0 when there is none.",
			[]string{"application"}, nil),
		givenUp: prometheus.NewDesc("rollcall_receipts_given_up",
			"Deliveries of an application that were given up in the last 24 hours, as no run about them succeeded.", []string{"application"}, nil),
		shown: map[string]bool{},
	}
}

// Received counts a request to the receiver by what became of it.
func (m *Metrics) Received(application, result string) {
	m.receiver.received.WithLabelValues(application, result).Inc()
}

// Seen counts how long it took from a delivery to the end of the run about it.
func (m *Metrics) Seen(application string, took time.Duration) {
	m.receiver.lag.WithLabelValues(application).Observe(took.Seconds())
}

// Receiver sets the function that counts what waits.
func (m *Metrics) Receiver(read func() ([]Waiting, error)) {
	m.receiver.mu.Lock()
	defer m.receiver.mu.Unlock()
	m.receiver.read = read
}

// Describe implements prometheus.Collector.
func (r *receiver) Describe(c chan<- *prometheus.Desc) {
	r.received.Describe(c)
	r.lag.Describe(c)
	c <- r.open
	c <- r.oldest
	c <- r.givenUp
}

// Collect implements prometheus.Collector. What waits is not shown when the state
// cannot be read: an old number would say that all is well.
func (r *receiver) Collect(c chan<- prometheus.Metric) {
	r.received.Collect(c)
	r.lag.Collect(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		return
	}
	list, err := r.read()
	if err != nil {
		return
	}
	now := map[string]Waiting{}
	for _, w := range list {
		now[w.Application], r.shown[w.Application] = w, true
	}
	for application := range r.shown {
		w, age := now[application], time.Duration(0)
		if !w.Oldest.IsZero() {
			age = max(time.Since(w.Oldest), 0)
		}
		c <- prometheus.MustNewConstMetric(r.open, prometheus.GaugeValue, float64(w.Open), application)
		c <- prometheus.MustNewConstMetric(r.oldest, prometheus.GaugeValue, age.Seconds(), application)
		c <- prometheus.MustNewConstMetric(r.givenUp, prometheus.GaugeValue, float64(w.GivenUp), application)
	}
}
