package compiler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxWorkers  = 4
	maxOutput   = 64 << 10 // bytes kept of what the child writes
	lookEvery   = 20 * time.Millisecond
	clockFactor = 10              // how much longer compiling may take by the clock than in processor time
	patience    = 5 * time.Second // wait for the pipes of a killed child
)

var errTime = errors.New("the time for compiling is over")

// run compiles a module in a child process, into a folder. It returns a
// *RefusedError when the module is at fault. Limits.Time is processor time, so
// that a busy machine refuses no module that an idle one takes; a limit by the
// clock only ends a child that hangs.
func run(ctx context.Context, dir string, pages uint32, l Limits, wasm []byte) error {
	if err := ready(); err != nil {
		return err
	}
	orders, err := json.Marshal(order{Pages: pages, MemoryMiB: l.MemoryMiB, Workers: min(runtime.GOMAXPROCS(0), maxWorkers)})
	if err != nil {
		return fmt.Errorf("write the order: %w", err)
	}
	program, err := self()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	limited, cancel := context.WithTimeoutCause(ctx, l.Time*timeFactor*clockFactor, errTime)
	defer cancel()
	cmd := exec.CommandContext(limited, program, argument)
	cmd.Args[0] = filepath.Base(program)
	cmd.Dir, cmd.WaitDelay = dir, patience
	cmd.Env = append(environment(), orderEnv+"="+string(orders), "GOTRACEBACK=none")
	if raceSettings != "" {
		cmd.Env = append(cmd.Env, raceSettings)
	}
	c := child{cmd: cmd, limits: l}
	err = c.run(wasm)
	if ctx.Err() != nil {
		return fmt.Errorf("compile: %w", context.Cause(ctx))
	}
	return c.verdict(err, context.Cause(limited))
}

// child is one process that compiles.
type child struct {
	cmd            *exec.Cmd
	limits         Limits
	stdout, stderr head
	greedy         atomic.Bool // it was killed because of its memory
	slow           atomic.Bool // it was killed because of its processor time
	started        bool
}

// run starts the process, sends it the module and waits for its end. It stays
// on one thread, because on Linux the child dies with the thread that started
// it.
func (c *child) run(wasm []byte) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	pipe, err := c.cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the compiler: %w", err)
	}
	lone(c.cmd)
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("start the compiler: %w", err)
	}
	// The child does nothing before it has its input, so it cannot start work
	// before its limits are set.
	release, err := hold(c.cmd.Process, c.limits)
	if err != nil {
		_ = c.cmd.Process.Kill()
		return errors.Join(fmt.Errorf("limit the compiler: %w", err), c.cmd.Wait())
	}
	defer release()
	c.started = true
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.watch(done)
	}()
	go func() {
		_, _ = pipe.Write(wasm) // a child that ended early gives its reason itself
		_ = pipe.Close()
	}()
	err = c.cmd.Wait()
	close(done)
	<-watched
	return err
}

// watch kills a child that uses too much processor time, or too much memory in
// cases that the child's own limit does not cover.
func (c *child) watch(done <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		if used, ok := resident(c.cmd.Process.Pid); ok && used > int64(c.limits.MemoryMiB)<<20*residentFactor {
			c.greedy.Store(true)
			_ = c.cmd.Process.Kill()
			return
		}
		if used, ok := spent(c.cmd.Process.Pid); ok && used > c.limits.Time*timeFactor {
			c.slow.Store(true)
			_ = c.cmd.Process.Kill()
			return
		}
	}
}

// verdict returns the result of the child's work.
func (c *child) verdict(err, cause error) error {
	var a answer
	switch {
	case !c.started:
		return err
	case c.greedy.Load():
		return tooLarge(c.limits)
	case c.slow.Load() || errors.Is(cause, errTime) && err != nil:
		return tooSlow(c.limits)
	case err == nil && json.Unmarshal(c.stdout.text, &a) == nil && a.OK:
		return nil
	case err == nil && a.Error != "":
		return &RefusedError{a.Error}
	case err == nil:
		return errNoHook
	}
	said := string(c.stderr.text)
	for _, sign := range []string{"out of memory", "cannot allocate memory", "failed to allocate", "errno=1455"} {
		if strings.Contains(said, sign) {
			return tooLarge(c.limits)
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	return &RefusedError{strings.TrimSuffix(fmt.Sprintf("the compiler broke on it (%v): %s", err, first), ": ")}
}

// head keeps the beginning of what is written to it.
type head struct{ text []byte }

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), maxOutput-len(h.text))]...)
	return len(p), nil
}
