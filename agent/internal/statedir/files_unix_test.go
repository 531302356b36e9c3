//go:build !windows

package statedir

import (
	"strings"
	"testing"
)

func TestSocketPath(t *testing.T) {
	if err := CheckSocket("/" + strings.Repeat("x", maxSocket-1)); err != nil {
		t.Error(err)
	}
	err := CheckSocket("/" + strings.Repeat("x", maxSocket))
	if err == nil || !strings.Contains(err.Error(), "shorter path") {
		t.Errorf("one byte more: %v", err)
	}
}
