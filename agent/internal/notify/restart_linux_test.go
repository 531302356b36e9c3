package notify

import "testing"

func TestRestartOf(t *testing.T) {
	for groups, want := range map[string]string{
		"0::/system.slice/rollcall.service\n":                                                  "systemctl restart rollcall",
		"12:cpu:/x.service\n1:name=systemd:/system.slice/rollcall@eu.service\n0::/elsewhere\n": "systemctl restart rollcall@eu",
		"0::/user.slice/user-0.slice/session-3.scope\n":                                        "",
		"0::/\n": "",
		"":       "",
	} {
		if got := restartOf(groups); got != want {
			t.Errorf("%q: %q, want %q", groups, got, want)
		}
	}
}
