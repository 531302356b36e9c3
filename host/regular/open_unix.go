//go:build unix

package regular

import "syscall"

// withoutWaiting is for what was put there between the look and the opening: a
// named pipe is opened at once then, and no terminal takes the process over.
const withoutWaiting = syscall.O_NONBLOCK | syscall.O_NOCTTY
