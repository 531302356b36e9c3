package notify

import (
	"os"
	"path"
	"strings"
)

// Restart is the command that makes the service manager start this process
// anew; "" when none started it.
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

// restartOf finds the unit in what /proc/self/cgroup holds: the last part of
// the path, in the unified hierarchy and that of systemd.
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
