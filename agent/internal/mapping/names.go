package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

var errNotScalar = errors.New("an object or a list of lists cannot be the value of an attribute")

// maxSuffix bounds the search for a free number.
const maxSuffix = 9999

// clean makes values acceptable for the attribute without losing anything that
// matters. It removes white space and invisible characters at the ends, also
// after the prefix of an address. In cn, control characters become spaces (AD
// itself marks conflicts and deletions by a line break in cn). A value that
// becomes empty is dropped. Raw attributes and base64 text, which is decoded
// later, stay as they are.
func (a *attribute) clean(values []string) []string {
	if a.Raw || a.Encoding != "" && !a.Attach {
		return values
	}
	for i, v := range values {
		values[i] = text.Trim(v)
	}
	switch a.folded {
	case "cn":
		for i, v := range values {
			values[i] = cleanCN(v)
		}
	case "proxyaddresses":
		for i, v := range values {
			values[i] = cleanAddress(v)
		}
	}
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

func cleanCN(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		s = strings.Join(strings.FieldsFunc(s, unicode.IsControl), " ")
	}
	return text.Trim(s)
}

// limit returns the greatest length that AD allows; 0 when none is known.
func limit(name string) int {
	switch {
	case text.Same(name, "cn"):
		return ident.MaxCommonName
	case text.Same(name, "sAMAccountName"):
		return ident.MaxAccountName
	}
	return 0
}

// invalid says which rule of AD a value breaks, and what to do. source is the
// template that gave the value: the advice must not tell its author to do what
// it already does.
func invalid(name, value, source string) (cause, next string) {
	if text.Same(name, "sAMAccountName") {
		if cause := ident.AccountNameFault(value); cause != "" {
			return cause, adviceToWrap("sam_safe", "", source)
		}
		return "", ""
	}
	if n := limit(name); n > 0 && text.Units(value) > n {
		return fmt.Sprintf("%q is longer than %d characters", value, n), "shorten it: " + adviceToWrap("cut", fmt.Sprintf(", %d", n), source)
	}
	return "", ""
}

// adviceToWrap says how to apply a function to the whole of a template. When the
// template already uses the function, that can only be on a part of the value,
// or with other arguments.
func adviceToWrap(function, arguments, source string) string {
	if !strings.Contains(source, function+"(") {
		return "use " + function + "(..." + arguments + ")"
	}
	return "put " + function + "(..." + arguments + ") around the whole value: here it stands around a part, or with another length: " + source
}

// shorten cuts s to n UTF-16 code units without splitting a character, and then
// removes dots and spaces at its end.
func shorten(s string, n int) string { return strings.TrimRight(text.Cut(s, n), ". ") }

// WithSuffix appends a suffix to a common name and keeps the result within the
// length that AD allows.
func WithSuffix(cn, suffix string) string {
	return shorten(cn, ident.MaxCommonName-text.Units(suffix)) + suffix
}

// numbered appends a number to a name and keeps the result within the limit.
func numbered(name, base string, number int) string {
	suffix := strconv.Itoa(number)
	if n := limit(name); n > 0 {
		base = shorten(base, n-len(suffix))
	}
	return base + suffix
}

// pick chooses one value: the one that the account already has when it is among
// the candidates, otherwise the first that is valid and free.
func (e *evaluation) pick(a *attribute, w *wanted) (candidate, error) {
	valid, bad := e.sift(a, w.values)
	if len(valid) > 0 && (a.Unique == "" || e.names == nil) {
		return e.held(a, valid, len(a.Formats) > 0), nil
	}
	c, taken, err := e.free(a, valid, w.pos)
	if err != nil || len(taken) == 0 && len(valid) > 0 {
		return c, err
	}
	failure := unusable(a, w.pos, a.inOrder(slices.Concat(e.tries(w), bad, taken)))
	// When the address belongs to somebody else, this record may be that person,
	// so no account is created. An account can do without userPrincipalName,
	// though.
	failure.alone = len(taken) == 0 || e.current != nil || text.Same(a.Name, "userPrincipalName")
	return candidate{}, failure
}

