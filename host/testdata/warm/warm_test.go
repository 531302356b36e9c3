// Package warm compiles the connectors of a folder into a cache. It serves
// tests whose own program runs under the race detector, where compiling takes
// ten times as long and gives the same result. It is a program of `go test -c`,
// because wazero gives such programs a separate cache.
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
