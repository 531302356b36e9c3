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

// BenchmarkTenThousand fetches 10,000 with the vendor's rate limits on. The
// vendor's list of users is unpaged; by offsets it is as its documents have
// other lists.
func BenchmarkTenThousand(b *testing.B) {
	for _, f := range []struct {
		name, endpoint string
		options        sim.Options
	}{
		{"users", "users", sim.Options{Seed: 1, People: 10_000}},
		{"users-30-a-page", "users", sim.Options{Seed: 1, People: 10_000, Paging: sim.OffsetPaging}},
		{"persons", "persons", sim.Options{Seed: 1, Persons: 10_000}},
	} {
		b.Run(f.name, func(b *testing.B) {
			s := sim.New(f.options)
			shipped.Measure(b, plugintest.Figure{
				Application: s, Profile: abi.AuthAPIKey, Secret: "sim-api-token", Endpoint: f.endpoint, Records: 10_000, Least: litePlan, Tokens: s.Spent,
			})
		})
	}
}

// BenchmarkMany fetches a hundred thousand and a million without limits:
// memory does not grow with the number.
func BenchmarkMany(b *testing.B) {
	for _, f := range []struct {
		name, endpoint string
		options        sim.Options
		records        int64
	}{
		{"users-100000", "users", sim.Options{Seed: 1, People: 100_000, Unlimited: true}, 100_000},
		{"users-1000000", "users", sim.Options{Seed: 1, People: 1_000_000, Unlimited: true}, 1_000_000},
		{"persons-100000", "persons", sim.Options{Seed: 1, Persons: 100_000, Unlimited: true}, 100_000},
		{"persons-1000000", "persons", sim.Options{Seed: 1, Persons: 1_000_000, Unlimited: true}, 1_000_000},
	} {
		b.Run(f.name, func(b *testing.B) {
			shipped.Measure(b, plugintest.Figure{
				Application: sim.New(f.options), Profile: abi.AuthAPIKey, Secret: "sim-api-token", Endpoint: f.endpoint, Records: f.records, Unlimited: true,
			})
		})
	}
}