// sift returns the candidates that the directory accepts, and those that it
// refuses. It copies only when there are some of those.
func (e *evaluation) sift(a *attribute, all []candidate) (valid []candidate, bad []tried) {
	for i, c := range all {
		switch y := e.refused(a, c); {
		case y.cause != "":
			if bad == nil {
				valid = slices.Clone(all[:i])
			}
			bad = append(bad, tried{c.source(), y})
		case bad != nil:
			valid = append(valid, c)
		}
	}
	if bad == nil {
		return all, nil
	}
	return valid, bad
}

// inOrder sorts the tried forms as in the configuration.
func (a *attribute) inOrder(all []tried) []tried {
	at := func(t tried) int {
		return slices.IndexFunc(a.candidates, func(c *expr.Template) bool { return c.Source().Text == t.source })
	}
	slices.SortStableFunc(all, func(x, y tried) int { return at(x) - at(y) })
	return all
}

// held prefers the candidate that the account has, when there is a choice.
func (e *evaluation) held(a *attribute, valid []candidate, choice bool) candidate {
	if choice && e.current != nil {
		for _, own := range e.own(a.Name) {
			if c, ok := match(a, own, valid); ok {
				return c
			}
		}
	}
	return valid[0]
}

// match finds the candidate that is the same name as value, with or without a
// number appended. It returns the candidate's spelling.
func match(a *attribute, value string, valid []candidate) (candidate, bool) {
	for _, c := range valid {
		if text.SameName(c.value, value) {
			return c, true
		}
	}
	if a.Suffix != SuffixNumber {
		return candidate{}, false
	}
	for _, c := range valid {
		for digits := 1; digits <= len(strconv.Itoa(maxSuffix)) && digits < len(value); digits++ {
			number, err := strconv.Atoi(value[len(value)-digits:])
			if err != nil || number < 2 {
				continue
			}
			if n := numbered(a.Name, c.value, number); text.SameName(n, value) {
				return candidate{n, c.template}, true
			}
		}
	}
	return candidate{}, false
}

// free finds the first candidate that nobody else has, and reserves it. When all
// are taken, it returns who has each of them. The present value of the account
// is kept without asking, with two exceptions: its spelling changes, and
// somebody else may have the new one; or the account changes its container, and
// the value must be unique there.
func (e *evaluation) free(a *attribute, valid []candidate, pos expr.Pos) (candidate, []tried, error) {
	if len(valid) == 0 {
		return candidate{}, nil, nil
	}
	self, parent, moves := e.whereabouts()
	base := valid[0]
	if e.current != nil {
		for _, own := range e.own(a.Name) {
			c, ok := match(a, own, valid)
			if !ok {
				continue
			}
			if moves && a.Unique == UniqueContainer || !text.Alike(c.value, own) {
				valid = slices.Concat([]candidate{c}, valid)
				break
			}
			e.names.Reserve(a.Name, c.value, a.Unique, parent, e.key)
			return c, nil, nil
		}
	}
	var taken []tried
	asked := 0
	for n := range attempts(a, valid, base) {
		who, isTaken, err := e.names.Holder(a.Name, n.value, a.Unique, parent, self, e.key)
		if err != nil {
			return candidate{}, nil, e.unknown(a, n.value, pos, err)
		}
		if !isTaken {
			e.names.Reserve(a.Name, n.value, a.Unique, parent, e.key)
			return n, nil, nil
		}
		if asked++; asked > len(valid) {
			continue // all numbers are reported as one
		}
		if one := (tried{n.source(), e.inUse(a, n, who)}); !slices.Contains(taken, one) {
			taken = append(taken, one)
		}
	}
	if a.Suffix == SuffixNumber {
		taken = append(taken, tried{base.source(), why{
			cause:  fmt.Sprintf("%q with every number from 2 to %d behind it is in use", base.value, maxSuffix),
			common: fmt.Sprintf("the value with every number from 2 to %d behind it is in use", maxSuffix),
			next:   adviceWhenTaken(a),
		}})
	}
	return candidate{}, taken, nil
}

