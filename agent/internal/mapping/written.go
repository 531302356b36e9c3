package mapping

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// form says how an attribute's values are written.
type form struct {
	attribute string
	syntax    ident.Syntax
}

// formIn returns the form of an attribute by the directory's schema, and by AD's
// own for what that does not tell: values are the same without a directory.
func formIn(schema ident.Schema, def AttributeDef) form {
	rule, known := schema[text.Lower(def.Name)]
	switch {
	case def.Encoding != "":
		return form{def.Name, ident.SyntaxBytes}
	case !known:
		rule = ident.UsualSchema().Rule(def.Name)
	}
	return form{def.Name, rule.Syntax}
}

// formError says that a value cannot be written in the form of its attribute.
// It affects only that attribute.
type formError struct{ cause, common, next string }

func (e *formError) Error() string { return e.cause }

// valuesOf converts the result of an expression to the values of an attribute.
// It leaves out null and empty ones.
func (f form) valuesOf(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, e := range list {
		s, err := f.valueOf(e)
		if err != nil {
			return nil, err
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out, nil
}

func (f form) valueOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case bool:
		return strings.ToUpper(strconv.FormatBool(v)), nil
	case time.Time:
		return f.time(v)
	case string:
		return f.text(v)
	case []any, map[string]any:
		return "", errNotScalar
	}
	return f.number(expr.Value{V: v}.Text())
}

// generalizedTime is the layout in which AD writes times (RFC 4517 section
// 3.3.13).
const generalizedTime = "20060102150405.0Z"

// time writes a time as AD counts it where the attribute holds a large integer,
// and otherwise as GeneralizedTime, of which AD keeps whole seconds.
func (f form) time(t time.Time) (string, error) {
	if f.syntax != ident.SyntaxLarge {
		return t.UTC().Truncate(time.Second).Format(generalizedTime), nil
	}
	n, ok := expr.FileTime(t)
	if !ok {
		return "", &formError{
			cause:  fmt.Sprintf("%s cannot be counted from 1601, as AD does", t.Format(time.DateOnly)),
			common: "the time cannot be counted from 1601, as AD does", next: "correct the date at the source, or the expression",
		}
	}
	return strconv.FormatInt(n, 10), nil
}

// text writes a text that stands for a time, or for true or false, in the form
// of the attribute. Any other text stays as it is, and the schema says whether
// it fits.
func (f form) text(s string) (string, error) {
	switch {
	case f.syntax == ident.SyntaxBoolean:
		if word := text.Trim(s); text.Same(word, "true") || text.Same(word, "false") {
			return strings.ToUpper(word), nil
		}
	case f.syntax == ident.SyntaxLarge && f.moment() && text.Same(text.Trim(s), "never"):
		neverEnds, _ := ident.Neutral(f.attribute)
		return neverEnds, nil
	case f.syntax == ident.SyntaxTime, f.syntax == ident.SyntaxLarge && f.moment():
		if t, err := expr.ParseTime(s); err == nil {
			return f.time(t)
		}
		return f.number(s)
	}
	return s, nil
}

// moment reports whether the number that an attribute holds is a time. Of other
// large integers nobody knows, so a text in them is no date.
func (f form) moment() bool { return text.Same(f.attribute, "accountExpires") }

// firstMoment is 1970-01-01 as AD counts it. A smaller number is a count of
// seconds or milliseconds since 1970, or a date without its separators.
const firstMoment = 116444736000000000

// number refuses a number in accountExpires that counts something else: the
// account would have expired centuries ago.
func (f form) number(s string) (string, error) {
	if n, err := strconv.ParseInt(text.Trim(s), 10, 64); err == nil && f.moment() && n > 0 && n < firstMoment {
		const rest = "counts 100 ns since 1601, and by that it would be before 1970"
		return "", &formError{
			cause: fmt.Sprintf("%d %s", n, rest), common: "the number " + rest,
			next: `give it a date: date(...) of a text; date_add("1970-01-01", int(... / 60), "minutes") of seconds since 1970`,
		}
	}
	return s, nil
}
