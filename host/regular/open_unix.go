//go:build unix

package regular

import "syscall"

// withoutWaiting is for a file that was replaced after the check: opening a
// named pipe returns at once, and a terminal does not take control of the
// process.
const withoutWaiting = syscall.O_NONBLOCK | syscall.O_NOCTTY
