package compiler

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// answer is what the child writes to its standard output.
type answer struct {
	OK    bool
	Error string
}

// Main is the child's main function. It reads a module from in, leaves the
// compiled form in the working folder, reports the result on out, and returns
// the exit code.
func Main(ctx context.Context, in io.Reader, out io.Writer) int {
	var a answer
	if err := obey(ctx, in); err != nil {
		a.Error = err.Error()
	} else {
		a.OK = true
	}
	if err := json.NewEncoder(out).Encode(a); err != nil {
		return 1
	}
	return 0
}

// obey carries out the order. It turns a panic of the compiler into an error. A
// fatal error ends the process, which the parent notices.
func obey(ctx context.Context, in io.Reader) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler cannot take it: %v", p)
		}
	}()
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(orderEnv)), &o); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	if err := confine(o.MemoryMiB); err != nil {
		return fmt.Errorf("limit the compiler: %w", err)
	}
	debug.SetMemoryLimit(int64(o.MemoryMiB) << 20 / 4 * 3) // collect garbage before the hard limit is reached
	wasm, err := io.ReadAll(io.LimitReader(in, MaxModule+1))
	if err != nil {
		return fmt.Errorf("read the module: %w", err)
	}
	if len(wasm) > MaxModule {
		return fmt.Errorf("the module has more than %d bytes", MaxModule)
	}
	cache, err := wazero.NewCompilationCacheWithDir(".")
	if err != nil {
		return fmt.Errorf("open the cache: %w", err)
	}
	defer cache.Close(ctx) //nolint:errcheck // the process ends
	runtime := wazero.NewRuntimeWithConfig(ctx, Config(o.Pages).WithCompilationCache(cache))
	_, err = runtime.CompileModule(experimental.WithCompilationWorkers(ctx, o.Workers), wasm)
	return err
}
