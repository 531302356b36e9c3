//go:build !linux

package host_test

import "testing"

// Memory is measured on Linux only.
func resetPeak(testing.TB) {}

func peakMiB(testing.TB) int { return 0 }

func childMiB(testing.TB) int { return 0 }