func adviceWhenTaken(a *attribute) string {
	if a.Suffix == SuffixNumber {
		return "correct the source or the other account, or add a format"
	}
	return `correct the source or the other account, add a format, or set suffix = "number"`
}

// freeValues leaves out and reports those of several values that somebody else
// has; the rest is written. When the primary address is in use, nothing is
// written: otherwise another address would become the primary one.
func (e *evaluation) freeValues(a *attribute, values []string, pos expr.Pos) ([]string, error) {
	if a.Unique == "" || e.names == nil {
		return values, nil
	}
	self, parent, moves := e.whereabouts()
	var free, taken []string
	for _, v := range values {
		kept := slices.ContainsFunc(e.own(a.Name), func(own string) bool { return text.Alike(own, v) })
		if !kept || moves && a.Unique == UniqueContainer {
			who, used, err := e.names.Holder(a.Name, v, a.Unique, parent, self, e.key)
			if err != nil {
				return nil, e.unknown(a, v, pos, err)
			}
			if used {
				taken = append(taken, fmt.Sprintf("%q is in use by %s", v, who))
				if primaryOf([]string{v}) != "" && text.Same(a.Name, "proxyAddresses") {
					return nil, &Error{
						Attribute: a.Name, Pos: pos, Cause: taken[len(taken)-1], Common: "the primary address is in use", Next: nextTaken, alone: true,
					}
				}
				continue
			}
		}
		free = append(free, v)
	}
	for _, v := range free {
		e.names.Reserve(a.Name, v, a.Unique, parent, e.key)
	}
	if len(taken) > 0 {
		e.aside = append(e.aside, faultOf(&Error{
			Attribute: a.Name, Pos: pos, Cause: strings.Join(taken, "; ") + ": left out",
			Common: "values that are in use are left out", Next: nextTaken,
		}, nextTaken))
	}
	return free, nil
}

// unknown says that it cannot be found out who has a value. Nobody gets an account
// without it: the one that has it may be theirs, and nothing would write it later.
func (e *evaluation) unknown(a *attribute, value string, pos expr.Pos, err error) error {
	var known *UnknownHolder
	if !errors.As(err, &known) {
		return fmt.Errorf("look up who has %s %q: %w", a.Name, value, err)
	}
	return &Error{
		Attribute: a.Name, Pos: pos, Cause: fmt.Sprintf("it is not known whether anybody has %q: %s", value, known.Cause),
		Common: "it is not known whether anybody has the value: " + known.Cause, Next: known.Next, alone: e.current != nil,
	}
}

const nextTaken = `take the value from the source or from the other object; unique = "none" allows it on several`

// whereabouts returns the account and the container in which its name must be
// unique: the container where it belongs, or the present one when somebody else
// moved it.
func (e *evaluation) whereabouts() (self ident.GUID, parent ident.DN, moves bool) {
	parent = e.parent
	if e.current == nil {
		return "", parent, false
	}
	at := e.current.DN.Parent()
	if e.link != nil && e.link.Placed != "" && at != e.link.Placed && !at.EqualFold(e.link.Placed) {
		parent = at
	}
	return e.current.GUID, parent, at != parent && !at.EqualFold(parent)
}

// attempts yields the candidates, and then base with numbers appended.
func attempts(a *attribute, valid []candidate, base candidate) func(func(candidate) bool) {
	return func(yield func(candidate) bool) {
		for _, c := range valid {
			if !yield(c) {
				return
			}
		}
		if a.Suffix != SuffixNumber {
			return
		}
		for n := 2; n <= maxSuffix; n++ {
			if !yield(candidate{numbered(a.Name, base.value, n), base.template}) {
				return
			}
		}
	}
}
