// Package sdk is the library for authors of connectors. The same code builds
// for WebAssembly, where it calls the functions of the host (package abi lists
// them), and natively, where package sdktest plays the host.
//
//	func init() { sdk.Register(sdk.Connector{Fetch: fetch, Check: check}) }
//	func main() {}
//	func fetch(call *sdk.Call) error { return sdk.Pages(call, sdk.Classify) }
//
// Build with: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags='-s -w'
//
// Response bodies stay in the host: a connector reads the status, headers and
// small values, and tells the host where the records are. It never sees
// credentials, and it does not map, compare or store anything. Package
// variables may or may not outlive a call: one instance of the module serves
// several invokes of one application, unless a call leaves goroutines behind.
package sdk

import (
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Connector holds the functions of a connector. A nil function is not
// supported.
type Connector struct {
	// Fetch emits every record of the call's endpoint. It returns an error
	// unless all of them were emitted.
	Fetch func(*Call) error
	// Invoke carries out the call's webhook and passes on its answer with
	// Response.Respond. It returns an error unless the webhook was carried out.
	Invoke func(*Call) error
	// Check makes one cheap request that succeeds only when the application
	// accepts the credentials.
	Check func(*Call) error
}

var registered Connector

// Register sets the connector that the module's exports run. Call it from init.
func Register(c Connector) { registered = c }

// Registered returns the connector that Register was given.
func Registered() Connector { return registered }

// Host is the functions of rollcall_v1 that a connector's calls use, as package
// abi documents them. Authors do not call it.
type Host interface {
	CallInput(buf []byte) int64
	HTTPSend(request []byte) int64
	HTTPStatus(handle int64) int32
	HTTPHeader(handle int64, name string, buf []byte) int64
	JSONGet(handle int64, pointer string, buf []byte) int64
	BodyRead(handle, offset int64, buf []byte) int64
	BodySize(handle int64) int64
	Release(handle int64) int32
	Emit(handle int64, array, record string, flags int32) int64
	EmitJSON(records []byte) int64
	EmitDeleted(key string) int32
	Attach(handle int64, key, field string) int64
	CursorGet(buf []byte) int64
	CursorSet(cursor string) int32
	PageBody(position string, number int64, buf []byte) int64
	PageUntil(handle, number, records, total int64) int32
	Respond(handle int64) int32
	Secret(name string, buf []byte) int64
	SecretHMAC(name string, algorithm abi.Algorithm, data, buf []byte) int64
	Macro(template string, place abi.Place, buf []byte) int64
	WaitMS(milliseconds int64) int32
	Log(level abi.Level, text string)
	Fail(kind abi.Kind, text string)
	LastError(buf []byte) int64
}

// Run makes one call of a connector and returns the result of its export: 0, or
// 1 after it has told the host why. It does not panic.
func Run(h Host, c Connector) (status int32) { return serve(&Call{host: h}, c) }

func serve(call *Call, c Connector) (status int32) {
	h := call.host
	defer func() {
		if p := recover(); p != nil {
			h.Fail(abi.KindInternal, fmt.Sprintf("panic: %v", p))
			status = 1
		}
	}()
	if err := run(call, c); err != nil {
		h.Fail(KindOf(err), err.Error())
		return 1
	}
	return 0
}

func run(call *Call, c Connector) error {
	input, err := call.read("call_input", call.host.CallInput)
	if err != nil {
		return err
	}
	if call.input, err = decodeCall(input); err != nil {
		return fmt.Errorf("decode the call: %w", err)
	}
	var f func(*Call) error
	switch call.input.Function {
	case abi.FunctionFetch:
		f = c.Fetch
	case abi.FunctionInvoke:
		f = c.Invoke
	case abi.FunctionCheck:
		f = c.Check
	}
	if f == nil {
		return Errorf(abi.KindConfig, "the connector does not support %q", call.input.Function)
	}
	if call.input.Function == abi.FunctionFetch && call.input.Endpoint == nil {
		return errors.New("a fetch without an endpoint")
	}
	if call.input.Function == abi.FunctionInvoke && call.input.Webhook == nil {
		return errors.New("an invoke without a webhook")
	}
	return f(call)
}
