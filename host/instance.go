package host

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// instance is a module with its memory. It serves one call at a time. Its
// output, sleep and random numbers belong to the call that begin named last.
type instance struct {
	guest  api.Module
	ctx    context.Context //nolint:containedctx // of the guest's code in the running call; WASI's functions take none
	stdout *lines
	stderr *lines
	calls  int   // begun so far
	handle int64 // the last one given out
}

// start instantiates the bound version for the instance's call.
func (c *Connector) start(ctx context.Context, i *instance) (err error) {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().
		WithStdout(output{i, false}).WithStderr(output{i, true}).WithRandSource(random{i}).
		WithSysWalltime().WithSysNanotime().
		WithNanosleep(func(ns int64) { _ = web.Sleep(i.ctx, time.Duration(ns)) }) // the end of ctx also ends the guest
	guest, err := c.host.runtime.InstantiateModule(ctx, c.compiled, config)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	i.guest = guest
	c.host.started.Add(1)
	if f := guest.ExportedFunction(abi.ExportInitialize); f != nil {
		if _, err := f.Call(ctx); err != nil {
			return fmt.Errorf("%s: %w", abi.ExportInitialize, err)
		}
	}
	return nil
}

// begin binds the instance to a call. The call's handles get numbers that no
// earlier call of the instance had.
func (i *instance) begin(ctx context.Context, state *abi1.Call) {
	i.ctx = ctx
	i.stdout = &lines{ctx: ctx, to: func(s string) { state.Line(slog.LevelInfo, s) }}
	i.stderr = &lines{ctx: ctx, to: func(s string) { state.Line(slog.LevelWarn, s) }}
	i.calls++
	state.LastHandle = i.handle
}

// end takes the instance away from its call. Nothing of the call stays in it,
// apart from what the guest put into its own memory.
func (i *instance) end(state *abi1.Call) {
	i.handle = state.LastHandle
	over := ended(context.Background(), errBetween)
	i.ctx, i.stdout, i.stderr = over, &lines{ctx: over}, &lines{ctx: over}
}

// memory returns the guest's memory; nil when there is none.
func (i *instance) memory() api.Memory {
	if i.guest == nil {
		return nil
	}
	return i.guest.ExportedMemory(abi.ExportMemory)
}

// size returns the size of the guest's memory in bytes.
func (i *instance) size() uint64 {
	if m := i.memory(); m != nil {
		return uint64(m.Size())
	}
	return 0
}

func (i *instance) close() {
	if i.guest != nil {
		_ = i.guest.Close(context.Background()) // its result no longer matters
	}
}

// reusable reports whether the instance can serve another call. The guest says
// so itself, without a call in progress: host functions refuse it.
func (i *instance) reusable(ctx context.Context) bool {
	f := i.guest.ExportedFunction(abi.ExportReusable)
	if f == nil || i.calls >= maxCalls || i.size() > maxKept {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	results, err := f.Call(ctx)
	return err == nil && ctx.Err() == nil && api.DecodeI32(results[0]) == 1 && i.size() <= maxKept
}

// askFor bounds how long the guest may take to answer whether it is reusable.
const askFor = time.Second

// output passes what the guest writes to the lines of the running call.
type output struct {
	of     *instance
	stderr bool
}

func (o output) Write(p []byte) (int, error) {
	if o.stderr {
		return o.of.stderr.Write(p)
	}
	return o.of.stdout.Write(p)
}
