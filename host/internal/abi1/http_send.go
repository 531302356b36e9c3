package abi1

import (
	"encoding/json"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// httpSend sends a request: docs/connector-abi.md, http_send.
func httpSend(f *frame) int64 {
	request := f.bytes()
	if f.bad {
		return f.outside()
	}
	c := f.call
	if len(request) > abi.MaxRequestSize {
		return c.no(abi.CodeTooLarge, "the request is %d bytes of JSON, more than %d", len(request), abi.MaxRequestSize)
	}
	var r abi.Request
	if err := json.Unmarshal(request, &r); err != nil {
		return c.no(abi.CodeInput, "decode request: %v", err)
	}
	if len(c.handles) >= abi.MaxHandles {
		return c.no(abi.CodeLimit, "%d responses are open: release them first", len(c.handles))
	}
	if c.Requests >= abi.MaxRequests {
		return c.no(abi.CodeLimit, "%d requests in one call", c.Requests)
	}
	c.Requests++
	defer c.Clock.Pause()()
	resp, err := c.Client.Send(c.Context, r)
	if err != nil {
		c.Status = 0
		return c.no(code(err), "%v", err)
	}
	if c.handles == nil {
		c.handles = map[int64]*response{}
	}
	c.last++
	c.handles[c.last] = &response{Response: resp}
	c.Status = resp.Status
	c.Bytes += resp.Body.Size()
	return c.last
}
