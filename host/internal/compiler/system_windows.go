package compiler

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

func self() (string, error) { return os.Executable() }

// environment returns the variables that the child needs: where the system is.
func environment() []string {
	var env []string
	for _, name := range []string{"SystemRoot", "windir"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func lone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.BELOW_NORMAL_PRIORITY_CLASS | windows.CREATE_NO_WINDOW,
	}
}

// hold puts the child into a job object of its own. The job ends with this
// process and limits memory, processor time and the number of processes.
func hold(p *os.Process, l Limits) (func(), error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("make a job: %w", err)
	}
	release := func() { _ = windows.CloseHandle(job) }
	const ticksPerSecond = 10_000_000 // of 100 ns
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{
			LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_PROCESS_MEMORY |
				windows.JOB_OBJECT_LIMIT_JOB_MEMORY | windows.JOB_OBJECT_LIMIT_PROCESS_TIME |
				windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION,
			PerProcessUserTimeLimit: int64(l.Time.Seconds()*ticksPerSecond) * maxWorkers,
			ActiveProcessLimit:      1,
		},
		ProcessMemoryLimit: uintptr(l.MemoryMiB) << 20,
		JobMemoryLimit:     uintptr(l.MemoryMiB) << 20,
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))) //nolint:gosec // the call takes a pointer
	if err != nil {
		release()
		return nil, fmt.Errorf("limit the job: %w", err)
	}
	const access = windows.PROCESS_SET_QUOTA | windows.PROCESS_TERMINATE
	process, err := windows.OpenProcess(access, false, uint32(p.Pid)) //nolint:gosec // a process identifier is 32 bits here
	if err != nil {
		release()
		return nil, fmt.Errorf("open the process: %w", err)
	}
	defer windows.CloseHandle(process) //nolint:errcheck // it was only used for the job
	if err := windows.AssignProcessToJobObject(job, process); err != nil {
		release()
		return nil, fmt.Errorf("put the process into its job: %w", err)
	}
	return release, nil
}

// confine does nothing: the job holds the limits.
func confine(int) error { return nil }

// resident is not needed: the job limits the memory.
func resident(int) (int64, bool) { return 0, false }

// spent returns the processor time that a process has used.
func spent(pid int) (time.Duration, bool) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return 0, false
	}
	defer func() { _ = windows.CloseHandle(process) }()
	var created, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &created, &ended, &kernel, &user); err != nil {
		return 0, false
	}
	// They count intervals of 100 ns.
	intervals := func(t windows.Filetime) int64 { return int64(t.HighDateTime)<<32 | int64(t.LowDateTime) }
	return time.Duration(intervals(kernel)+intervals(user)) * 100, true
}

// owner is not checked: the folder's access list decides.
func owner(os.FileInfo) (int, bool) { return 0, false }
