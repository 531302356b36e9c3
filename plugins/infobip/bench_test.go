//go:build !wasip1

package main

import (
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/plugins/internal/plugintest"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// fivePerSecond is the least time for requests at the vendor's 5 a second.
func fivePerSecond(requests int) float64 { return float64((requests - 1) / 5) }

func figure(o sim.Options, endpoint string, records int64) plugintest.Figure {
	return plugintest.Figure{
		Application: sim.New(o), Profile: abi.AuthAPIKey, Secret: apiKey, Endpoint: endpoint, Records: records, Least: fivePerSecond,
	}
}

// BenchmarkTenThousand fetches 10,000 with the vendor's rate limits on.
func BenchmarkTenThousand(b *testing.B) {
	b.Run("people", func(b *testing.B) {
		shipped.Measure(b, figure(sim.Options{Seed: 1, People: 10_000}, "people", 10_000))
	})
	b.Run("agents", func(b *testing.B) {
		shipped.Measure(b, figure(sim.Options{Seed: 1, Agents: 10_000}, "agents", 10_000))
	})
}

func BenchmarkAMillion(b *testing.B) {
	f := figure(sim.Options{Seed: 1, People: 1_000_000, Unlimited: true}, "people", 1_000_000)
	f.RateLimit, f.Least = "1000000/1s", nil
	shipped.Measure(b, f)
}
