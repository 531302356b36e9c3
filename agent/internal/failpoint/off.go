//go:build !failpoint

// Package failpoint lets tests kill the agent at a named step, or have it panic
// there. It does nothing
// unless it is built with the tag failpoint.
package failpoint

// Hit marks a step at which a test may end the process.
func Hit(string) {}
