package abi1

import (
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// cursorSet sets the next cursor: docs/connector-abi.md, cursor_set.
func cursorSet(f *frame) int64 {
	cursor := f.bytes()
	if f.bad {
		return f.outside()
	}
	c := f.call
	switch {
	case c.Sink == nil:
		return c.no(abi.CodeState, "only a fetch has a cursor")
	case len(cursor) > abi.MaxCursorSize:
		return c.no(abi.CodeTooLarge, "a cursor of %d bytes, more than %d", len(cursor), abi.MaxCursorSize)
	case !utf8.Valid(cursor):
		return c.no(abi.CodeInput, "the cursor is not UTF-8")
	}
	c.NextCursor = string(cursor)
	return 0
}
