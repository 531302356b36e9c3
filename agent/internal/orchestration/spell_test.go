package orchestration

import (
	"testing"
	"time"
)

func TestSpell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30s", 6 * time.Hour: "6h", 90 * time.Minute: "1h30m", 61 * time.Second: "1m1s",
		24 * time.Hour: "24h", 7 * 24 * time.Hour: "7d", 49 * time.Hour: "49h",
	} {
		if got := Spell(d); got != want {
			t.Errorf("%s: %s, not %s", d, got, want)
		}
	}
}
