//go:build !linux

// Package notify speaks to the operating system's service manager. It does
// not install anything.
package notify

// Ready tells the service manager that the agent serves.
func Ready(string) {}

// Stopping tells the service manager that the agent is shutting down.
func Stopping() {}

// Restart returns the command with which the service manager restarts this
// process; "" when it did not start it.
func Restart() string { return "" }
