package sdk

import (
	"runtime"
	"unsafe"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

//go:wasmexport rollcall_fetch
func exportFetch() int32 { return exported() }

//go:wasmexport rollcall_invoke
func exportInvoke() int32 {
	before = runtime.NumGoroutine()
	return exported()
}

// buffers are those of the last call, as an instance serves one at a time: new ones
// would soon make the collector of garbage run, which takes milliseconds here.
var buffers struct{ answer, request []byte }

// mostKept is the size of buffers that are kept for another call.
const mostKept = 64 << 10

func exported() int32 {
	call := &Call{host: wasmHost{}, buffer: buffers.answer, request: buffers.request}
	status := serve(call, registered)
	if cap(call.buffer) <= mostKept {
		buffers.answer = call.buffer
	}
	if cap(call.request) <= mostKept {
		buffers.request = call.request
	}
	return status
}

// before is how many goroutines there were when the last invoke began.
var before int

// exportReusable declines when the last call left a goroutine behind, which
// would go on in the next call and act in its name.
//
//go:wasmexport rollcall_reusable
func exportReusable() int32 {
	if runtime.NumGoroutine() > before {
		return 0
	}
	return 1
}

//go:wasmexport rollcall_check
func exportCheck() int32 { return exported() }

//go:wasmimport rollcall_v1 call_input
func callInput(ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 http_send
func httpSend(ptr unsafe.Pointer, length uint32) int64

//go:wasmimport rollcall_v1 http_status
func httpStatus(handle int64) int32

//go:wasmimport rollcall_v1 http_header
func httpHeader(handle int64, name unsafe.Pointer, nameLength uint32, ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 json_get
func jsonGet(handle int64, pointer unsafe.Pointer, pointerLength uint32, ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 body_read
func bodyRead(handle, offset int64, ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 release
func release(handle int64) int32

//go:wasmimport rollcall_v1 emit
func emit(handle int64, array unsafe.Pointer, arrayLength uint32, record unsafe.Pointer, recordLength uint32, flags int32) int64

//go:wasmimport rollcall_v1 emit_json
func emitJSON(ptr unsafe.Pointer, length uint32) int64

//go:wasmimport rollcall_v1 body_size
func bodySize(handle int64) int64

//go:wasmimport rollcall_v1 emit_deleted
func emitDeleted(key unsafe.Pointer, keyLength uint32) int32

//go:wasmimport rollcall_v1 attach
func attach(handle int64, key unsafe.Pointer, keyLength uint32, field unsafe.Pointer, fieldLength uint32) int64

//go:wasmimport rollcall_v1 cursor_get
func cursorGet(ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 cursor_set
func cursorSet(ptr unsafe.Pointer, length uint32) int32

//go:wasmimport rollcall_v1 page_body
func pageBody(position unsafe.Pointer, positionLength uint32, number int64, ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 page_until
func pageUntil(handle, number, records, total int64) int32

//go:wasmimport rollcall_v1 respond
func respond(handle int64) int32

//go:wasmimport rollcall_v1 secret
func secret(name unsafe.Pointer, nameLength uint32, ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 secret_hmac
func secretHMAC(name unsafe.Pointer, nameLength uint32, algorithm int32, data unsafe.Pointer, dataLength uint32,
	ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 macro
func macro(template unsafe.Pointer, templateLength uint32, place int32, ptr unsafe.Pointer, capacity uint32) int64

//go:wasmimport rollcall_v1 wait_ms
func waitMS(milliseconds int64) int32

//go:wasmimport rollcall_v1 log
func logLine(level int32, ptr unsafe.Pointer, length uint32)

//go:wasmimport rollcall_v1 fail
func fail(kind int32, ptr unsafe.Pointer, length uint32)

//go:wasmimport rollcall_v1 last_error
func lastError(ptr unsafe.Pointer, capacity uint32) int64

// wasmHost is the host on the other side of the imports.
type wasmHost struct{}

var _ Host = wasmHost{}

// bytes and text return the address and length that the host reads or writes.
// The host uses the address only during the call.
func bytes(b []byte) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))
}

func text(s string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(s)), uint32(len(s))
}

func (wasmHost) CallInput(buf []byte) int64 {
	p, n := bytes(buf)
	return callInput(p, n)
}

func (wasmHost) HTTPSend(request []byte) int64 {
	p, n := bytes(request)
	return httpSend(p, n)
}

func (wasmHost) HTTPStatus(handle int64) int32 { return httpStatus(handle) }

func (wasmHost) HTTPHeader(handle int64, name string, buf []byte) int64 {
	np, nn := text(name)
	p, n := bytes(buf)
	return httpHeader(handle, np, nn, p, n)
}

func (wasmHost) JSONGet(handle int64, pointer string, buf []byte) int64 {
	pp, pn := text(pointer)
	p, n := bytes(buf)
	return jsonGet(handle, pp, pn, p, n)
}

func (wasmHost) BodyRead(handle, offset int64, buf []byte) int64 {
	p, n := bytes(buf)
	return bodyRead(handle, offset, p, n)
}

func (wasmHost) Release(handle int64) int32 { return release(handle) }

func (wasmHost) Emit(handle int64, array, record string, flags int32) int64 {
	ap, an := text(array)
	rp, rn := text(record)
	return emit(handle, ap, an, rp, rn, flags)
}

func (wasmHost) EmitJSON(records []byte) int64 {
	p, n := bytes(records)
	return emitJSON(p, n)
}

func (wasmHost) BodySize(handle int64) int64 { return bodySize(handle) }

func (wasmHost) EmitDeleted(key string) int32 {
	p, n := text(key)
	return emitDeleted(p, n)
}

func (wasmHost) Attach(handle int64, key, field string) int64 {
	kp, kn := text(key)
	fp, fn := text(field)
	return attach(handle, kp, kn, fp, fn)
}

func (wasmHost) CursorGet(buf []byte) int64 {
	p, n := bytes(buf)
	return cursorGet(p, n)
}

func (wasmHost) CursorSet(cursor string) int32 {
	p, n := text(cursor)
	return cursorSet(p, n)
}

func (wasmHost) PageBody(position string, number int64, buf []byte) int64 {
	pp, pn := text(position)
	p, n := bytes(buf)
	return pageBody(pp, pn, number, p, n)
}

func (wasmHost) PageUntil(handle, number, records, total int64) int32 {
	return pageUntil(handle, number, records, total)
}

func (wasmHost) Respond(handle int64) int32 { return respond(handle) }

func (wasmHost) Secret(name string, buf []byte) int64 {
	np, nn := text(name)
	p, n := bytes(buf)
	return secret(np, nn, p, n)
}

func (wasmHost) SecretHMAC(name string, algorithm abi.Algorithm, data, buf []byte) int64 {
	np, nn := text(name)
	dp, dn := bytes(data)
	p, n := bytes(buf)
	return secretHMAC(np, nn, int32(algorithm), dp, dn, p, n)
}

func (wasmHost) Macro(template string, place abi.Place, buf []byte) int64 {
	tp, tn := text(template)
	p, n := bytes(buf)
	return macro(tp, tn, int32(place), p, n)
}

func (wasmHost) WaitMS(milliseconds int64) int32 { return waitMS(milliseconds) }

func (wasmHost) Log(level abi.Level, line string) {
	p, n := text(line)
	logLine(int32(level), p, n)
}

func (wasmHost) Fail(kind abi.Kind, reason string) {
	p, n := text(reason)
	fail(int32(kind), p, n)
}

func (wasmHost) LastError(buf []byte) int64 {
	p, n := bytes(buf)
	return lastError(p, n)
}
