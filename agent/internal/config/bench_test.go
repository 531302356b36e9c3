package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkLoad loads a configuration with 500 mapped attributes of five
// functions each, in 50 data sources, and one with ten times as many. An idle
// core needs less than 0.5 s for the first, and ten times that for the second.
func BenchmarkLoad(b *testing.B) {
	for _, sources := range []int{50, 500} {
		b.Run(fmt.Sprintf("%d attributes", 10*sources), func(b *testing.B) {
			file := manyMappings(b, sources)
			for b.Loop() {
				c, err := Load(file)
				if err != nil {
					b.Fatal(err)
				}
				if len(c.Automations) != sources {
					b.Fatalf("%d automations", len(c.Automations))
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// manyMappings writes a configuration with that many data sources of ten
// attributes, each with an automation.
func manyMappings(tb testing.TB, sources int) string {
	tb.Helper()
	var conf strings.Builder
	for i := range sources {
		fmt.Fprintf(&conf, `
[data_sources.s%[1]d]
category    = "update"
application = "pipedrive"
endpoints   = ["users"]
primary_key = "id"
where       = 'user.active_flag && user.department == "d%[1]d"'
[data_sources.s%[1]d.attributes]
`, i)
		for _, a := range []string{"displayName", "givenName", "sn", "title", "department", "company", "info", "physicalDeliveryOfficeName", "mobile", "description"} {
			fmt.Fprintf(&conf, "%s = \"{{ left(trim(title(lower(default(user.name, '%s %d')))), 64) }}\"\n", a, a, i)
		}
		fmt.Fprintf(&conf, "[automations.a%[1]d]\ndata_source = \"s%[1]d\"\naction = \"update\"\nschedule = \"*/15 * * * *\"\nmatch = [\"displayName\"]\n", i)
	}
	folder := writeFiles(tb, map[string]string{"agent.toml": `
[agent]
state_dir = "/var/lib/rollcall"
modules_dir = "/usr/lib/rollcall/modules"
include = ["conf.d/*.toml"]
[directory]
urls = ["ldaps://dc1.example.com"]
base_dn = "DC=example,DC=com"
scope = ["OU=Staff,DC=example,DC=com"]
bind_dn = "rollcall@example.com"
bind_password = "@{env:X}"
[applications.pipedrive]
connector = "pipedrive"
auth = "api_key"
api_key = "@{env:Y}"
`, "conf.d/sources.toml": conf.String()})
	return filepath.Join(folder, "agent.toml")
}
