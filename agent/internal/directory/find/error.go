package find

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// NameError reports a name that does not stand for exactly one object of a kind.
type NameError struct {
	Kind       Kind
	Name       string        // "": none was given
	Candidates []ident.Entry // of that kind; several
	Others     []ident.Entry // of other kinds, when there is none of that kind
	Near       []string      // logon names that may be meant
}

// mostCandidates is how many objects a NameError lists.
const mostCandidates = 10

// howToName says which names are understood.
const howToName = "name it by sAMAccountName, userPrincipalName, mail, DN or objectGUID"

// Error says what the name stands for instead, and how to name the object.
func (e *NameError) Error() string {
	switch {
	case e.Name == "":
		return fmt.Sprintf("no %s is named: %s", e.Kind, howToName)
	case len(e.Candidates) > 0:
		return fmt.Sprintf("%d %ss have the name %q; name one of them by its DN: %s",
			len(e.Candidates), e.Kind, e.Name, strings.Join(e.listed(), "; "))
	case len(e.Others) > 0:
		what := "neither a user nor a group"
		if kind := kindOf(e.Others[0]); kind != "" {
			what = "a " + string(kind)
		}
		return fmt.Sprintf("%q is %s and not a %s: %s", e.Name, what, e.Kind, e.Others[0].DN)
	}
	s := fmt.Sprintf("there is no %s %q in the directory", e.Kind, e.Name)
	if len(e.Near) > 0 {
		s += " (did you mean " + strings.Join(quoted(e.Near), " or ") + "?)"
	}
	return s + ": " + howToName
}

// listed names the candidates in a way that tells them apart.
func (e *NameError) listed() []string {
	var out []string
	for _, c := range e.Candidates[:min(len(e.Candidates), mostCandidates)] {
		out = append(out, fmt.Sprintf("%s (%s)", c.DN, Label(c)))
	}
	if more := len(e.Candidates) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return out
}

func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf("%q", name)
	}
	return out
}
