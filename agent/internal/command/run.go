package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// grace is how long output is read on after the program has ended: a process
// that has left the group may hold the pipes open.
const grace = 5 * time.Second

// run starts the program and waits for its end, or ends it.
func (r *Runner) run(ctx context.Context, argv []string) (Result, error) {
	stdout, stderr := &beginning{most: r.settings.Output}, &beginning{most: r.settings.Output}
	cmd := &exec.Cmd{
		Path: argv[0], Args: argv, Env: []string{}, Dir: root(), Stdout: stdout, Stderr: stderr, WaitDelay: grace,
		SysProcAttr: alone(),
	}
	if err := cmd.Start(); err != nil {
		return Result{}, &Error{Program: argv[0], Err: err, Next: "see whether the agent's user may execute it and it is made for this system"}
	}
	group := hold(cmd.Process)
	exited := make(chan struct{})
	go func() {
		group.awaitExit()
		close(exited)
	}()
	killed := false
	select {
	case <-exited:
	case <-ctx.Done():
		killed = true
	}
	group.kill()
	<-exited
	err := cmd.Wait()
	result := Result{Exit: cmd.ProcessState.ExitCode()}
	result.Stdout, result.StdoutCut = stdout.text()
	result.Stderr, result.StderrCut = stderr.text()
	return result, failure(ctx, argv[0], cmd.ProcessState, killed, err)
}

// failure tells an end that is no success.
func failure(ctx context.Context, program string, state *os.ProcessState, killed bool, err error) error {
	var exit *exec.ExitError
	e := &Error{Program: program, Started: true, Err: err, Next: "run it by hand as the agent's user"}
	switch {
	case killed:
		e.Err, e.Next = fmt.Errorf("ended with its processes: %w", context.Cause(ctx)), "see what it was waiting for, and how far it got"
	case err == nil, errors.Is(err, exec.ErrWaitDelay) && state.Success():
		return nil // in the latter case a process that it left behind still holds its output
	case errors.As(err, &exit):
		e.Err, e.Next = errors.New(state.String()), "read what it wrote to stderr, and run it by hand as the agent's user"
	}
	return e
}

// beginning keeps the first bytes of an output and drops the rest, so that the
// program is not held up.
type beginning struct {
	mu   sync.Mutex
	kept []byte
	most int
	cut  bool
}

// Write keeps what fits.
func (b *beginning) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fits := min(len(p), b.most-len(b.kept))
	b.kept = append(b.kept, p[:fits]...)
	b.cut = b.cut || fits < len(p)
	return len(p), nil
}

// text returns what was kept as UTF-8, without half of a character at a cut.
func (b *beginning) text() (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.kept
	for i := 1; b.cut && i < utf8.UTFMax && i <= len(kept); i++ {
		if last := kept[len(kept)-i:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				kept = kept[:len(kept)-i]
			}
			break
		}
	}
	return strings.ToValidUTF8(string(kept), "\uFFFD"), b.cut
}
