package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesColours reports whether a console understands escape sequences, and
// turns that on: Windows 10 and later support them, but not by default
// (learn.microsoft.com/windows/console/setconsolemode).
func takesColours(f *os.File) bool {
	var mode uint32
	handle := windows.Handle(f.Fd())
	if err := windows.GetConsoleMode(handle, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
