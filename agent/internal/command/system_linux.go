package command

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// root is the working folder of programs.
func root() string { return "/" }

// alone gives the program a session of its own, and thereby a group, without a
// terminal.
func alone() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// group is a program with the processes of its group. Those that leave the group
// are out of reach.
type group struct{ pid int }

func hold(p *os.Process) group { return group{p.Pid} }

// awaitExit returns when the program has ended. It is not yet reaped then, so
// that its number still stands for its group and nobody else's.
func (g group) awaitExit() {
	for unix.Waitid(unix.P_PID, g.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

// kill ends the group. It must be called before the program is reaped.
func (g group) kill() { _ = unix.Kill(-g.pid, unix.SIGKILL) }
