package main

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"unsafe"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// seen is what a call finds in its instance, sent as the body of a request.
type seen struct {
	Instance string
	Calls    int
	Problem  int64 // the length of last_error when the call begins
	Old      map[string]int64
	Open     int64 // the status of the call's own response
}

// What the calls of this instance leave to later ones.
var (
	instance = rand.Text()
	calls    int
	handle   int64 // of a response that an earlier call did not release
	kept     [][]byte
)

// again tells what earlier calls of the instance left, and then does what the
// webhook says.
func again(c *sdk.Call) error {
	calls++
	s := seen{Instance: instance, Calls: calls}
	s.Problem = lastError(uint32(uintptr(unsafe.Pointer(&buffer))), uint32(len(buffer)))
	do := c.Webhook().Params["do"]
	if do == "replay" {
		own := int64(0)
		for range 4 { // as many as make the old handle's number one of them, if counting began anew
			own = send(`{"path":"/own"}`)
		}
		s.Open = int64(httpStatus(own))
		s.Old = replay(handle)
	}
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	resp, err := c.Send(sdk.Request{Method: abi.MethodPost, Path: "/seen", Query: c.Webhook().Params, Body: string(body)})
	if err != nil {
		return err
	}
	if do != "silent" {
		if err := resp.Respond(); err != nil {
			return err
		}
	}
	return misbehave(c, resp, do)
}

func misbehave(c *sdk.Call, resp *sdk.Response, do string) error {
	switch do {
	case "keep":
		handle = send(`{"path":"/kept"}`)
	case "no value":
		_, _ = resp.GetText("/nothing/here")
	case "refused":
		_ = httpStatus(-5)
	case "fail":
		return sdk.Errorf(abi.KindBadResponse, "as asked")
	case "panic":
		panic("as asked")
	case "exit":
		os.Exit(0)
	case "loop":
		for i := 0; ; i++ {
			spin(i)
		}
	case "goroutine":
		go func() { select {} }()
	case "grow":
		kept = append(kept, make([]byte, 20<<20))
	}
	return nil
}

var buffer [256]byte

func send(request string) int64 {
	b := []byte(request)
	return httpSend(uint32(uintptr(unsafe.Pointer(&b[0]))), uint32(len(b)))
}

// replay uses the handle of an earlier call in every function that takes one.
func replay(h int64) map[string]int64 {
	at, size := uint32(uintptr(unsafe.Pointer(&buffer))), uint32(len(buffer))
	return map[string]int64{
		"http_status": int64(httpStatus(h)),
		"http_header": httpHeader(h, at, 1, at, size),
		"json_get":    jsonGet(h, at, 0, at, size),
		"body_read":   bodyRead(h, 0, at, size),
		"body_size":   bodySize(h),
		"respond":     int64(respond(h)),
		"release":     int64(release(h)),
	}
}
