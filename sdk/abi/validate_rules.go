package abi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// madeOf reports whether text has 1 to limit bytes, all from alphabet.
func madeOf(text, alphabet string, limit int) bool {
	return text != "" && len(text) <= limit && strings.Trim(text, alphabet) == ""
}

func isName(s string) bool {
	return madeOf(s, lower+digits+"_-", 64) && s[0] >= 'a'
}

func isVersion(s string) bool {
	parts := strings.Split(s, ".")
	for _, p := range parts {
		if !madeOf(p, digits, 9) || len(p) > 1 && p[0] == '0' {
			return false
		}
	}
	return len(parts) == 3
}

func isLabel(s string) bool {
	return madeOf(s, lower+digits+"-", 63) && s[0] != '-' && s[len(s)-1] != '-'
}

// isToken reports whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	return madeOf(s, lower+upper+digits+"!#$%&'*+.^_`|~-", 256)
}

func unique(p problems, seen map[string]bool, name string) {
	if !isName(name) {
		p.add("a name is a lower case letter, then up to 63 letters, digits, _ and -")
	} else if seen[name] {
		p.add("the name is used twice")
	}
	seen[name] = true
}

func checkPointer(p problems, field, pointer string) {
	if err := CheckPointer(pointer); err != nil {
		p.add("%s: %v", field, err)
	}
}

// checkTarget checks that exactly one of path and url is set. In a webhook both
// are templates; the values they insert must not decide which host is asked.
func checkTarget(p problems, path, text string) {
	if (path == "") == (text == "") {
		p.add("exactly one of path and url must be set")
	}
	if path != "" && !strings.HasPrefix(path, "/") {
		p.add("path %q does not start with a slash", path)
	}
	if text == "" {
		return
	}
	fixed, _, isTemplate := strings.Cut(text, "{{")
	if _, after, _ := strings.Cut(fixed, "://"); isTemplate && !strings.Contains(after, "/") {
		p.add("url %q: the host must not come out of a template", text)
		return
	}
	checkURL(p.in("url"), fixed)
}

func checkHeaders(p problems, headers map[string]string) {
	for name, value := range headers {
		if !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			p.add("header %q is not a name and one line of text", name)
		}
	}
}

// CheckPointer returns an error unless the text is a JSON pointer (RFC 6901).
func CheckPointer(pointer string) error {
	if pointer != "" && pointer[0] != '/' {
		return fmt.Errorf("JSON pointer %q does not start with a slash", pointer)
	}
	for i := range len(pointer) {
		if pointer[i] == '~' && (i+1 == len(pointer) || pointer[i+1] != '0' && pointer[i+1] != '1') {
			return fmt.Errorf("JSON pointer %q: ~ must be written ~0", pointer)
		}
	}
	return nil
}

// CheckHost returns an error unless the text is a host as manifests name them:
// a name in lower case without port, or "*." and a domain of at least two
// labels.
func CheckHost(host string) error {
	name, wild := strings.CutPrefix(host, "*.")
	labels := strings.Split(name, ".")
	if wild && len(labels) < 2 {
		return fmt.Errorf("host %q covers a whole top-level domain", host)
	}
	if len(name) > 253 {
		return fmt.Errorf("host %q is too long", host)
	}
	for _, l := range labels {
		if !isLabel(l) {
			return fmt.Errorf("host %q is not a name in lower case without scheme and port", host)
		}
	}
	return nil
}

// checkURL checks that a URL uses https, except towards loopback addresses.
func checkURL(p problems, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		p.add("%q is not an absolute https URL", text)
	case u.User != nil || u.Fragment != "":
		p.add("%q holds a user or a fragment", text)
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		p.add("%q is not https", text)
	}
}

// Loopback reports whether the host of a URL is this machine, written as an
// address or as localhost.
func Loopback(host string) bool {
	if host == "localhost" || host == "::1" {
		return true
	}
	parts := strings.Split(host, ".")
	if len(parts) != 4 || parts[0] != "127" {
		return false
	}
	for _, p := range parts {
		if n, err := strconv.ParseUint(p, 10, 8); err != nil || strconv.FormatUint(n, 10) != p {
			return false
		}
	}
	return true
}

// ParseRateLimit reads REQUESTS/DURATION, such as "40/2s". "40/s" means
// "40/1s".
func ParseRateLimit(text string) (requests int, per time.Duration, err error) {
	count, span, ok := strings.Cut(text, "/")
	requests, err = strconv.Atoi(count)
	if !ok || err != nil || requests < 1 {
		return 0, 0, fmt.Errorf("%q is not REQUESTS/DURATION, such as 40/2s", text)
	}
	if span != "" && (span[0] < '0' || span[0] > '9') {
		span = "1" + span
	}
	per, err = time.ParseDuration(span)
	if err != nil || per <= 0 {
		return 0, 0, fmt.Errorf("%q is not REQUESTS/DURATION, such as 40/2s", text)
	}
	return requests, per, nil
}

// ParseReset reads a time of day, HH:MM, and returns the time since midnight.
func ParseReset(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%q is not a time of day, such as 06:30", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}
