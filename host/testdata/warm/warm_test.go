// Package warm compiles the connectors of a folder into a cache, for tests
// whose own program has the race detector: that takes ten times as long to
// compile, and what comes out is the same. It is a program of `go test -c`,
// since wazero gives those a cache apart.
//
//	warm MODULES CACHE MEMORY_MIB...
package warm

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"testing"

	"github.com/rollcall-agent/rollcall/host"
)

func TestMain(*testing.M) {
	if host.IsCompiler() {
		os.Exit(host.CompileMain(context.Background()))
	}
	if err := warm(context.Background(), os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func warm(ctx context.Context, modules, cache string, sizes []string) error {
	for _, size := range sizes {
		mib, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		h, err := host.Open(ctx, host.Settings{ModulesDir: modules, CacheDir: cache, MemoryMiB: mib, AllowUnsigned: true}, slog.Default(), nil)
		if err != nil {
			return err
		}
		for _, m := range h.Modules() {
			c, err := h.Connector(m.Manifest.Name)
			if err != nil {
				return err
			}
			if err := c.Prepare(ctx); err != nil {
				return err
			}
		}
		if err := h.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}
