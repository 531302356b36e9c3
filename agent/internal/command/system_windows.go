package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// root is the working folder of programs.
func root() string {
	if drive := os.Getenv("SystemDrive"); drive != "" {
		return drive + `\`
	}
	return `C:\`
}

func alone() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
}

// group is a program with the processes in its job. A process that the program
// starts before it is in the job is out of reach.
type group struct {
	job, process windows.Handle
	program      *os.Process
}

func hold(p *os.Process) group {
	g := group{program: p}
	const access = windows.PROCESS_SET_QUOTA | windows.PROCESS_TERMINATE | windows.SYNCHRONIZE
	process, err := windows.OpenProcess(access, false, uint32(p.Pid)) //nolint:gosec // a process identifier is 32 bits here
	if err != nil {
		return g
	}
	g.process = process
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return g
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))) //nolint:gosec // the call takes a pointer
	if err == nil {
		err = windows.AssignProcessToJobObject(job, process)
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return g
	}
	g.job = job
	return g
}

func (g group) awaitExit() {
	if g.process != 0 {
		_, _ = windows.WaitForSingleObject(g.process, windows.INFINITE)
		return
	}
	_, _ = g.program.Wait()
}

// kill ends what is in the job, and without one the program alone.
func (g group) kill() {
	_ = g.program.Kill()
	if g.job != 0 {
		_ = windows.TerminateJobObject(g.job, 1)
		_ = windows.CloseHandle(g.job)
	}
}

// rules are those of this system.
type rules struct{}

func system() rules { return rules{} }

// check refuses batch files, whose arguments cmd.exe would read as commands, and
// programs that this process may open for writing. Access lists of the folders
// above, and other users' rights, are not checked: keep programs below Program
// Files, where only administrators write.
func (rules) check(program string) *Error {
	refuse := func(err error, next string) *Error { return &Error{Program: program, Err: err, Next: next} }
	if !filepath.IsAbs(program) || filepath.Clean(program) != program {
		return refuse(errors.New("it is not an absolute path"), `write it like C:\Program Files\Badge\badge.exe`)
	}
	if ext := filepath.Ext(program); ext != ".exe" && ext != ".EXE" {
		return refuse(errors.New("it is no .exe file"), "name a program; batch files and scripts cannot be given arguments safely")
	}
	info, err := os.Lstat(program)
	if err != nil {
		return refuse(err, "see whether the path is right and the agent's user may read it")
	}
	if !info.Mode().IsRegular() {
		return refuse(errors.New("it is not a regular file"), "name the program itself")
	}
	f, err := os.OpenFile(program, os.O_WRONLY, 0)
	switch {
	case err == nil:
		return refuse(errors.Join(errors.New("the agent's user can write it"), f.Close()), "put it where only administrators write")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, windows.ERROR_SHARING_VIOLATION):
		return nil
	}
	return refuse(fmt.Errorf("it cannot be checked: %w", err), "see what keeps the agent's user from it")
}
