package soak

import (
	"testing"
	"time"
)

// Patience is how long a test waits for something that must happen. It exists
// to end a hang; even a busy machine needs less.
const Patience = 10 * time.Minute

// Await waits until a condition holds, and fails the test when Patience is over.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain for this: %s", Patience, what)
		}
	}
}
