package metrics

// Subscription says whether an application delivers what it is subscribed to, as
// far as it says so, and counts when the subscription was made again.
func (m *Metrics) Subscription(application string, active, repaired bool) {
	value := 0.0
	if active {
		value = 1
	}
	m.subscriptionActive.WithLabelValues(application).Set(value)
	repairs := m.subscriptionRepairs.WithLabelValues(application)
	if repaired {
		repairs.Inc()
	}
}

// SubscriptionGone forgets an application that is not, or no longer, to tell of
// changes.
func (m *Metrics) SubscriptionGone(application string) {
	m.subscriptionActive.DeleteLabelValues(application)
}
