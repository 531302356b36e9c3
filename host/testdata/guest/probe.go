package main

import (
	"encoding/json"
	"runtime"
	"unsafe"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

//go:wasmimport rollcall_v1 call_input
func callInput(ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 http_send
func httpSend(ptr, length uint32) int64

//go:wasmimport rollcall_v1 http_status
func httpStatus(handle int64) int32

//go:wasmimport rollcall_v1 http_header
func httpHeader(handle int64, name, nameLength, ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 json_get
func jsonGet(handle int64, pointer, pointerLength, ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 body_read
func bodyRead(handle, offset int64, ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 release
func release(handle int64) int32

//go:wasmimport rollcall_v1 emit
func emit(handle int64, array, arrayLength, record, recordLength uint32, flags int32) int64

//go:wasmimport rollcall_v1 emit_json
func emitJSON(ptr, length uint32) int64

//go:wasmimport rollcall_v1 body_size
func bodySize(handle int64) int64

//go:wasmimport rollcall_v1 emit_deleted
func emitDeleted(key, keyLength uint32) int32

//go:wasmimport rollcall_v1 attach
func attach(handle int64, key, keyLength, field, fieldLength uint32) int64

//go:wasmimport rollcall_v1 cursor_get
func cursorGet(ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 cursor_set
func cursorSet(ptr, length uint32) int32

//go:wasmimport rollcall_v1 page_body
func pageBody(position, positionLength uint32, number int64, ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 page_until
func pageUntil(handle, number, records, total int64) int32

//go:wasmimport rollcall_v1 respond
func respond(handle int64) int32

//go:wasmimport rollcall_v1 secret
func secret(name, nameLength, ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 secret_hmac
func secretHMAC(name, nameLength uint32, algorithm int32, data, dataLength, ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 macro
func macro(template, templateLength uint32, place int32, ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 wait_ms
func waitMS(milliseconds int64) int32

//go:wasmimport rollcall_v1 log
func logLine(level int32, ptr, length uint32)

//go:wasmimport rollcall_v1 fail
func fail(kind int32, ptr, length uint32)

//go:wasmimport rollcall_v1 last_error
func lastError(ptr, capacity uint32) int64

func at(s string) (uint32, uint32) {
	return uint32(uintptr(unsafe.Pointer(unsafe.StringData(s)))), uint32(len(s))
}

const far = 0xFFFF_FFF0 // no memory of 64 MiB reaches here

// ranges are pointers and lengths outside memory, each in a different way.
var ranges = map[string][2]uint32{
	"beyond": {far, 4},
	"wraps":  {far, 0xFFFF_FFFF},
	"huge":   {1024, 0xFFFF_FFFF},
	"most":   {1024, 0x7FFF_FFFF},
}

// probe calls every function with arguments that it must refuse, and emits one
// record with the results.
func probe(c *sdk.Call) error {
	results := map[string]any{"id": 1}
	rp, rn := at(`{"method":"GET","path":"/users"}`)
	h := httpSend(rp, rn)
	np, nn := at("Content-Type")
	jp, jn := at("/success")
	buf := make([]byte, 64)
	bp := uint32(uintptr(unsafe.Pointer(&buf[0])))
	dp, dn := at("/data")
	up, un := at("\xff")
	op, on := at("{}")
	long := make([]byte, 17<<20)
	lp := uint32(uintptr(unsafe.Pointer(&long[0])))
	for name, r := range ranges {
		p, n := r[0], r[1]
		results["call_input "+name] = callInput(p, n)
		results["http_send "+name] = httpSend(p, n)
		results["http_header name "+name] = httpHeader(h, p, n, bp, 64)
		results["http_header "+name] = httpHeader(h, np, nn, p, n)
		results["json_get pointer "+name] = jsonGet(h, p, n, bp, 64)
		results["json_get "+name] = jsonGet(h, jp, jn, p, n)
		results["body_read "+name] = bodyRead(h, 0, p, n)
		results["emit array "+name] = emit(h, p, n, 0, 0, 0)
		results["emit record "+name] = emit(h, jp, jn, p, n, 0)
		results["emit_json "+name] = emitJSON(p, n)
		results["last_error "+name] = lastError(p, n)
		results["emit_deleted "+name] = emitDeleted(p, n)
		results["attach key "+name] = attach(h, p, n, jp, jn)
		results["attach field "+name] = attach(h, jp, jn, p, n)
		results["cursor_get "+name] = cursorGet(p, n)
		results["cursor_set "+name] = cursorSet(p, n)
		results["page_body position "+name] = pageBody(p, n, 0, bp, 64)
		results["page_body "+name] = pageBody(jp, jn, 0, p, n)
		results["secret name "+name] = secret(p, n, bp, 64)
		results["secret "+name] = secret(jp, jn, p, n)
		results["secret_hmac name "+name] = secretHMAC(p, n, 1, jp, jn, bp, 64)
		results["secret_hmac data "+name] = secretHMAC(jp, jn, 1, p, n, bp, 64)
		results["secret_hmac "+name] = secretHMAC(jp, jn, 1, jp, jn, p, n)
		results["macro template "+name] = macro(p, n, 0, bp, 64)
		results["macro "+name] = macro(jp, jn, 0, p, n)
		logLine(0, p, n)
		fail(0, p, n)
	}
	gone := httpSend(rp, rn)
	results["release"] = release(gone)
	for name, bad := range map[string]int64{"wrong": 12345, "negative": -1, "zero": 0, "released": gone} {
		results["http_status handle "+name] = httpStatus(bad)
		results["http_header handle "+name] = httpHeader(bad, np, nn, bp, 64)
		results["json_get handle "+name] = jsonGet(bad, jp, jn, bp, 64)
		results["body_read handle "+name] = bodyRead(bad, 0, bp, 64)
		results["emit handle "+name] = emit(bad, jp, jn, 0, 0, 0)
		results["release handle "+name] = release(bad)
		results["body_size handle "+name] = bodySize(bad)
		results["attach handle "+name] = attach(bad, jp, jn, jp, jn)
		results["page_until handle "+name] = pageUntil(bad, 0, 0, 0)
		results["respond handle "+name] = respond(bad)
	}
	results["status"] = httpStatus(h)
	results["body_read offset"] = bodyRead(h, -1, bp, 64)
	results["body_read end"] = bodyRead(h, 1<<62, bp, 64)
	results["body_read none"] = bodyRead(h, 0, 0, 0)
	results["json_get small"] = jsonGet(h, jp, jn, bp, 2)
	results["json_get scalar"] = jsonGet(h, jp, jn, bp, 64)
	results["json_get written"] = string(buf[:4])
	mp, mn := at("no-slash")
	results["json_get malformed"] = jsonGet(h, mp, mn, bp, 64)
	results["emit malformed"] = emit(h, mp, mn, 0, 0, 0)
	ap, an := at("/nothing")
	results["json_get missing"] = jsonGet(h, ap, an, bp, 64)
	results["emit missing"] = emit(h, ap, an, 0, 0, 0)
	results["emit scalar"] = emit(h, jp, jn, 0, 0, 0)
	results["emit flags"] = emit(h, jp, jn, 0, 0, 2)
	results["emit keyed array"] = emit(h, dp, dn, 0, 0, 1)
	results["body_size"] = bodySize(h)
	results["emit_deleted empty"] = emitDeleted(0, 0)
	results["emit_deleted long"] = emitDeleted(lp, 5<<10)
	results["emit_deleted text"] = emitDeleted(up, un)
	results["attach empty"] = attach(h, 0, 0, jp, jn)
	results["attach long"] = attach(h, jp, jn, lp, 5<<10)
	results["cursor_set long"] = cursorSet(lp, 17<<10)
	results["cursor_set text"] = cursorSet(up, un)
	results["cursor_get"] = cursorGet(bp, 64)
	results["secret unknown"] = secret(jp, jn, bp, 64)
	results["secret_hmac unknown"] = secretHMAC(jp, jn, 1, jp, jn, bp, 64)
	results["secret_hmac algorithm"] = secretHMAC(jp, jn, 4, jp, jn, bp, 64)
	results["secret_hmac long"] = secretHMAC(jp, jn, 1, lp, 17<<20, bp, 64)
	results["macro"] = macro(jp, jn, 0, bp, 64)
	results["macro written"] = string(buf[:8])
	results["macro small"] = macro(jp, jn, 1, bp, 2)
	results["macro place"] = macro(jp, jn, 8, bp, 64)
	results["macro negative"] = macro(jp, jn, -1, bp, 64)
	results["macro long"] = macro(lp, 65<<10, 0, bp, 64)
	results["macro text"] = macro(up, un, 0, bp, 64)
	results["macro empty"] = macro(0, 0, 0, bp, 64)
	for _, code := range []string{"input", "refused", "no_value", "too_large", "auth", "longer"} {
		p, n := at(code)
		results["macro "+code] = macro(p, n, 0, bp, 64)
	}
	results["emit_json long"] = emitJSON(lp, 17<<20)
	results["http_send long"] = httpSend(lp, 17<<20)
	results["emit_json object"] = emitJSON(op, on)
	results["respond"] = respond(h)
	results["http_header missing"] = httpHeader(h, ap, an, bp, 64)
	results["http_send input"] = httpSend(ap, an)
	results["wait_ms negative"] = waitMS(-1)
	results["wait_ms"] = waitMS(1)
	for name, r := range map[string]string{
		"both":    `{"method":"GET","path":"/a","url":"https://example.org/"}`,
		"neither": `{"method":"GET"}`,
		"profile": `{"method":"GET","path":"/a","auth":"other"}`,
		"host":    `{"method":"GET","path":"/a","headers":{"Host":"x"}}`,
		"break":   `{"method":"GET","path":"/a","headers":{"X":"a\r\nB: c"}}`,
		"method":  `{"method":"G T","path":"/a"}`,
		"refused": `{"method":"GET","url":"https://example.org/"}`,
		"file":    `{"method":"GET","url":"file:///etc/passwd"}`,
	} {
		p, n := at(r)
		results["http_send "+name] = httpSend(p, n)
	}
	runtime.KeepAlive(long)
	out, err := json.Marshal([]any{results})
	if err != nil {
		return err
	}
	if c.Webhook().Name != "" {
		return sdk.Errorf(abi.KindConfig, "%s", out[1:len(out)-1])
	}
	_, err = c.EmitRecords(out)
	return err
}
