package compiler

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"log/slog"
)

// children lists the processes that one has started.
func children(t testing.TB, pid int) []int {
	t.Helper()
	var found []int
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that has ended
		}
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

// parent is a process that compiles and is killed meanwhile.
func parent(dir string) int {
	c, err := OpenCache(dir, pages, usual, slog.New(slog.DiscardHandler))
	if err == nil {
		_, err = c.Ensure(context.Background(), slow())
	}
	fmt.Println(err)
	return 1
}

func TestTheChildEndsWithItsParent(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "COMPILER_TEST_PARENT="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var child []int
	await(t, func() bool { child = children(t, cmd.Process.Pid); return len(child) > 0 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	await(t, func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child[0]))
		return err != nil || strings.Contains(string(state), ") Z ")
	})
}

// TestTheChildGetsNothing looks at a child while it works.
func TestTheChildGetsNothing(t *testing.T) {
	t.Setenv("A_SECRET", "of the parent")
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil { // without close-on-exec
		t.Fatal(err)
	}
	defer syscall.Close(pipe[0])
	defer syscall.Close(pipe[1])
	c, _ := cache(t, t.TempDir(), usual)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = c.Ensure(ctx, slow())
	}()
	var pid int
	nice := func() string {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return ""
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		return strings.Fields(rest)[16]
	}
	await(t, func() bool {
		for _, pid = range children(t, os.Getpid()) {
			return nice() == strconv.Itoa(niceness)
		}
		return false
	})
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || strings.Contains(string(env), "SECRET") || strings.Contains(string(env), "PATH=") {
		t.Errorf("environment %q, %v", env, err)
	}
	mine := map[string]bool{}
	for _, fd := range pipe {
		link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			t.Fatal(err)
		}
		mine[link] = true
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(files) < 3 {
		t.Errorf("open files %v %v", files, err)
	}
	for _, f := range files {
		if link, err := os.Readlink(f); err == nil && mine[link] {
			t.Errorf("%s is the parent's %s", f, link)
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil || !strings.Contains(string(limits), "Max core file size        0") || strings.Contains(string(limits), "Max data size             unlimited") {
		t.Errorf("limits %s %v", limits, err)
	}
	cancel()
	<-ended
}
