//go:build !wasip1

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/plugins/internal/plugintest"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// fivePerSecond is the least time for requests at the vendor's 5 a second.
func fivePerSecond(requests int) float64 { return float64((requests - 1) / 5) }

// BenchmarkTenThousand fetches 10,000 with the vendor's rate limits on. The
// vendor documents none for agents: there the manifest's own is the only one.
func BenchmarkTenThousand(b *testing.B) {
	for _, f := range []struct {
		endpoint string
		options  sim.Options
		least    func(int) float64
	}{
		{"people", sim.Options{Seed: 1, People: 10_000}, fivePerSecond},
		{"agents", sim.Options{Seed: 1, Agents: 10_000}, nil},
	} {
		b.Run(f.endpoint, func(b *testing.B) {
			shipped.Measure(b, plugintest.Figure{
				Application: sim.New(f.options), Profile: abi.AuthAPIKey, Secret: apiKey, Endpoint: f.endpoint, Records: 10_000, Least: f.least,
			})
		})
	}
}

// BenchmarkMany fetches a hundred thousand and a million without limits:
// memory does not grow with the number.
func BenchmarkMany(b *testing.B) {
	for _, f := range []struct {
		name   string
		people int
	}{{"people-100000", 100_000}, {"people-1000000", 1_000_000}} {
		b.Run(f.name, func(b *testing.B) {
			s := sim.New(sim.Options{Seed: 1, People: f.people, Unlimited: true})
			sortEverybody(b, s)
			shipped.Measure(b, plugintest.Figure{
				Application: s, Profile: abi.AuthAPIKey, Secret: apiKey,
				Endpoint: "people", Records: int64(f.people), Unlimited: true,
			})
		})
	}
}

// sortEverybody asks for a page, so that the simulator has sorted everybody
// before memory is measured: that memory is not the connector's.
func sortEverybody(b *testing.B, s http.Handler) {
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/people/2/persons?limit=1&orderBy=createdAt:asc", nil)
	r.Header.Set("Authorization", "App "+apiKey)
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != http.StatusOK {
		b.Fatalf("%d %s", w.Code, w.Body)
	}
}
