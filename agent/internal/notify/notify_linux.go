// Package notify speaks to the operating system's service manager. It does
// not install anything.
package notify

import (
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready tells systemd that the agent serves (sd_notify READY=1), with the status
// line that systemctl status shows. Without systemd it does nothing.
func Ready(status string) {
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady+"\nSTATUS="+strings.ReplaceAll(status, "\n", " "))
}

// Stopping tells systemd that the agent is shutting down.
func Stopping() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }
