package metrics

// Judged counts a verdict about a change in the directory.
func (m *Metrics) Judged(automation, verdict string) {
	m.judged.WithLabelValues(automation, verdict).Inc()
}

// EventsAside sets how many changes an automation has set aside.
func (m *Metrics) EventsAside(automation string, n int) {
	m.eventsAside.WithLabelValues(automation).Set(float64(n))
}
