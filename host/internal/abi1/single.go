package abi1

import (
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// key checks a key, or the name of a field, that the guest passed.
func (c *Call) key(raw []byte) (string, int64) {
	switch {
	case len(raw) == 0:
		return "", c.no(abi.CodeInput, "a key or field is empty")
	case len(raw) > abi.MaxKeySize:
		return "", c.no(abi.CodeTooLarge, "a key or field of %d bytes, more than %d", len(raw), abi.MaxKeySize)
	case !utf8.Valid(raw):
		return "", c.no(abi.CodeInput, "a key or field is not UTF-8")
	}
	return string(raw), 0
}

// single delivers one record that is not part of an array. Its key and what
// together show whether the delivery is new.
func (c *Call) single(r Record, what string) int64 {
	if c.Sink == nil {
		return c.no(abi.CodeState, "%v", errNoSink)
	}
	if c.SinkErr != nil {
		return c.no(abi.CodeStopped, "the agent takes no more records of this call")
	}
	defer c.Clock.Pause()()
	if err := c.hand(r); err != nil {
		return c.broken(err, err.Error())
	}
	c.progress.single(r, what)
	return 0
}
