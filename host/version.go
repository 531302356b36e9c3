package host

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/rollcall-agent/rollcall/host/internal/compiler"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// version is an accepted module with the calls that run on it. Its compiled
// form is freed once it is retired and its last call has ended.
type version struct {
	host   *Host
	module Module
	key    string // names the compiled form in the cache

	preparing sync.Mutex // held during compilation
	mu        sync.Mutex
	wasm      []byte // nil once it is compiled
	compiled  wazero.CompiledModule
	calls     int
	retired   bool
}

func newVersion(h *Host, m Module, wasm []byte) *version {
	return &version{host: h, module: m, wasm: wasm}
}

// prepare compiles the module unless that has been done.
func (v *version) prepare(ctx context.Context) error {
	v.preparing.Lock()
	defer v.preparing.Unlock()
	v.mu.Lock()
	done, wasm := v.compiled != nil || v.retired, v.wasm
	v.mu.Unlock()
	if done {
		return nil
	}
	compiled, err := v.host.compile(ctx, wasm)
	if err != nil {
		return v.failed(ctx, err)
	}
	if v.host.catalog.serves(v.module.Manifest.Name) == v {
		v.host.serve(v.module.Manifest)
	}
	v.mu.Lock()
	v.compiled, v.wasm, v.key = compiled, nil, v.host.cache.Key(wasm)
	retired := v.retired
	v.mu.Unlock()
	if retired {
		v.free(ctx, compiled)
	}
	return nil
}

// failed returns why a module could not be compiled. A module that is itself at
// fault stops serving.
func (v *version) failed(ctx context.Context, err error) error {
	name := v.module.Manifest.Name
	if ctx.Err() != nil {
		return fmt.Errorf("compile connector %s: %w", name, context.Cause(ctx))
	}
	var refusal *compiler.RefusedError
	if errors.As(err, &refusal) {
		v.host.catalog.reject(v, "compile: "+refusal.Why)
	}
	return &CallError{
		Connector: name, Kind: abi.KindInternal, Err: err,
		Message: fmt.Sprintf("compile connector %s (%s): %v", name, v.module.File, err),
		Next:    next(abi.KindInternal, "", ""),
	}
}

// take begins a call. It reports false when the version was replaced.
func (v *version) take() (wazero.CompiledModule, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.retired || v.compiled == nil {
		return nil, false
	}
	v.calls++
	return v.compiled, true
}

// release ends a call.
func (v *version) release(ctx context.Context) {
	v.mu.Lock()
	v.calls--
	last := v.retired && v.calls == 0
	v.mu.Unlock()
	if last {
		v.free(ctx, v.compiled)
	}
}

// retire lets no further calls begin. Idle instances end with the last call.
func (v *version) retire(ctx context.Context) {
	v.mu.Lock()
	first := !v.retired
	v.retired = true
	idle := first && v.calls == 0 && v.compiled != nil
	v.mu.Unlock()
	if idle {
		v.free(ctx, v.compiled)
	}
}

func (v *version) free(ctx context.Context, compiled wazero.CompiledModule) {
	v.host.idle.end(func(r *resting) bool { return r.owner.version == v })
	if err := compiled.Close(context.WithoutCancel(ctx)); err != nil {
		v.host.log.Warn("free a connector that was replaced", "connector", v.module.Manifest.Name,
			"version", v.module.Manifest.Version, "cause", err)
	}
}

// cacheKey returns the name of the compiled form in the cache.
func (v *version) cacheKey() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wasm != nil {
		return v.host.cache.Key(v.wasm)
	}
	return v.key
}
