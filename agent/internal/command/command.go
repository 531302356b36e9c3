// Package command runs one program of the administrator's for a step of an
// orchestration: no shell, an empty environment, no input, bounds on time and
// output. Right before each run it checks that nobody but root could have changed
// the program.
//
// Arguments are data: each reaches the program as it is, so that a value which
// begins with "-" reads as an option there. Who writes the configuration puts
// "--" before values where the program knows it. Package command does not judge
// what a program does, confines it to nothing, and does not look at the
// libraries and files that the program itself opens.
package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Settings is what may run, and its bounds.
type Settings struct {
	Allow   []string      // absolute paths, compared exactly
	Timeout time.Duration // 0 means DefaultTimeout
	Output  int           // bytes kept of stdout and of stderr; 0 means DefaultOutput
}

// Defaults of Settings.
const (
	DefaultTimeout = time.Minute
	DefaultOutput  = 64 << 10 // bytes
)

// maxArgument is the longest argument that Linux takes, less the byte that ends
// it.
const maxArgument = 128<<10 - 1

// Runner runs allowed programs. It may be used by several goroutines.
type Runner struct {
	settings Settings
	rules    rules
}

// New returns a runner of what the settings allow.
func New(s Settings) *Runner {
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	if s.Output <= 0 {
		s.Output = DefaultOutput
	}
	return &Runner{settings: s, rules: system()}
}

// Result is what a program left.
type Result struct {
	Exit           int // -1 when it did not end by itself
	Stdout, Stderr string
	StdoutCut      bool // there was more than the bound
	StderrCut      bool
}

// Error says why a program did not run, or did not succeed. It contains no
// argument and no output: both may hold what is secret.
type Error struct {
	Program  string
	Argument int // position in the command, from 1; 0 when it is not about one
	Err      error
	Next     string // the operator's next step
	// Started says that the program ran, so that it may have had its effect.
	Started bool
}

// Error names the program, the argument, the cause and the next step.
func (e *Error) Error() string {
	argument := ""
	if e.Argument > 0 {
		argument = fmt.Sprintf("argument %d: ", e.Argument)
	}
	return fmt.Sprintf("run %s: %s%v; next: %s", e.Program, argument, e.Err, e.Next)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether another try may succeed: a program that ran may do
// better next time. One that was refused will be refused again.
func (e *Error) Temporary() bool { return e.Started }

// Check says whether a program would be run. Its error is an *Error.
func (r *Runner) Check(program string) error {
	if !slices.Contains(r.settings.Allow, program) {
		return &Error{
			Program: program, Err: errors.New("allow_commands in [agent] does not name it"),
			Next: "name it there, by its absolute path, if it may run",
		}
	}
	if err := r.rules.check(program); err != nil {
		return err
	}
	return nil
}

// Run runs a program, whose path and arguments are argv, until it ends. At the
// time limit, or when ctx ends, it is killed with all processes of its group; so
// are those that it leaves behind when it ends. Its error is an *Error, also
// when the exit code is not 0; the result is there whenever the program ran.
func (r *Runner) Run(ctx context.Context, argv []string) (Result, error) {
	if len(argv) == 0 {
		const form = `write command like ["/usr/local/bin/badge", "{{ ad.sAMAccountName }}"]`
		return Result{}, &Error{Program: "a command", Err: errors.New("there is no program"), Next: form}
	}
	for i, a := range argv[1:] {
		e := &Error{Program: argv[0], Argument: i + 1}
		switch {
		case strings.ContainsRune(a, 0):
			e.Err, e.Next = errors.New("it has a NUL byte, which no argument can carry"), "correct the value in its template"
			return Result{}, e
		case len(a) > maxArgument:
			e.Err, e.Next = fmt.Errorf("it has %d bytes, and at most %d fit", len(a), maxArgument), "shorten it, for example with left()"
			return Result{}, e
		}
	}
	if err := r.Check(argv[0]); err != nil {
		return Result{}, err
	}
	limit := fmt.Errorf("it took longer than %s", r.settings.Timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, r.settings.Timeout, limit)
	defer cancel()
	if ctx.Err() != nil {
		return Result{}, &Error{Program: argv[0], Err: context.Cause(ctx), Next: "run it again"}
	}
	return r.run(ctx, argv)
}
