//go:build !linux && !windows

package command

import (
	"errors"
	"os"
	"syscall"
)

func root() string { return "/" }

func alone() *syscall.SysProcAttr { return nil }

type group struct{ program *os.Process }

func hold(p *os.Process) group { return group{p} }

func (g group) awaitExit() { _, _ = g.program.Wait() }

func (g group) kill() { _ = g.program.Kill() }

type rules struct{}

func system() rules { return rules{} }

// check refuses every program: the rules are those of Linux and Windows.
func (rules) check(program string) *Error {
	return &Error{Program: program, Err: errors.New("programs are run on Linux and Windows only"), Next: "run the agent there"}
}
