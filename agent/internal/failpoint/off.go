//go:build !failpoint

// Package failpoint lets tests kill the agent at a named step, or make it panic
// there. Without the build tag failpoint it does nothing.
package failpoint

// Hit marks a step at which a test may end the process.
func Hit(string) {}
