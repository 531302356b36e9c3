//go:build !linux

// Package notify speaks to the operating system's service manager. It does
// not install anything.
package notify

// Ready tells the service manager that the agent serves.
func Ready(string) {}

// Stopping tells the service manager that the agent is on its way out.
func Stopping() {}

// Restart is the command that makes the service manager start this process
// anew; "" when none started it.
func Restart() string { return "" }
