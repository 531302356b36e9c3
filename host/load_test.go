package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
)

// BenchmarkLoad measures what it takes until one and two connectors written in
// Go can be called: with an empty cache, where each is compiled in a process of
// its own, and with a warm one.
func BenchmarkLoad(b *testing.B) {
	one := map[string][]byte{"guest.wasm": embedded(b, manifest)}
	two := map[string][]byte{"guest.wasm": one["guest.wasm"], "other.wasm": embedded(b, strings.Replace(manifest, `"guest"`, `"other"`, 1))}
	b.Run("cold", func(b *testing.B) {
		cache := filepath.Join(b.TempDir(), "cache")
		compareLoads(b, 2, func(files map[string][]byte) {
			if err := os.RemoveAll(cache); err != nil {
				b.Fatal(err)
			}
			loadAll(b, cache, files)
		}, one, two)
	})
	b.Run("warm", func(b *testing.B) {
		cache := filepath.Join(b.TempDir(), "cache")
		compareLoads(b, 15, func(files map[string][]byte) { loadAll(b, cache, files) }, one, two)
	})
}

func compareLoads(b *testing.B, n int, load func(map[string][]byte), one, two map[string][]byte) {
	for b.Loop() {
		took := turns(n, func() { load(one) }, func() { load(two) })
		b.ReportMetric(median(took[0]), "one-ms")
		b.ReportMetric(median(took[1]), "two-ms")
		b.ReportMetric(ratio(took[1], took[0]), "two/one")
	}
	b.ReportMetric(0, "ns/op")
}

// loadAll opens a host and prepares all of its connectors at once.
func loadAll(b *testing.B, cache string, files map[string][]byte) {
	h, _ := open(b, host.Settings{AllowUnsigned: true, CacheDir: cache}, files)
	var wg sync.WaitGroup
	for file := range files {
		wg.Go(func() {
			c, err := h.Connector(strings.TrimSuffix(file, ".wasm"))
			if err == nil {
				err = c.Prepare(b.Context())
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}
