// Package notify speaks to the operating system's service manager. It does
// not install anything.
package notify

import (
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready tells systemd that the agent serves (sd_notify READY=1), and the line
// that systemctl status shows of it. Without systemd it does nothing.
func Ready(status string) {
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady+"\nSTATUS="+strings.ReplaceAll(status, "\n", " "))
}

// Stopping tells systemd that the agent is on its way out.
func Stopping() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }
