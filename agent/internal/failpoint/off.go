//go:build !failpoint

// Package failpoint lets tests kill the agent at a named step. It does nothing
// unless it is built with the tag failpoint.
package failpoint

// Hit marks a step at which a test may kill the process.
func Hit(string) {}
