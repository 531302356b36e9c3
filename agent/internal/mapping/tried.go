package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// tried is one form of a value that cannot be used.
type tried struct {
	source string // the template
	why
}

// why says why something cannot be used, and what to do about it. common is
// cause without what differs from record to record.
type why struct{ cause, common, next string }

// without is an expression that gave no value.
type without struct {
	template *expr.Template
	value    expr.Value
}

// lost is an attribute without a value. Other attributes may be made of it.
type lost struct {
	a     *attribute
	want  *wanted
	fault *Error // what was wrong with the value; nil when there was none
}

// unusable returns the error for an attribute with no usable form. It names each
// form with its reason.
func unusable(a *attribute, pos expr.Pos, all []tried) *Error {
	e := &Error{Attribute: a.Name, Pos: pos, alone: true}
	if len(all) == 1 {
		e.Cause, e.Common, e.Next = all[0].cause, all[0].common, all[0].next
		return e
	}
	head := fmt.Sprintf("none of its %d forms can be used", len(all))
	var causes, commons, nexts []string
	for _, t := range all {
		form := abridged(t.source) + ": "
		causes, commons = append(causes, form+t.cause), append(commons, form+t.common)
		if t.next != "" && !slices.Contains(nexts, t.next) {
			nexts = append(nexts, t.next)
		}
	}
	if one := all[0].cause; !slices.ContainsFunc(all, func(t tried) bool { return t.cause != one }) {
		causes, commons = []string{one}, []string{all[0].common}
	}
	e.Cause = head + ": " + strings.Join(causes, "; ")
	e.Common = head + ": " + strings.Join(commons, "; ")
	e.Next = strings.Join(nexts, "; or ")
	return e
}

// tries lists the forms that gave no value.
func (e *evaluation) tries(w *wanted) []tried {
	var out []tried
	for _, l := range w.lacking {
		out = append(out, tried{l.template.Source().Text, e.whyNone(l.template, l.value)})
	}
	return out
}

// whyNone says why a template gave no value: which field is not there, or what
// happened to those that are.
func (e *evaluation) whyNone(t *expr.Template, v expr.Value) why {
	if v.State != expr.Absent && v.State != expr.Null {
		return e.whyEmpty(t)
	}
	y := why{cause: v.Cause, next: "supply it at the source, or correct the expression"}
	if v.State == expr.Absent {
		if name, is := strings.CutPrefix(v.Missing, "endpoints."); is && !strings.Contains(name, ".") {
			y.cause = "endpoint " + name + " has no record with this key"
		}
		if near := e.near(v.Missing); near != "" {
			y.next = fmt.Sprintf("did you mean %s? If not, supply %s at the source", near, v.Missing)
		}
	}
	y.common = y.cause
	if root, ok := e.root(t); ok {
		y.cause += " (" + root.cause + ")"
		y.common += " (" + root.common + ")"
		y.next = root.next
	}
	return y
}

// root says why an attribute that a template needs has no value.
func (e *evaluation) root(t *expr.Template) (why, bool) {
	for _, name := range t.UsesAttributes() {
		for _, l := range e.lost {
			if !text.Same(l.a.Name, name) || e.final[l.a.Name] != nil {
				continue
			}
			failure := l.fault
			if failure == nil {
				failure = e.noForm(l.a, l.want)
			}
			return why{failure.Error(), failure.Shared(), failure.Next}, true
		}
	}
	return why{}, false
}

// noForm returns the error for an attribute that has no value at all.
func (e *evaluation) noForm(a *attribute, w *wanted) *Error {
	failure := unusable(a, w.pos, e.tries(w))
	failure.alone = false
	if len(w.lacking) == 1 {
		failure.Cause, failure.Common = "no value: "+failure.Cause, "no value: "+failure.Common
	}
	return failure
}

// whyEmpty says what happened to the fields that an empty text was made of.
func (e *evaluation) whyEmpty(t *expr.Template) why {
	full, empty := e.inputs(t)
	if len(full) == 0 {
		y := why{cause: "the value is empty", next: "supply it at the source, or correct the expression"}
		if len(empty) > 0 {
			y.cause = enumerate(empty) + plural(len(empty), " is", " are") + " empty"
		}
		y.common = y.cause
		if root, ok := e.root(t); ok {
			y = why{y.cause + " (" + root.cause + ")", y.common + " (" + root.common + ")", root.next}
		}
		return y
	}
	var shown, names []string
	for _, in := range full {
		shown = append(shown, fmt.Sprintf("%s %q", in.name, text.Cut(in.value, maxShown)))
		names = append(names, in.name)
	}
	y := why{
		cause:  "nothing is left of " + enumerate(shown),
		common: "nothing is left of " + enumerate(names),
		next:   "correct the expression, or add a form that is made of another field",
	}
	if dropped, next := letters(t, full); dropped != "" {
		y.cause += fmt.Sprintf(": ascii() drops %q", dropped)
		y.common += ": ascii() drops letters that have no form in ASCII"
		y.next = next
	}
	return y
}

