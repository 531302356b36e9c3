package fit

import (
	"strings"
	"testing"
	"time"
)

// A day cannot be waited for where only changes are delivered: nothing of the record
// changes on that day.
func TestADayNeedsAnEndpointOfEverybody(t *testing.T) {
	for _, c := range []struct{ endpoint, condition, wrong string }{
		{"users", `enable_when = 'date(user.name) <= now'`, ""},
		{"news", `disable_when = 'user.name == "x"'`, ""},
		{"news", `disable_when = 'date(user.name) <= now'`, "disable_when uses now, and endpoint news is in mode changes"},
	} {
		cfg := configured(t, `endpoints   = ["users"]`, `endpoints = ["`+c.endpoint+`"]`, "[automations.staff]", "[automations.staff]\n"+c.condition)
		_, wrong := Automation(cfg, "staff", joinManifest(), time.Now())
		if c.wrong == "" && len(wrong) > 0 || c.wrong != "" && (len(wrong) != 1 || !strings.Contains(wrong[0].Error(), c.wrong)) {
			t.Errorf("%s, %s: %v", c.endpoint, c.condition, wrong)
		}
	}
}
