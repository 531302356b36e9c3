package fit

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// nearest names the known name that was probably meant, or lists all known ones.
func nearest(name string, known []string) string {
	if len(known) == 0 {
		return "it has none"
	}
	for _, k := range known {
		if levenshtein.Distance(strings.ToLower(name), k, nil) <= 1+len(name)/4 {
			return fmt.Sprintf("did you mean %q?", k)
		}
	}
	return "it has: " + strings.Join(known, ", ")
}

// closest returns `did you mean "..."?` with the nearest of the known names; ""
// when none is near.
func closest(name string, known []string) string {
	best, distance := "", 2+len(name)/4
	for _, k := range known {
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(k), nil); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}
