package config

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// check finds what decoding cannot: missing keys, numbers out of range,
// references to undefined names, and violations of the documented rules.
func (l *loader) check() {
	l.checkAgent()
	l.checkModules()
	l.checkStore()
	l.checkDirectory()
	for _, name := range sortedKeys(l.config.Applications) {
		l.checkApplication(path{"applications", name}, l.config.Applications[name])
	}
	for _, name := range sortedKeys(l.config.DataSources) {
		l.checkDataSource(path{"data_sources", name}, l.config.DataSources[name])
	}
	for _, name := range sortedKeys(l.config.Automations) {
		in, a := path{"automations", name}, l.config.Automations[name]
		if l.has(in.with("trigger")) {
			l.checkTriggered(in, &a)
			l.config.Automations[name] = a
		} else {
			l.checkAutomation(in, a)
		}
	}
	l.splitAutomations()
	l.checkMail()
	l.checkReceiver()
	l.checkAllowedCommands()
	l.checkWebhooks()
	l.checkOrchestrations()
	l.checkConflicts()
	l.compileMappings()
	l.warnLiterals()
	l.warnUnused()
}

// require reports the keys of a table that no file sets.
func (l *loader) require(table path, keys ...string) {
	if l.failed[table.index()] {
		return // not a table; decode has reported it
	}
	for _, key := range keys {
		if !l.has(table.with(key)) {
			l.failKey(table, fmt.Sprintf("%s is missing in [%s]", key, table), "")
		}
	}
}

// checkName reports a name that could not stand in an anchor, a metric or a
// command line.
func (l *loader) checkName(at path) {
	if !nameForm.MatchString(at.last()) {
		l.failKey(at, fmt.Sprintf("%q cannot be a name", at.last()), "a letter, then letters, digits, _ and -")
	}
}

// exists reports a reference to something that is not defined.
func (l *loader) exists(at path, kind, name string, known []string) {
	if slices.Contains(known, name) {
		return
	}
	hint := suggest(name, known)
	if hint == "" && len(known) > 0 {
		hint = "defined: " + strings.Join(known, ", ")
	}
	l.fail(at, fmt.Sprintf("there is no %s %q", kind, name), hint)
}

// inRange reports a number outside of its range.
func (l *loader) inRange(at path, n, low, high int) {
	if n < low || n > high {
		l.fail(at, fmt.Sprintf("%s is %d; it must be from %d to %d", at.last(), n, low, high), "")
	}
}

// checkURL allows https everywhere, and http to this machine.
func (l *loader) checkURL(at path, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "@"): // the text is not repeated: it may hold a password
		l.fail(at, at.last()+" must not hold a user or a password", "use username and password")
	case err != nil || u.Hostname() == "":
		l.fail(at, fmt.Sprintf("%s is %q, which is not a URL", at.last(), text), `like "https://api.example.com"`)
	case u.RawQuery != "" || u.Fragment != "":
		l.fail(at, at.last()+" must not have a query or a fragment", "")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		l.fail(at, fmt.Sprintf("%s is %q; it must be https, or http to a loopback address", at.last(), text), "")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// warnUnused warns of definitions that nothing refers to, and of automations
// that cannot run.
func (l *loader) warnUnused() {
	applications, sources := map[string]bool{}, map[string]bool{}
	for _, d := range l.config.DataSources {
		applications[d.Application] = true
	}
	for _, name := range l.config.UsedApplications() {
		applications[name] = true
	}
	for name, a := range l.config.Automations {
		sources[a.DataSource] = true
		app, ok := l.config.Applications[l.config.DataSources[a.DataSource].Application]
		if ok && !app.Enabled {
			l.warnKey(path{"automations", name}, fmt.Sprintf("automation %q does not run: application %q is not enabled", name, app.Name), "")
		}
	}
	for name, a := range l.config.Triggered {
		if app := l.config.DisabledOf(a.Orchestration); app != "" {
			next := ""
			if a.Trigger == TriggerDirectory {
				next = "the changes that it asks for are set aside: `rollcall quarantine retry` has them judged once that is enabled"
			}
			l.warnKey(path{"automations", name}, fmt.Sprintf(
				"automation %q does not run: orchestration %q sends to application %q, which is not enabled", name, a.Orchestration, app), next)
		}
	}
	l.warnUnusedIn("applications", "application", sortedKeys(l.config.Applications), applications)
	l.warnUnusedIn("data_sources", "data source", sortedKeys(l.config.DataSources), sources)
	l.warnUnusedIn("webhooks", "webhook", sortedKeys(l.config.Webhooks), l.config.usedWebhooks())
	for _, name := range sortedKeys(l.config.Orchestrations) {
		if !l.config.usedOrchestrations()[name] {
			l.warnKey(path{"orchestrations", name}, fmt.Sprintf("orchestration %q is named by no automation", name),
				"it runs only for whom somebody starts it")
		}
	}
	l.warnUnusedIn("lookups", "lookup", sortedKeys(l.config.Lookups), l.usedLookups())
}

func (l *loader) warnUnusedIn(table, kind string, names []string, used map[string]bool) {
	for _, name := range names {
		if !used[name] {
			l.warnKey(path{table, name}, fmt.Sprintf("%s %q is used nowhere", kind, name), "")
		}
	}
}

// usedLookups finds the lookup tables whose name stands in quotes in some
// expression.
func (l *loader) usedLookups() map[string]bool {
	used := map[string]bool{}
	for _, text := range l.texts {
		for name := range l.config.Lookups {
			if strings.Contains(text, "'"+name+"'") || strings.Contains(text, `"`+name+`"`) || strings.Contains(text, "`"+name+"`") {
				used[name] = true
			}
		}
	}
	return used
}

var (
	nameForm      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	attributeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,59}$`)
	headerForm    = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// checkHost allows the name of a host, with a port if need be, and "*." before a domain.
func (l *loader) checkHost(at path, text string) {
	host, port := text, ""
	if name, p, err := net.SplitHostPort(text); err == nil {
		host, port = name, p
	}
	number, err := strconv.ParseUint(cmp.Or(port, "443"), 10, 16)
	switch wrong := abi.CheckHost(host); {
	case strings.ContainsAny(text, "/@?#"):
		l.fail(at, "hosts holds an address", `name the host alone, like "pictures.example.com"`)
	case err != nil || number == 0:
		l.fail(at, fmt.Sprintf("hosts holds %q, whose port is no number from 1 to 65535", text), "")
	case wrong != nil:
		l.fail(at, fmt.Sprintf("hosts: %v", wrong), `like "pictures.example.com" or "*.pictures.example.com"`)
	}
}
