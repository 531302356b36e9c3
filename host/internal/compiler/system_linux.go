package compiler

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// niceness of the child: the calls under way come first.
const niceness = 10

// self is this program, also when its file was replaced since it started.
func self() (string, error) { return "/proc/self/exe", nil }

// environment is what a Go program needs of it here: nothing.
func environment() []string { return nil }

// lone lets the child end with this process and gives it no open files.
func lone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	// Go's own files are closed in a child already; those that this process got
	// from who started it may not be.
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // without /proc nothing is known of such files
	}
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// hold has nothing to do: the child limits itself before it reads.
func hold(*os.Process, Limits) (func(), error) { return func() {}, nil }

// confine limits this process. RLIMIT_DATA counts what is mapped writable,
// which is what a compiler takes; the race detector's reservations are there
// before and are not counted. A service whose system calls are filtered may not
// be allowed to: then the parent's eye on the memory is what holds.
func confine(memoryMiB int) error {
	there, err := statm(os.Getpid(), 5)
	if err != nil {
		return err
	}
	limits := map[int]uint64{
		unix.RLIMIT_DATA:  uint64(there) + uint64(memoryMiB)<<20*dataFactor,
		unix.RLIMIT_CORE:  0,
		unix.RLIMIT_FSIZE: uint64(memoryMiB) << 20,
	}
	for what, n := range limits {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}); err != nil && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("set limit %d: %w", what, err)
		}
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness) // a courtesy
	return nil
}

// resident is the memory that a process holds, in bytes.
func resident(pid int) (int64, bool) {
	n, err := statm(pid, 1)
	return n, err == nil
}

// statm reads one number of /proc/PID/statm, in bytes: 1 is what is resident,
// 5 what is mapped writable.
func statm(pid, at int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) <= at {
		return 0, fmt.Errorf("/proc/%d/statm has %d numbers", pid, len(fields))
	}
	pages, err := strconv.ParseInt(fields[at], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// owner is the user that a file belongs to.
func owner(info os.FileInfo) (int, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}
