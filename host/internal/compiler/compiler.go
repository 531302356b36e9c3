// Package compiler turns the bytes of a module into machine code in a separate
// process: the same program, started again, with limits on time and memory. The
// child leaves its result in a folder that wazero then loads from. A module
// that makes the compiler hang, exhaust memory or crash takes down only the
// child.
//
// It neither judges a module, which happens before, nor runs one.
package compiler

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
)

// Entering the hidden mode takes both: the only argument on the command line,
// and an order in the environment. Neither has an effect alone.
const (
	argument = "__compile-connector"
	orderEnv = "ROLLCALL_COMPILER_ORDER"
)

// MaxModule bounds what the child reads, in bytes. It is larger than what the
// host accepts.
const MaxModule = 64 << 20

// Limits limit one compilation.
type Limits struct {
	Time      time.Duration // of the processor; ten times as long by the clock
	MemoryMiB int
}

// order is what the parent tells the child besides the module.
type order struct {
	Pages     uint32 // of memory, the most that a module may have
	MemoryMiB int
	Workers   int
}

// RefusedError says that a module cannot be compiled, or not within the limits.
// The module is at fault, and another try would end the same way.
type RefusedError struct{ Why string }

func (r *RefusedError) Error() string { return r.Why }

var (
	errNoHook = errors.New("this program cannot compile connectors: its main must call host.IsCompiler first of all, " +
		"and host.CompileMain when that is true")
	errChild = errors.New("this is the process that compiles: it does not start another; main must call host.CompileMain before anything else")
)

// hooked says that this program has asked whether it is the child, and can
// therefore be started again as one. It is global because it describes the
// process, as the command line does.
var hooked atomic.Bool

// IsChild reports whether this process was started to compile one module. main
// must ask first; a program that does not ask cannot compile.
func IsChild() bool {
	hooked.Store(true)
	return len(os.Args) == 2 && os.Args[1] == argument && os.Getenv(orderEnv) != ""
}

// ready reports whether this process may start a child.
func ready() error {
	if _, child := os.LookupEnv(orderEnv); child {
		return errChild
	}
	if !hooked.Load() {
		return errNoHook
	}
	return nil
}

// Config returns how connectors are compiled and run. Child and parent must use
// the same, because wazero looks up compiled modules by it.
func Config(pages uint32) wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().
		WithCloseOnContextDone(true).
		WithMemoryLimitPages(pages).
		WithDebugInfoEnabled(false)
}

func tooSlow(l Limits) *RefusedError {
	return &RefusedError{fmt.Sprintf("compiling it takes longer than %s of processor time (compile_timeout in [modules])", l.Time)}
}

func tooLarge(l Limits) *RefusedError {
	return &RefusedError{fmt.Sprintf("compiling it takes more than %d MiB of memory (compile_memory_mib in [modules])", l.MemoryMiB)}
}
