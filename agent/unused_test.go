package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestTheAlertOfAnUnusedAuthorization is raised a week before the end, and not before.
func TestTheAlertOfAnUnusedAuthorization(t *testing.T) {
	alerts := rules(t, read(t, "../configs/alerts.yml"))
	now := time.Unix(1_800_000_000, 0)
	for left, want := range map[time.Duration]bool{
		60 * 24 * time.Hour: false, 7*24*time.Hour + time.Minute: false, 7*24*time.Hour - time.Minute: true, -time.Hour: true,
	} {
		page := fmt.Sprintf("rollcall_oauth_refresh_expiry_timestamp_seconds{application=\"pipedrive\"} %d\n", now.Add(left).Unix())
		if got := slices.Contains(firing(t, alerts, scrape(t, page), now), "RollcallAuthorizationEnds"); got != want {
			t.Errorf("%v before the end: raised %v, want %v", left, got, want)
		}
	}
}
