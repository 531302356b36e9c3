// Package compiler turns the bytes of a module into machine code in a process
// of its own: the same program, started again, under limits of time and
// memory. What the child made is kept in a folder that wazero then loads from.
// A module that makes the compiler hang, take all memory or crash takes the
// child with it and nothing else.
//
// It does not judge a module: that is done before. It does not run one either.
package compiler

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
)

// The hidden way in takes both: the only argument of the command line, and an
// order in the environment. Neither alone does anything.
const (
	argument = "__compile-connector"
	orderEnv = "ROLLCALL_COMPILER_ORDER"
)

// MaxModule is the most that the child reads, in bytes. It is above what the
// host lets through.
const MaxModule = 64 << 20

// Limits bound one compilation.
type Limits struct {
	Time      time.Duration
	MemoryMiB int
}

// order is what the parent tells the child besides the module.
type order struct {
	Pages     uint32 // of memory that a module may have at most
	MemoryMiB int
	Workers   int
}

// RefusedError says that a module cannot be compiled within the limits, or not at
// all: the module is at fault, and another try ends the same way.
type RefusedError struct{ Why string }

func (r *RefusedError) Error() string { return r.Why }

var (
	errNoHook = errors.New("this program cannot compile connectors: its main must call host.IsCompiler first of all, " +
		"and host.CompileMain when that is true")
	errChild = errors.New("this is the process that compiles: it does not start another; main must call host.CompileMain before anything else")
)

// hooked says that this program asked whether it is the child, as the first
// thing that it did: then it can be started again as one. It belongs to the
// process, as the command line does.
var hooked atomic.Bool

// IsChild reports whether this process was started to compile one module. main
// asks first of all; a program that does not ask cannot compile.
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

// Config is how connectors are compiled and run. Child and parent must agree
// on it: wazero finds what was compiled by it.
func Config(pages uint32) wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().
		WithCloseOnContextDone(true).
		WithMemoryLimitPages(pages).
		WithDebugInfoEnabled(false)
}

func tooSlow(l Limits) *RefusedError {
	return &RefusedError{fmt.Sprintf("compiling it takes longer than %s (compile_timeout in [modules])", l.Time)}
}

func tooLarge(l Limits) *RefusedError {
	return &RefusedError{fmt.Sprintf("compiling it takes more than %d MiB of memory (compile_memory_mib in [modules])", l.MemoryMiB)}
}
