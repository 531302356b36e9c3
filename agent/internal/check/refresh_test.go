package check

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// ending are credentials that end if nothing uses them.
type ending struct {
	host.Credentials
	at  time.Time
	err error
}

func (e ending) RefreshEnds(context.Context) (time.Time, error) { return e.at, e.err }

func TestRefreshFinding(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	in := func(days int) time.Time { return now.AddDate(0, 0, days) }
	for name, c := range map[string]struct {
		credentials host.Credentials
		before      time.Time
		state       abi.RightState
		reason      string
	}{
		"far away":          {ending{at: in(59)}, in(59), abi.RightGranted, "it ends on 2027-01-28 if nothing uses it"},
		"used by the check": {ending{at: in(60)}, in(3), abi.RightGranted, "would have ended on 2026-12-03, as nothing used it; this check has, and now it ends on 2027-01-29"},
		"a week before":     {ending{at: in(7)}, in(7), abi.RightUnknown, "it ends on 2026-12-07 if nothing uses it until then: any run does"},
		"eight days before": {ending{at: in(8)}, in(8), abi.RightGranted, "it ends on 2026-12-08"},
		"ended":             {ending{at: in(0)}, in(0), abi.RightLacking, "it ended on 2026-11-30, as nothing used it for so long: `rollcall authorize pipedrive`"},
		"cannot be read":    {ending{err: errors.New("disk")}, time.Time{}, Failed, "disk"},
		"not known":         {ending{}, time.Time{}, "", ""},
		"never ends":        {nil, time.Time{}, "", ""},
	} {
		found := refreshFinding(t.Context(), c.credentials, c.before, now, "pipedrive")
		if c.state == "" {
			if len(found) > 0 {
				t.Errorf("%s: %+v", name, found)
			}
			continue
		}
		if len(found) != 1 || found[0].State != c.state || !strings.Contains(found[0].Reason, c.reason) {
			t.Errorf("%s: %+v, want %s: %s", name, found, c.state, c.reason)
		}
	}
}
