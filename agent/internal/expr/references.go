package expr

import "slices"

// Reference is one use of a name in scope.
type Reference struct {
	// Path holds the members that are selected from the name by fixed texts:
	// [greet response] for steps.greet.response[0]. It is empty when the name is
	// used as a whole.
	Path []string
	Pos  Pos
}

// References returns the uses of name, in the order of the text.
func (e *Expression) References(name string) []Reference { return referencesOf(e.refs, name) }

// References returns the uses of name, in the order of the text.
func (t *Template) References(name string) []Reference { return referencesOf(t.refs, name) }

func referencesOf(refs []reference, name string) []Reference {
	var out []Reference
	for _, r := range refs {
		if r.name == name {
			out = append(out, Reference{slices.Clone(r.path), r.pos})
		}
	}
	return out
}
