package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/rollcall-agent/rollcall/host/internal/compiler"
)

// IsCompiler reports whether a Host started this process to compile one
// connector. A program that opens a Host must ask this first thing in main and,
// if it is true, do nothing but exit with the result of CompileMain.
func IsCompiler() bool { return compiler.IsChild() }

// CompileMain runs a process for which IsCompiler is true, and returns its exit
// code.
func CompileMain(ctx context.Context) int { return compiler.Main(ctx, os.Stdin, os.Stdout) }

// compile loads the compiled form of a module. If the cache has none, a
// separate process makes it first.
func (h *Host) compile(ctx context.Context, wasm []byte) (wazero.CompiledModule, error) {
	var err error
	for range 2 { // the cached form may be for another processor, or damaged
		made, ensureErr := h.cache.Ensure(ctx, wasm)
		if ensureErr != nil {
			return nil, ensureErr
		}
		var compiled wazero.CompiledModule
		if compiled, err = h.loadCompiled(ctx, wasm); err == nil {
			return compiled, nil
		}
		if !made {
			h.log.Warn("a compiled connector in the cache cannot be used and is made again", "cause", err)
		}
		if forgetErr := h.cache.Forget(wasm); forgetErr != nil {
			return nil, errors.Join(err, forgetErr)
		}
	}
	return nil, err
}

// loadCompiled loads a module from the cache and never compiles. wazero is told
// to compile in workers under a context that has already ended, so it stops
// before the first function when there is nothing to load.
func (h *Host) loadCompiled(ctx context.Context, wasm []byte) (compiled wazero.CompiledModule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("load a compiled connector: %v", p)
		}
	}()
	compiled, err = h.runtime.CompileModule(experimental.WithCompilationWorkers(ended(ctx, errMiss), 2), wasm)
	if errors.Is(err, errMiss) || err != nil && strings.Contains(err.Error(), "compilationcache") {
		return nil, fmt.Errorf("load a compiled connector: %w", err)
	}
	return compiled, err
}

var errMiss = errors.New("what was compiled is not what this program looks for")

// ended returns a context that is already over, with a cause.
func ended(ctx context.Context, why error) context.Context {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	cancel(why)
	return ctx
}
