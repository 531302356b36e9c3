package metrics

import "github.com/prometheus/client_golang/prometheus"

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "rollcall", Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "rollcall", Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "rollcall", Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(v)
	return v
}

// addAutomations registers what automations, their runs and their verdicts about
// changes in the directory are measured by.
func (m *Metrics) addAutomations() {
	m.lastSuccess = m.gauge("automation_last_success_timestamp_seconds",
		"When the last run ended in which nothing failed and the delivery was believed.", "automation")
	m.lastResult = m.gauge("automation_last_result",
		"1 for the result of the last run that was not of a part only and for those that apply besides, 0 for the others.",
		"automation", "result")
	m.successDue = m.gauge("automation_success_due_timestamp_seconds", "When, by the schedule, the next success is due.", "automation")
	m.runs = m.counter("automation_runs_total", "Runs by their result.", "automation", "result")
	m.runDuration = m.histogram("run_duration_seconds", "How long runs take.", prometheus.ExponentialBuckets(0.1, 3, 10), "automation")
	m.records = m.counter("records_total", "Records that the sources delivered, by what became of them.", "data_source", "result")
	m.changes = m.counter("changes_total", "Operations by what became of them.", "automation", "operation", "result")
	m.quarantined = m.gauge("quarantined_records",
		"Records set aside by the last run, and accounts, attributes and groups that need a person.", "data_source")
	m.held = m.gauge("held_changes", "Operations and orchestrations that wait for an approval.", "automation", "operation")
	m.heldOldest = m.gauge("held_oldest_timestamp_seconds", "Since when the oldest of what waits for an approval waits.", "automation")
	m.judged = m.counter("events_judged_total", "Changes in the directory that automations ask for, by what was made of them.",
		"automation", "verdict")
	m.eventsAside = m.gauge("events_set_aside", "Changes in the directory that could not be judged and need a person.", "automation")
}

// addDirectory registers what requests to domain controllers are measured by.
func (m *Metrics) addDirectory() {
	m.ldapRequests = m.counter("ldap_requests_total", "LDAP requests by result code (RFC 4511).", "operation", "result_code")
	m.ldapDuration = m.histogram("ldap_request_duration_seconds", "How long LDAP requests take.",
		prometheus.ExponentialBuckets(0.001, 3, 10), "operation")
	m.ldapConnected = m.gauge("ldap_connected",
		"1 when the last contact with that domain controller was good; 0 when it was not, or there was none.", "server")
}

// addApplications registers what applications, connectors, subscriptions and
// deliveries to webhooks are measured by.
func (m *Metrics) addApplications() {
	m.httpRequests = m.counter("http_requests_total", "Requests to applications by status code.", "application", "code")
	m.httpDuration = m.histogram("http_request_duration_seconds", "How long applications take to answer.",
		prometheus.ExponentialBuckets(0.01, 3, 9), "application")
	m.httpRateLimited = m.counter("http_rate_limited_total", "Answers that asked to slow down (429), and requests that waited for their turn.",
		"application")
	m.tokenExpiry = m.gauge("oauth_token_expiry_timestamp_seconds", "When the access token in use ends.", "application")
	m.refreshExpiry = m.gauge("oauth_refresh_expiry_timestamp_seconds",
		"When the application ends the authorization if nothing uses it until then.", "application")
	m.calls = m.counter("connector_calls_total", "Calls into connectors by their result.", "connector", "function", "result")
	m.callDuration = m.histogram("connector_call_duration_seconds", "How long calls into connectors take.",
		prometheus.ExponentialBuckets(0.01, 3, 10), "connector", "function")
	m.memory = m.gauge("connector_memory_bytes", "Memory of a connector's last call at its end.", "connector")
	m.subscriptionActive = m.gauge("subscription_active",
		"1 while the application has the subscription that was registered and its last delivery was accepted, 0 otherwise, as of the last look.",
		"application")
	m.subscriptionRepairs = m.counter("subscription_repairs_total",
		"Subscriptions that were made again because the application had lost or ended them.", "application")
	m.deliveries = m.counter("deliveries_total", "Attempts to deliver, by what became of them.", "webhook", "result")
}
