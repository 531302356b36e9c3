package plan

import (
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestClearingWhatCannotBeDeleted: the value that means none is written, and a
// second run is quiet.
func TestClearingWhatCannotBeDeleted(t *testing.T) {
	const never = "9223372036854775807"
	for _, c := range []struct{ attribute, had, want string }{
		{"accountExpires", "133000000000000000", never},
		{"accountExpires", never, ""},
		{"accountExpires", "0", ""},
		{"accountExpires", "", ""},
		{"countryCode", "276", "0"},
		{"countryCode", "0", ""},
		{"countryCode", "", ""},
		{"codePage", "1252", "0"},
		{"lockoutTime", "133000000000000000", "0"},
		{"title", "Boss", "-"},
		{"title", "", ""},
	} {
		s := newScene()
		e, _ := s.known("1", map[string]any{c.attribute: nil})
		if c.had != "" {
			e.Attributes[strings.ToLower(c.attribute)] = []string{c.had}
		}
		p, got := s.plan(t), ""
		for _, change := range p.Changes {
			if got = strings.Join(change.Operations[0].Attributes[0].New, ","); got == "" {
				got = "-"
			}
		}
		if got != c.want {
			t.Errorf("%s %q: %q is written, want %q", c.attribute, c.had, got, c.want)
		}
		s.apply(t, p, s.updates)
		if again := s.plan(t); len(again.Changes) > 0 {
			t.Errorf("%s %q: the second run plans %+v", c.attribute, c.had, again.Changes)
		}
	}
	s := newScene()
	e, _ := s.known("1", map[string]any{"accountExpires": "0"})
	e.Attributes["accountexpires"] = []string{never}
	if p := s.plan(t); len(p.Changes) > 0 {
		t.Errorf("0 and never are told apart: %+v", p.Changes)
	}
}

// The value that means none is none: apply = "if_empty" writes into it, and
// nobody has set it by hand.
func TestTheNeutralValueIsEmpty(t *testing.T) {
	for _, c := range []struct {
		attribute, had, want string
		rule                 attributeRule
		written              bool
	}{
		{"accountExpires", "9223372036854775807", "133000000000000000", attributeRule{apply: ident.ApplyIfEmpty}, true},
		{"accountExpires", "0", "133000000000000000", attributeRule{apply: ident.ApplyIfEmpty}, true},
		{"accountExpires", "134000000000000000", "133000000000000000", attributeRule{apply: ident.ApplyIfEmpty}, false},
		{"countryCode", "0", "276", attributeRule{apply: ident.ApplyIfEmpty}, true},
		{"countryCode", "0", "276", attributeRule{directory: true}, true},
		{"countryCode", "40", "276", attributeRule{directory: true}, false},
		{"title", "0", "Boss", attributeRule{apply: ident.ApplyIfEmpty}, false},
	} {
		s := newScene()
		e, _ := s.known("1", map[string]any{c.attribute: c.want})
		e.Attributes[strings.ToLower(c.attribute)] = []string{c.had}
		s.mapper.rules[c.attribute] = c.rule
		if got := len(s.plan(t).Changes) > 0; got != c.written {
			t.Errorf("%s %s, %+v: written: %v, want %v", c.attribute, c.had, c.rule, got, c.written)
		}
	}
}
