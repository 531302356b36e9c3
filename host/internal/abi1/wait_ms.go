package abi1

import (
	"time"

	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// waitMS waits: docs/connector-abi.md, wait_ms.
func waitMS(f *frame) int64 {
	c, ms := f.call, f.i64()
	if ms < 0 {
		return c.no(abi.CodeArgument, "a wait of %d ms", ms)
	}
	if c.waits >= abi.MaxWaits {
		return c.no(abi.CodeLimit, "%d waits in one call", c.waits)
	}
	c.waits++
	if ms == 0 {
		return 0
	}
	wait := time.Duration(min(ms, int64(maxWait/time.Millisecond))) * time.Millisecond
	if end, ok := c.Context.Deadline(); ok && time.Until(end) < wait {
		return c.no(abi.CodeDeadline, "a wait of %s would last longer than the call may", wait)
	}
	defer c.Clock.Pause()()
	c.Waited += wait
	if err := web.Sleep(c.Context, wait); err != nil {
		return c.no(abi.CodeDeadline, "%v", err)
	}
	return 0
}

// maxWait keeps a number of milliseconds within a Duration.
const maxWait = 1000 * time.Hour
