package config

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// suggest gives `did you mean "..."?` for the nearest of the known words, or ""
// when none is near.
func suggest(word string, known []string) string {
	best, nearest := "", 1+len(word)/3
	for _, k := range known {
		d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(k), nil)
		if d < nearest || d == nearest && best == "" {
			best, nearest = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// oneOf lists values: `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
func oneOf(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
