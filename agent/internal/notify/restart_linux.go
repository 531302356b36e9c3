package notify

import (
	"os"
	"path"
	"strings"
)

// Restart returns the command with which the service manager restarts this
// process; "" when it did not start it.
func Restart() string {
	if os.Getenv("NOTIFY_SOCKET") == "" || os.Getenv("INVOCATION_ID") == "" {
		return ""
	}
	group, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	return restartOf(string(group))
}

// restartOf finds the systemd unit in the text of /proc/self/cgroup. It is the
// last part of the path, in the unified hierarchy and in that of systemd.
func restartOf(groups string) string {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 || parts[1] != "" && parts[1] != "name=systemd" {
			continue
		}
		if unit := path.Base(parts[2]); strings.HasSuffix(unit, ".service") {
			return "systemctl restart " + strings.TrimSuffix(unit, ".service")
		}
	}
	return ""
}
