package compiler

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// niceness of the child: calls in progress come first.
const niceness = 10

// self returns the path of this program, even when its file has been replaced
// since the start.
func self() (string, error) { return "/proc/self/exe", nil }

// environment returns the variables that the child needs: none.
func environment() []string { return nil }

// lone makes the child die with this process and closes other open files to it.
func lone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	// Go closes its own files in a child. Files that this process inherited from
	// its parent may still be open.
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // without /proc, inherited files are unknown
	}
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// hold does nothing: the child limits itself before it reads.
func hold(*os.Process, Limits) (func(), error) { return func() {}, nil }

// confine limits this process. RLIMIT_DATA counts writable mappings, which is
// what a compiler uses; it does not count the race detector's reservations,
// which exist before. A service with filtered system calls may not be allowed
// to set it; then only the parent's watch on the memory holds.
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
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness) // a courtesy to other processes
	return nil
}

// resident returns the memory that a process holds, in bytes.
func resident(pid int) (int64, bool) {
	n, err := statm(pid, 1)
	return n, err == nil
}

// spent returns the processor time that a process has used (proc(5): utime and
// stime, in ticks of 10 ms).
func spent(pid int) (time.Duration, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name of the program may hold blanks and brackets; it ends with the last
	// bracket.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const utime, stime, tick = 11, 12, 10 * time.Millisecond
	if len(fields) <= stime {
		return 0, false
	}
	user, err := strconv.ParseInt(fields[utime], 10, 64)
	system, err2 := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(user+system) * tick, err == nil && err2 == nil
}

// statm returns one number of /proc/PID/statm, in bytes: number 1 is resident
// memory, 5 writable mappings.
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

// owner returns the user that a file belongs to.
func owner(info os.FileInfo) (int, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}
