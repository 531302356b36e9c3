package abi1

import "github.com/rollcall-agent/rollcall/sdk/abi"

// respond makes a response the webhook's answer: docs/connector-abi.md,
// respond.
func respond(f *frame) int64 {
	h := f.i64()
	c := f.call
	if !c.Invoke {
		return c.no(abi.CodeState, "only an invoke has an answer")
	}
	r, bad := c.open(h)
	if r == nil {
		return bad
	}
	if old := c.Answer; old != nil && old != r && old.released {
		c.openSize -= old.Body.Size()
		old.Body.Close()
	}
	c.Answer = r
	return 0
}
