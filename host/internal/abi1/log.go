package abi1

import (
	"log/slog"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// logLine writes to the agent's log: docs/connector-abi.md, log.
func logLine(f *frame) int64 {
	level, text := f.i32(), f.bytes()
	if f.bad {
		return f.outside()
	}
	levels := map[abi.Level]slog.Level{
		abi.LevelDebug: slog.LevelDebug, abi.LevelWarn: slog.LevelWarn, abi.LevelError: slog.LevelError,
	}
	f.call.Line(levels[abi.Level(level)], string(text[:min(len(text), abi.MaxTextSize+1)]))
	return 0
}
