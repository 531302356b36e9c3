package ident

import (
	"testing"
	"time"
)

func TestRefusalsAreTriedAgainAfterAGrowingTime(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	r := Refusal{Key: "1", Part: "title", Digest: "a"}
	before := Refusal{}
	for try, want := range []time.Duration{30 * time.Minute, 2 * time.Hour, 8 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
		before = r.Refused(before, now)
		if got := before.Again.Sub(now); got != want || before.Tries != try+1 {
			t.Errorf("try %d of %d: again after %s, want %s", before.Tries, try+1, got, want)
		}
	}
	r.Digest = "b"
	if before = r.Refused(before, now); before.Tries != 1 || before.Again.Sub(now) != 30*time.Minute {
		t.Errorf("another value: %+v", before)
	}
}
