package dispatch

import "time"

// Verdict is what the error of a call means for its delivery.
type Verdict struct {
	Cause  string        `json:"cause,omitempty"` // "": it was delivered
	Next   string        `json:"next,omitempty"`
	Retry  bool          `json:"retry,omitempty"`  // it is tried again
	Outage bool          `json:"outage,omitempty"` // the application as a whole is not there: all of its deliveries wait
	Sent   bool          `json:"sent,omitempty"`   // the application may have carried it out all the same
	Asked  time.Duration `json:"asked,omitempty"`  // how long the application asks to wait, in nanoseconds
	Status int           `json:"status,omitempty"` // of the last answer
}

// Judge says what the dispatcher makes of the error of a call. The verdict on nil
// is zero.
func Judge(err error) Verdict {
	f := judge(err)
	return Verdict{Cause: f.text, Next: f.next, Retry: f.retry, Outage: f.outage, Sent: f.sent, Asked: f.asked, Status: f.status}
}
