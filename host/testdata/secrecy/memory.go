package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/rollcall-agent/rollcall/sdk"
)

//go:wasmimport rollcall_v1 http_send
func httpSend(ptr unsafe.Pointer, length uint32) int64

//go:wasmimport rollcall_v1 body_read
func bodyRead(handle, offset int64, ptr, capacity uint32) int64

//go:wasmimport rollcall_v1 release
func release(handle int64) int32

const (
	page  = 64 << 10
	piece = 6 * page // a multiple of 3
	room  = piece/3*4 + 256
)

// out is the buffer in which a piece of memory is prepared for sending. It is
// itself part of the memory sent, in its earlier state.
var out [room]byte

// giveAway copies the whole memory out of the instance: as records, and in
// requests. Only address 0 is left out, because a Go pointer cannot be 0.
func giveAway(c *sdk.Call) error {
	const ping = `{"method":"GET","path":"/text/ping","auth":"none"}`
	h := httpSend(unsafe.Pointer(unsafe.StringData(ping)), uint32(len(ping)))
	if h < 0 {
		return errors.New("no answer to learn the size of memory with")
	}
	size := memorySize(h)
	release(h)
	for from := uint64(1); from < size; from += piece {
		part := at(uintptr(from), min(piece, size-from))
		n := copy(out[:], fmt.Sprintf(`[{"id":"memory","at":%d,"data":"`, from))
		base64.StdEncoding.Encode(out[n:], part)
		n += base64.StdEncoding.EncodedLen(len(part))
		n += copy(out[n:], `"}]`)
		if _, err := c.EmitRecords(out[:n]); err != nil {
			return err
		}
	}
	for from := uint64(1); from < size; from += piece {
		part := at(uintptr(from), min(piece, size-from))
		n := copy(out[:], fmt.Sprintf(`{"method":"POST","path":"/dump/%d","auth":"none","body":"`, from))
		base64.StdEncoding.Encode(out[n:], part)
		n += base64.StdEncoding.EncodedLen(len(part))
		n += copy(out[n:], `"}`)
		h := httpSend(unsafe.Pointer(&out), uint32(n))
		if h < 0 {
			return errors.New("a piece of memory could not be sent")
		}
		release(h)
	}
	runtime.KeepAlive(kept)
	return nil
}

// memorySize finds the size by asking the host, which refuses addresses outside
// memory.
func memorySize(handle int64) uint64 {
	inside := func(pages uint64) bool { return bodyRead(handle, 1<<62, uint32(pages*page-1), 1) == 0 }
	low, high := uint64(1), uint64(1<<16)
	for low < high {
		middle := (low + high + 1) / 2
		if inside(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low * page
}

// at returns memory from an address on.
func at(from uintptr, length uint64) []byte {
	here := unsafe.Pointer(&out)
	return unsafe.Slice((*byte)(unsafe.Add(here, int(from)-int(uintptr(here)))), length)
}
