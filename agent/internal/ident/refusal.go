package ident

import "time"

// Refusal is a value or an operation that the directory refused. It is
// remembered, so that not every run plans the same again as if it would work: it
// is tried again after a growing time, or when another value is to be written.
type Refusal struct {
	Key Key
	// Part is an attribute in lower case, or RefusedOperation of a class.
	Part   string
	Digest string // of the value, or of the operation
	Cause  string
	Shared string // see QuarantineItem
	Next   string
	Tries  int
	Again  time.Time // not before
}

// RefusedOperation returns the Part for an operation that was refused as a
// whole.
func RefusedOperation(class Class) string { return "op:" + string(class) }

// The time between two tries: at first, the factor by which it grows, and at
// most.
const (
	firstRetry  = 30 * time.Minute
	retryGrowth = 4
	lastRetry   = 24 * time.Hour
)

// Refused returns the refusal with the time of the next try, after the directory
// refused at that time. before is the remembered refusal of the same part; the
// zero Refusal when there is none.
func (r Refusal) Refused(before Refusal, at time.Time) Refusal {
	r.Tries = 1
	if before.Digest == r.Digest {
		r.Tries = before.Tries + 1
	}
	wait := firstRetry
	for n := 1; n < r.Tries && wait < lastRetry; n++ {
		wait *= retryGrowth
	}
	r.Again = at.Add(min(wait, lastRetry))
	return r
}
