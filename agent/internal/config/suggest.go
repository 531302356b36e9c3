package config

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// suggest returns `did you mean "..."?` with the nearest of the known words, or
// "" when none is near.
func suggest(word string, known []string) string {
	best := text.Nearest(word, known)
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
