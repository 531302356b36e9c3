package dispatch

import "time"

// Verdict is what the error of a call means for its delivery.
type Verdict struct {
	Cause, Next string
	Retry       bool          // it is tried again
	Outage      bool          // the application as a whole is not there: all of its deliveries wait
	Sent        bool          // the application may have carried it out all the same
	Asked       time.Duration // how long the application asks to wait; 0 when it does not
	Status      int           // of the last answer; 0 when there was none
}

// Judge says what the dispatcher makes of the error of a call. The verdict on nil
// is zero.
func Judge(err error) Verdict {
	f := judge(err)
	return Verdict{Cause: f.text, Next: f.next, Retry: f.retry, Outage: f.outage, Sent: f.sent, Asked: f.asked, Status: f.status}
}
