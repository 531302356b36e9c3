package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
)

// untilTold returns a context that ends with the first signal to stop: the
// work continues to a safe point and reports what was done. The second signal
// ends the process at once.
func untilTold(leave func()) context.Context {
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		how := control.StoppedError("stopped with Ctrl-C")
		if s := <-signals; s != os.Interrupt {
			how = control.StoppedError("stopped by the signal " + s.String())
		}
		stop(how)
		<-signals
		leave()
	}()
	return ctx
}

// leaveAtOnce ends the process immediately. A write in progress survives that
// as it survives a crash.
func leaveAtOnce(status *status) {
	if status.mu.TryLock() { // its holder may be stuck in a write
		status.wipe()
		status.mu.Unlock()
	}
	_, _ = fmt.Fprintln(os.Stderr,
		"rollcall: left at once; `rollcall runs` shows what was done, and the next run finds out what became of a write that was under way")
	os.Exit(exit.Failed)
}
