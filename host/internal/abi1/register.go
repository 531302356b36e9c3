package abi1

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// functions returns the implementations by their name in package abi.
func functions() map[string]func(*frame) int64 {
	return map[string]func(*frame) int64{
		"call_input":   callInput,
		"http_send":    httpSend,
		"http_status":  httpStatus,
		"http_header":  httpHeader,
		"json_get":     jsonGet,
		"body_read":    bodyRead,
		"body_size":    bodySize,
		"release":      release,
		"emit":         emit,
		"emit_json":    emitJSON,
		"emit_deleted": emitDeleted,
		"attach":       attach,
		"cursor_get":   cursorGet,
		"cursor_set":   cursorSet,
		"page_body":    pageBody,
		"page_until":   pageUntil,
		"respond":      respond,
		"secret":       secret,
		"secret_hmac":  secretHMAC,
		"macro":        macro,
		"wait_ms":      waitMS,
		"log":          logLine,
		"fail":         fail,
		"last_error":   lastError,
	}
}

// Register registers the host functions in a runtime, together with the
// function that AssemblyScript needs.
func Register(ctx context.Context, r wazero.Runtime) error {
	implemented := functions()
	builder := r.NewHostModuleBuilder(abi.Module)
	for _, f := range abi.Functions() {
		impl, ok := implemented[f.Name]
		if !ok {
			return fmt.Errorf("host function %s is not implemented", f.Name)
		}
		var params, results []api.ValueType
		for _, p := range f.Params {
			params = append(params, valueType(p.Type))
		}
		if f.Result != "" {
			results = append(results, valueType(f.Result))
		}
		builder.NewFunctionBuilder().WithGoModuleFunction(bind(impl, f), params, results).Export(f.Name)
	}
	if _, err := builder.Instantiate(ctx); err != nil {
		return fmt.Errorf("register host functions: %w", err)
	}
	return registerEnv(ctx, r)
}

func bind(impl func(*frame) int64, f abi.Function) api.GoModuleFunc {
	return func(ctx context.Context, guest api.Module, stack []uint64) {
		result := int64(abi.CodeState) // no call is in progress: the guest is in _initialize
		if c := from(ctx); c != nil {
			result = impl(&frame{ctx: ctx, call: c, memory: guest.ExportedMemory(abi.ExportMemory), args: stack[:len(f.Params)]})
		}
		switch f.Result {
		case abi.I32:
			stack[0] = api.EncodeI32(int32(result))
		case abi.I64:
			stack[0] = api.EncodeI64(result)
		}
	}
}

func valueType(t abi.Type) api.ValueType {
	if t == abi.I64 {
		return api.ValueTypeI64
	}
	return api.ValueTypeI32
}
