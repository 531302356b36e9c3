package host_test

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"testing"
)

// resetPeak restarts the measurement of the peak (proc(5), clear_refs).
func resetPeak(t testing.TB) {
	t.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// peakMiB is the most memory that this process had since then.
func peakMiB(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	kib := 0
	if _, err := fmt.Sscan(string(after), &kib); err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// childMiB is the largest peak of any child that has ended.
func childMiB(t testing.TB) int {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		t.Fatal(err)
	}
	return int(u.Maxrss >> 10)
}
