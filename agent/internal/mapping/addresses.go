package mapping

import (
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

const (
	primaryPrefix   = "SMTP"
	secondaryPrefix = "smtp"
)

// splitAddress cuts "SMTP:ada@example.com" at its colon; an address without
// a prefix has type "".
func splitAddress(v string) (kind, address string) {
	kind, address, ok := strings.Cut(v, ":")
	if !ok {
		return "", v
	}
	return kind, address
}

// cleanAddress removes what nobody sees around the address and its prefix; ""
// when there is no address.
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

// mergeAddresses computes the proxyAddresses of an account. The first wanted
// primary address (SMTP:) is the one primary; without one the present one
// stays; without that the first mail address becomes it. Every other mail
// address is spelled smtp:. With add the present values stay, those of other
// kinds (X500:, SIP:) untouched. The order of present values is kept, so that
// a list in which nothing changes is equal to the old one.
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

// distinct removes values that AD considers equal, which it refuses together:
// it compares without regard to case.
func distinct(values []string) []string {
	return distinctBy(values, func(v string) string { return v })
}

// distinctBy is distinct, comparing what clean makes of the values.
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
