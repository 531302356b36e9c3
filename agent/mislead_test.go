package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestCausesAreToldWhereTheyBegin plans and runs with what used to mislead: names
// that ascii() leaves nothing of, a mapping with a typo, an OU that is not there,
// writes that are all refused for one reason. Each is one item.
func TestCausesAreToldWhereTheyBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for i := range 12 {
		w.sim.Add("李明"+string('丁'+rune(i)), fmt.Sprintf("li%d@example.org", i))
	}
	says := func(items int, text string, want ...string) {
		t.Helper()
		for _, pattern := range want {
			if !regexp.MustCompile("(?m)" + pattern).MatchString(text) {
				t.Errorf("no line is like %s in\n%s", pattern, text)
			}
		}
		if strings.Contains(text, "cannot be created without it") {
			t.Errorf("an account that cannot be created is no cause:\n%s", text)
		}
		if n := strings.Count(text, "next: "); n != items {
			t.Errorf("%d next steps, want %d:\n%s", n, items, text)
		}
	}

	byMail := `  "{{ sam_safe(lower(ascii(split(user.email, '@')[0]))) }}",` + "\n"
	w.configure(byMail, "")
	says(1, w.want(4, "plan", "--brief", "staff").stdout,
		`^  12 people: \S+agent.toml:\d+:\d+: sAMAccountName: none of its 2 forms can be used: nothing is left of user.name: ascii\(\) drops letters that have no form in ASCII$`,
		`^      李明.* \(key \d+\), .* and 7 more: `,
		`^      such as: .*nothing is left of user.name "李明.": ascii\(\) drops "李明."`,
		`^      next: add a form that is made of another field, such as the mail address`)

	w.configure(`displayName = "{{ trim(user.name) }}"`, `displayName = "{{ trim(user.nmae) }}"`)
	says(1, w.want(4, "plan", "--brief", "staff").stdout,
		`^  13 people: \S+agent.toml:\d+:\d+: cn: none of its 2 forms can be used: attributes.displayName is absent \(\S+agent.toml:\d+:\d+: displayName: no value: user.nmae is absent\)$`,
		`^      next: did you mean user.name\?`)

	w.configure(`= "OU=Staff,DC=ad,DC=test" # CHANGE: where`, `= "OU=Gone,OU=Staff,DC=ad,DC=test" # CHANGE: where`)
	says(1, w.want(4, "plan", "--brief", "staff").stdout,
		`^  13 people: the OU OU=Gone,OU=Staff,DC=ad,DC=test does not exist$`, `^      next: create it in the directory, or correct ou$`)

	w.configure()
	w.dc.Replace(t, w.dc.BaseDN, "minPwdLength", "40")
	says(6, w.want(1, "apply", "staff").stdout,
		`^  and 10 more of create failed in the same way: .rollcall runs \d+. lists them$`,
		`^  13 people: create failed in OU=Staff,DC=ad,DC=test: the password does not meet the domain's password policy \(LDAP result code 19\)$`)
	says(1, w.want(0, "quarantine", "list").stdout, `^Automation staff.*: 13 records`, `^  13 people: create failed in OU=Staff`, `and 8 more: .rollcall quarantine list --all. names them$`)
}