// input is a field that an expression reads, and its text.
type input struct{ name, value string }

// inputs returns the texts that a template reads, and the names of those that
// contain nothing visible.
func (e *evaluation) inputs(t *expr.Template) (full []input, empty []string) {
	for _, root := range []string{"user", "endpoints", "attributes", "settings"} {
		for _, path := range t.Paths(root) {
			if len(path) == 0 {
				continue
			}
			value := e.env[root]
			for _, member := range path {
				object, _ := value.(map[string]any)
				value = object[member]
			}
			name := root + "." + strings.Join(path, ".")
			s, isText := value.(string)
			switch {
			case !isText, slices.Contains(empty, name), slices.ContainsFunc(full, func(in input) bool { return in.name == name }):
			case text.Blank(s):
				empty = append(empty, name)
			default:
				full = append(full, input{name, s})
			}
		}
	}
	return full, empty
}

var (
	foldsToASCII   = regexp.MustCompile(`\bascii\(`)
	transliterates = regexp.MustCompile(`\btranslit\(`)
)

// letters returns the letters of the inputs that a template drops because they
// have no form in ASCII, and what to do about it.
func letters(t *expr.Template, inputs []input) (dropped, next string) {
	source := t.Source().Text
	if !foldsToASCII.MatchString(source) || transliterates.MatchString(source) {
		return "", ""
	}
	for _, in := range inputs {
		if dropped = expr.WithoutASCII(in.value); dropped == "" {
			continue
		}
		if languages := expr.LanguagesOf(dropped); len(languages) > 0 {
			return dropped, fmt.Sprintf("write translit(%s, %q) in place of ascii(...)%s", in.name, languages[0], instead(languages[1:]))
		}
		return dropped, "add a form that is made of another field, such as the mail address, or have the name in Latin letters at the source"
	}
	return "", ""
}

func instead(languages []string) string {
	if len(languages) == 0 {
		return ""
	}
	return ", or with " + strings.Join(languages, ", ")
}

// droppedNote names the letters that ascii() has dropped from a value; "" when
// it has dropped none.
func (e *evaluation) droppedNote(c candidate) string {
	if c.template == nil {
		return ""
	}
	full, _ := e.inputs(c.template)
	if dropped, _ := letters(c.template, full); dropped != "" {
		return fmt.Sprintf(" (ascii() dropped %q)", dropped)
	}
	return ""
}

// near returns a field of the record that may have been meant by a missing one.
func (e *evaluation) near(missing string) string {
	name, isField := strings.CutPrefix(missing, "user.")
	if !isField || strings.Contains(name, ".") {
		return ""
	}
	fields, _ := e.env["user"].(map[string]any)
	known := make([]string, 0, len(fields))
	for field := range fields {
		known = append(known, field)
	}
	slices.Sort(known)
	if best := text.Nearest(name, known); best != "" {
		return "user." + best
	}
	return ""
}

// maxShown is how much of a template or a value a message shows.
const maxShown = 160

func abridged(source string) string {
	if short := text.Cut(source, maxShown); short != source {
		return short + "..."
	}
	return source
}

func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// inUse says who has a value.
func (e *evaluation) inUse(a *attribute, c candidate, holder string) why {
	return why{
		cause:  fmt.Sprintf("%q is in use by %s", c.value, holder) + e.droppedNote(c),
		common: "the value is in use",
		next:   adviceWhenTaken(a),
	}
}

// refused says why AD would not accept a value.
func (e *evaluation) refused(a *attribute, c candidate) why {
	cause, next := invalid(a.Name, c.value, c.source())
	if cause == "" {
		cause, next = e.m.schema[a.folded].Refuses([]string{c.value}, false)
	}
	if cause == "" {
		return why{}
	}
	return why{cause + e.droppedNote(c), withoutValue(cause), next}
}

// withoutValue returns a cause without the value that it begins with.
func withoutValue(cause string) string {
	quoted, err := strconv.QuotedPrefix(cause)
	if err != nil {
		number, rest, _ := strings.Cut(cause, " ")
		if _, err := strconv.ParseInt(number, 10, 64); err != nil {
			return cause
		}
		return "the value " + rest
	}
	return "the value" + strings.TrimPrefix(cause[len(quoted):], "...")
}
