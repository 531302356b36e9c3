// Package metrics holds what Prometheus scrapes: the metrics that users alert
// on, and the HTTP server that serves them together with /livez and /readyz. No
// label names a user.
package metrics

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics holds every metric of the agent. Its methods implement the observers
// that other packages declare.
type Metrics struct {
	registry *prometheus.Registry

	readiness func() error

	lastSuccess     *prometheus.GaugeVec
	lastResult      *prometheus.GaugeVec
	successDue      *prometheus.GaugeVec
	runs            *prometheus.CounterVec
	runDuration     *prometheus.HistogramVec
	records         *prometheus.CounterVec
	changes         *prometheus.CounterVec
	quarantined     *prometheus.GaugeVec
	held            *prometheus.GaugeVec
	heldOldest      *prometheus.GaugeVec
	ldapRequests    *prometheus.CounterVec
	ldapDuration    *prometheus.HistogramVec
	ldapConnected   *prometheus.GaugeVec
	httpRequests    *prometheus.CounterVec
	httpDuration    *prometheus.HistogramVec
	httpRateLimited *prometheus.CounterVec
	tokenExpiry     *prometheus.GaugeVec
	refreshExpiry   *prometheus.GaugeVec
	refreshKnown    sync.Map // the applications that refreshExpiry has
	calls           *prometheus.CounterVec
	callDuration    *prometheus.HistogramVec
	memory          *prometheus.GaugeVec
	storeSize       prometheus.GaugeFunc
	deliveries      *prometheus.CounterVec
	judged          *prometheus.CounterVec
	eventsAside     *prometheus.GaugeVec
	outbox          *outbox
	feed            *feed
	receiver        *receiver

	subscriptionActive  *prometheus.GaugeVec
	subscriptionRepairs *prometheus.CounterVec

	mu       sync.Mutex
	webhooks map[string]bool // of which deliveries are counted
}

