// Package service speaks to the operating system's service manager. It does
// not install anything.
package service

import "github.com/coreos/go-systemd/v22/daemon"

// Ready tells systemd that the agent serves (sd_notify READY=1). Without
// systemd it does nothing.
func Ready() { _, _ = daemon.SdNotify(false, daemon.SdNotifyReady) }

// Stopping tells systemd that the agent is on its way out.
func Stopping() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }
