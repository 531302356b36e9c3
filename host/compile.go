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

// IsCompiler reports whether this process was started by a Host to compile one
// connector. Every program that opens a Host asks this first of all in main,
// and when it is true does nothing but end with what CompileMain returns.
func IsCompiler() bool { return compiler.IsChild() }

// CompileMain is what a process does for which IsCompiler is true. It returns
// the exit code.
func CompileMain(ctx context.Context) int { return compiler.Main(ctx, os.Stdin, os.Stdout) }

// compile loads the compiled form of a module, which a process of its own
// makes when it is not there.
func (h *Host) compile(ctx context.Context, wasm []byte) (wazero.CompiledModule, error) {
	var err error
	for range 2 { // what is in the cache may be of another processor, or damaged
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

// loadCompiled takes a module from the cache and never compiles: wazero, told
// to use workers under a context that has ended, stops before the first
// function when there is nothing to load.
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

// ended is a context that is over, for a reason.
func ended(ctx context.Context, why error) context.Context {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	cancel(why)
	return ctx
}