// New registers every metric. storeSize returns the size of the state in bytes.
func New(version string, storeSize func() float64) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), readiness: func() error { return errors.New("starting") }}
	m.gauge("build_info", "The version that runs; always 1.", "version", "go").WithLabelValues(version, runtime.Version()).Set(1)
	m.addAutomations()
	m.addDirectory()
	m.addApplications()
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "rollcall", Name: "ready",
		Help: "1 once state and connectors are loaded, while every secret that the configuration names can be read.",
	}, func() float64 { return flag(m.readiness() == nil) })
	m.storeSize = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "rollcall", Name: "store_size_bytes", Help: "Size of the state on disk.",
	}, storeSize)
	m.outbox, m.feed, m.receiver = newOutbox(), newFeed(), newReceiver()
	m.registry.MustRegister(ready, m.storeSize, m.outbox, m.feed, m.receiver,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Readiness sets the function behind /readyz and rollcall_ready. It returns nil,
// or the reason why the agent is not ready. Call Readiness before Serve.
func (m *Metrics) Readiness(now func() error) { m.readiness = now }

// Results lists the results that a run can have.
var Results = []string{"ok", "quarantined", "held", "doubtful", "partial", "failed", "interrupted"}

// RunEnded counts a run.
func (m *Metrics) RunEnded(automation, result string, took time.Duration) {
	m.runs.WithLabelValues(automation, result).Inc()
	m.runDuration.WithLabelValues(automation).Observe(took.Seconds())
}

// Stands sets the results of an automation's last run, its own and the
// additional ones (none: there was no run), and when the last successful run
// ended (zero: none did).
func (m *Metrics) Stands(automation string, results []string, success time.Time) {
	for _, result := range results {
		m.lastResult.WithLabelValues(automation, result).Set(1) // before the others, so that a scrape in between does not miss it
	}
	for _, other := range Results {
		if len(results) > 0 && !slices.Contains(results, other) {
			m.lastResult.WithLabelValues(automation, other).Set(0)
		}
	}
	if !success.IsZero() {
		m.lastSuccess.WithLabelValues(automation).Set(seconds(success))
	}
}

// SuccessDue sets when the next success of an automation is due.
func (m *Metrics) SuccessDue(automation string, at time.Time) {
	m.successDue.WithLabelValues(automation).Set(seconds(at))
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// Records counts records of a fetch by what became of them.
func (m *Metrics) Records(dataSource, result string, n int) {
	m.records.WithLabelValues(dataSource, result).Add(float64(n))
}

// Change counts one operation by what became of it.
func (m *Metrics) Change(automation, operation, result string) {
	m.changes.WithLabelValues(automation, operation, result).Inc()
}

// Quarantined sets how many records the last run set aside.
func (m *Metrics) Quarantined(dataSource string, n int) {
	m.quarantined.WithLabelValues(dataSource).Set(float64(n))
}

// Held sets how many operations of a class, or orchestrations, wait for an approval.
func (m *Metrics) Held(automation, operation string, n int) {
	m.held.WithLabelValues(automation, operation).Set(float64(n))
}

// HeldSince sets since when the oldest of these waits; zero: none does.
func (m *Metrics) HeldSince(automation string, oldest time.Time) {
	if oldest.IsZero() {
		m.heldOldest.DeleteLabelValues(automation)
		return
	}
	m.heldOldest.WithLabelValues(automation).Set(seconds(oldest))
}

// Request counts an LDAP request.
func (m *Metrics) Request(operation string, code int, took time.Duration) {
	m.ldapRequests.WithLabelValues(operation, strconv.Itoa(code)).Inc()
	m.ldapDuration.WithLabelValues(operation).Observe(took.Seconds())
}

// Servers shows every configured domain controller from the start, before it is
// used.
func (m *Metrics) Servers(urls []string) {
	for _, u := range urls {
		m.ldapConnected.WithLabelValues(u)
	}
}

// Connected records whether the last contact with a domain controller worked.
func (m *Metrics) Connected(server string, up bool) {
	m.ldapConnected.WithLabelValues(server).Set(flag(up))
}

// TokenExpiry sets when an application's access token ends.
func (m *Metrics) TokenExpiry(application string, at time.Time) {
	m.tokenExpiry.WithLabelValues(application).Set(float64(at.Unix()))
}

// RefreshExpiry sets when an application ends its authorization if nothing uses it.
func (m *Metrics) RefreshExpiry(application string, at time.Time) {
	m.refreshKnown.Store(application, true)
	m.refreshExpiry.WithLabelValues(application).Set(float64(at.Unix()))
}

// RefreshExpiryGone says that nothing is known of an end.
func (m *Metrics) RefreshExpiryGone(application string) {
	m.refreshKnown.Delete(application)
	m.refreshExpiry.DeleteLabelValues(application)
}

// RefreshExpiryOnly forgets the applications for which is answers false: they are no
// longer configured, and an alert about them would never end.
func (m *Metrics) RefreshExpiryOnly(is func(application string) bool) {
	m.refreshKnown.Range(func(application, _ any) bool {
		if name, ok := application.(string); ok && !is(name) {
			m.RefreshExpiryGone(name)
		}
		return true
	})
}

// HTTPRequest counts a request to an application; code 0 is a request without
// an answer.
func (m *Metrics) HTTPRequest(application string, code int, took time.Duration) {
	m.httpRequests.WithLabelValues(application, strconv.Itoa(code)).Inc()
	m.httpDuration.WithLabelValues(application).Observe(took.Seconds())
	if code == 429 {
		m.httpRateLimited.WithLabelValues(application).Inc()
	}
}

// RateLimited counts a request that waited for its turn.
func (m *Metrics) RateLimited(application string, _ time.Duration) {
	m.httpRateLimited.WithLabelValues(application).Inc()
}

// ConnectorCall counts a call into a connector. memory is the size of its
// instance at the end, in bytes.
func (m *Metrics) ConnectorCall(connector, function, result string, took time.Duration, memory uint64) {
	m.memory.WithLabelValues(connector).Set(float64(memory))
	m.calls.WithLabelValues(connector, function, result).Inc()
	m.callDuration.WithLabelValues(connector, function).Observe(took.Seconds())
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
