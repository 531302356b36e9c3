package compiler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rollcall-agent/rollcall/host/soak"
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

func TestTheEndOfTheContextEndsTheChild(t *testing.T) {
	c, _ := cache(t, t.TempDir(), usual)
	stop := errors.New("asked to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		soak.Await(t, "there is a child", func() bool { return len(children(t, os.Getpid())) > 0 })
		cancel(stop)
	}()
	if _, err := c.Ensure(ctx, slow()); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	var refusal *RefusedError
	if _, err := c.Ensure(ctx, small); errors.As(err, &refusal) || err == nil {
		t.Errorf("a stop is held against the module: %v", err)
	}
	if left := children(t, os.Getpid()); len(left) != 0 {
		t.Errorf("children %v are left", left)
	}
}

func TestTheChildEndsWithItsParent(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "COMPILER_TEST_PARENT="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var child []int
	soak.Await(t, "the child has read the module and compiles", func() bool {
		child = children(t, cmd.Process.Pid)
		return len(child) > 0 && ticks(child[0]) > 30
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	killed := ticks(child[0])
	soak.Await(t, "the child ends", func() bool {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child[0]))
		if err == nil && ticks(child[0]) > killed+100 {
			t.Error("the child goes on without its parent")
			return true
		}
		return err != nil || strings.Contains(string(state), ") Z ")
	})
}

// TestTheParentEndsAGreedyChild is for what the child's own limit does not see:
// here it has none.
func TestTheParentEndsAGreedyChild(t *testing.T) {
	c := child{cmd: exec.Command("sleep", "600"), limits: Limits{MemoryMiB: 0}, started: true}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go c.watch(done)
	err := c.cmd.Wait()
	close(done)
	if got := c.verdict(err, nil); !strings.Contains(fmt.Sprint(got), "more than 0 MiB of memory") {
		t.Errorf("%v, %v", err, got)
	}
}

// ticks is the time of the processor that a process has used, in 10 ms.
func ticks(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	n, err := strconv.Atoi(strings.Fields(rest)[11])
	if err != nil {
		return 0
	}
	return n
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
	soak.Await(t, "a child has read the module and compiles", func() bool {
		for _, pid = range children(t, os.Getpid()) {
			return ticks(pid) > 30
		}
		return false
	})
	if n := nice(); n != strconv.Itoa(niceness) {
		t.Errorf("the child's niceness is %s", n)
	}
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
