package mapping

import (
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

const (
	primaryPrefix   = "SMTP"
	secondaryPrefix = "smtp"
)

// splitAddress splits "SMTP:ada@example.com" at its colon. An address without a
// prefix has the kind "".
func splitAddress(v string) (kind, address string) {
	kind, address, ok := strings.Cut(v, ":")
	if !ok {
		return "", v
	}
	return kind, address
}

// cleanAddress removes white space and invisible characters around the address
// and its prefix. It returns "" when no address is left.
func cleanAddress(v string) string {
	kind, address, ok := strings.Cut(v, ":")
	if !ok {
		return v
	}
	if address = text.Trim(address); address == "" {
		return ""
	}
	return text.Trim(kind) + ":" + address
}

func isMail(v string) bool {
	kind, _ := splitAddress(v)
	return text.Same(kind, primaryPrefix)
}

// mergeAddresses computes the proxyAddresses of an account. The primary address
// is the first wanted one (SMTP:); without one, the present primary stays;
// without that, the first mail address becomes primary. Every other mail address
// is spelled smtp:. With add, the present values stay, and those of other kinds
// (X500:, SIP:) are not changed. The present values keep their order, so that a
// list without changes is equal to the old one.
func mergeAddresses(present, wanted []string, add bool) []string {
	var all []string
	if add {
		all = append(all, present...)
	}
	all = distinctBy(append(all, wanted...), cleanAddress)
	primary := primaryOf(wanted)
	if primary == "" && add {
		primary = primaryOf(present)
	}
	if primary == "" {
		for _, v := range all {
			if isMail(v) {
				_, primary = splitAddress(v)
				break
			}
		}
	}
	for i, v := range all {
		if !isMail(v) {
			continue
		}
		_, address := splitAddress(v)
		if text.Alike(address, primary) {
			all[i] = primaryPrefix + ":" + primary
		} else {
			all[i] = secondaryPrefix + ":" + address
		}
	}
	return all
}

// primaryOf returns the address of the first SMTP: value.
func primaryOf(values []string) string {
	for _, v := range values {
		if address, ok := strings.CutPrefix(v, primaryPrefix+":"); ok {
			return address
		}
	}
	return ""
}

// distinct removes values that AD considers equal and refuses together: AD
// compares without regard to case.
func distinct(values []string) []string {
	return distinctBy(values, func(v string) string { return v })
}

// distinct removes values that the attribute cannot have twice. Of keys, case matters.
func (a *attribute) distinct(values []string) []string {
	if !a.Reference {
		return distinct(values)
	}
	var out []string
	for _, key := range values {
		if !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

// distinctBy is like distinct, but compares what clean makes of the values.
func distinctBy(values []string, clean func(string) string) []string {
	if len(values) < 2 {
		return values
	}
	seen := make(map[string]bool, len(values))
	out := values[:0:0]
	for _, v := range values {
		if folded := text.Lower(text.Seen(clean(v))); !seen[folded] {
			seen[folded] = true
			out = append(out, v)
		}
	}
	return out
}
