//go:build !windows

package main

import "os"

// takesColours reports whether a terminal understands escape sequences.
func takesColours(*os.File) bool { return true }
