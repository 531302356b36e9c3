package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rollcall-agent/rollcall/host"
)

// scratch holds what all tests share; it is removed at the end.
var (
	scratch        string
	scratchContext = context.Background()
)

const (
	overlap = 4 // tests that run in parallel, at least

	hang = 10 * time.Minute      // ends a wait for what never comes; a busy machine does not reach it
	poll = 20 * time.Millisecond // between two looks at what another process does
)

func TestMain(m *testing.M) {
	if host.IsCompiler() {
		os.Exit(host.CompileMain(context.Background()))
	}
	testscript.Main(runner{m}, map[string]func(){"rollcall": main})
}

// runner gives the tests a folder to share. testscript.Main starts this
// program as "rollcall" too; then no test runs, and no folder is made.
type runner struct{ m *testing.M }

// Run implements testscript.TestingM.
func (r runner) Run() int {
	var err error
	if scratch, err = os.MkdirTemp("", "rollcall-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	// These tests wait most of the time: for agents, schedules and the domain
	// controller. A -parallel on the command line takes precedence.
	if n := flag.Lookup("test.parallel"); runtime.GOMAXPROCS(0) < overlap {
		_ = n.Value.Set(strconv.Itoa(overlap))
	}
	return r.m.Run()
}

func TestCommands(t *testing.T) {
	const dir = "testdata/script"
	raced := watched(t, dir)
	setup := func(env *testscript.Env) error { return scriptSetup(raced, env) }
	testscript.Run(t, testscript.Params{Dir: dir, Setup: setup, Cmds: scriptCommands()})
}
