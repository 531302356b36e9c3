//go:build !wasip1

package main

import (
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/internal/plugintest"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// litePlan is the least time for requests of an API token on the smallest
// plan: 20 in 2 seconds.
func litePlan(requests int) float64 { return float64((requests-1)/20) * 2 }

func figure(o sim.Options, endpoint string, records int64) plugintest.Figure {
	s := sim.New(o)
	return plugintest.Figure{
		Application: s, Profile: abi.AuthAPIKey, Secret: "sim-api-token", Endpoint: endpoint, Records: records, Least: litePlan, Tokens: s.Spent,
	}
}

// BenchmarkTenThousand fetches 10,000 with the vendor's rate limits on.
func BenchmarkTenThousand(b *testing.B) {
	for name, o := range map[string]sim.Options{
		"users":           {Seed: 1, People: 10_000},
		"users-30-a-call": {Seed: 1, People: 10_000, Paging: sim.OffsetPaging},
	} {
		b.Run(name, func(b *testing.B) { shipped.Measure(b, figure(o, "users", 10_000)) })
	}
	b.Run("persons", func(b *testing.B) {
		shipped.Measure(b, figure(sim.Options{Seed: 1, Persons: 10_000}, "persons", 10_000))
	})
}

func BenchmarkAMillion(b *testing.B) {
	for name, o := range map[string]sim.Options{
		"users":   {Seed: 1, People: 1_000_000, Unlimited: true},
		"persons": {Seed: 1, Persons: 1_000_000, Unlimited: true},
	} {
		b.Run(name, func(b *testing.B) {
			f := figure(o, name, 1_000_000)
			f.RateLimit, f.Least, f.Tokens = "1000000/1s", nil, nil
			shipped.Measure(b, f)
		})
	}
}
