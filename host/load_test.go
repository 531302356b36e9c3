package host_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/host"
)

// BenchmarkLoad measures what it takes until two connectors written in Go can
// be called: with an empty cache, where each is compiled in a process of its
// own, and with a warm one.
func BenchmarkLoad(b *testing.B) {
	files := map[string][]byte{
		"guest.wasm": embedded(b, manifest),
		"other.wasm": embedded(b, strings.Replace(manifest, `"guest"`, `"other"`, 1)),
	}
	load := func(cache string) time.Duration {
		start := time.Now()
		h, _ := open(b, host.Settings{AllowUnsigned: true, CacheDir: cache}, files)
		var wg sync.WaitGroup
		for _, name := range []string{"guest", "other"} {
			wg.Go(func() {
				c, err := h.Connector(name)
				if err == nil {
					err = c.Prepare(b.Context())
				}
				if err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	b.Run("cold", func(b *testing.B) {
		var all time.Duration
		for i := range b.N {
			cache := filepath.Join(b.TempDir(), fmt.Sprint(i))
			all += load(cache)
			if err := os.RemoveAll(cache); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(all.Milliseconds())/float64(b.N), "ms/two")
	})
	b.Run("warm", func(b *testing.B) {
		cache := filepath.Join(b.TempDir(), "cache")
		load(cache)
		var all time.Duration
		for range b.N {
			all += load(cache)
		}
		b.ReportMetric(float64(all.Milliseconds())/float64(b.N), "ms/two")
	})
}
