package ident

import "time"

// Refusal is something that the directory did not take. It is remembered, so
// that the same is not planned as good by each run: it is tried again after a
// growing time, or when something else is to be written.
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

// RefusedOperation is the Part of an operation that was refused as a whole.
func RefusedOperation(class Class) string { return "op:" + string(class) }

// The times between two tries: the first, by what it grows, and the longest.
const (
	firstRetry  = 30 * time.Minute
	retryGrowth = 4
	lastRetry   = 24 * time.Hour
)

// Refused is the refusal once the same was refused once more, at that time.
// before is what was remembered, the zero Refusal when nothing was.
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
