package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Connector is a loaded module. It is safe for concurrent use: each call has
// an instance of its own.
type Connector struct {
	host   *Host
	module Module
	wasm   []byte

	mu       sync.Mutex
	compiled wazero.CompiledModule
}

// Manifest describes the connector.
func (c *Connector) Manifest() abi.Manifest { return c.module.Manifest }

// Prepare compiles the connector, which takes seconds when no compiled form is
// in the cache. Calls do it where it has not been done.
func (c *Connector) Prepare(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.compiled != nil {
		return nil
	}
	compiled, err := c.host.compile(ctx, c.wasm)
	if err != nil && c.host.cache != nil && strings.Contains(err.Error(), "compilationcache") {
		c.host.log.Warn("the cache of compiled connectors is damaged and is made again", "connector", c.module.Manifest.Name, "error", err)
		if err := clearDir(c.host.compiled()); err != nil {
			return fmt.Errorf("compile connector %s: %w", c.module.Manifest.Name, err)
		}
		compiled, err = c.host.compile(ctx, c.wasm)
	}
	if err != nil {
		return &CallError{
			Connector: c.module.Manifest.Name, Kind: abi.KindInternal, Err: err,
			Message: fmt.Sprintf("compile connector %s: %v", c.module.Manifest.Name, err),
			Next:    next(abi.KindInternal, ""),
		}
	}
	c.compiled, c.wasm = compiled, nil
	return nil
}

// compile turns a panic of the compiler into an error.
func (h *Host) compile(ctx context.Context, wasm []byte) (compiled wazero.CompiledModule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler cannot take it: %v", p)
		}
	}()
	return h.runtime.CompileModule(ctx, wasm)
}

// clearDir removes the files below a folder. The folders stay: the open cache
// writes into them.
func clearDir(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // it is only read
	return fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return root.Remove(path)
	})
}
