package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

// path leads to a value from the top of the file. An element of a list is
// written "[0]".
type path []string

func (p path) with(part string) path { return append(slices.Clip(p), part) }

func (p path) item(i int) path { return p.with(fmt.Sprintf("[%d]", i)) }

func (p path) last() string {
	for _, part := range slices.Backward(p) {
		if !strings.HasPrefix(part, "[") {
			return part
		}
	}
	return ""
}

// String returns the path as a reader would write it:
// automations.staff.match[1].
func (p path) String() string { return strings.ReplaceAll(strings.Join(p, "."), ".[", "[") }

// index returns the path as the key of a map; a part may contain dots.
func (p path) index() string { return strings.Join(p, "\x00") }

type (
	// defaulter sets the defaults of a table before it is decoded.
	defaulter interface{ setDefaults() }
	// named takes the name under which a table was defined.
	named interface{ setName(name string, pos Pos) }
	// parser reads a value that may have more than one type.
	parser interface{ parse(v any) error }
	// shorthand is a table that may also be written as one text.
	shorthand interface{ setText(t Text) }
	// word lists its allowed values. laterValues lists those of later versions.
	word interface{ Values() []string }
	// partial maps the keys of its table that are unavailable in this version to
	// what to do instead; "" when there is nothing to suggest.
	partial interface{ unavailable() map[string]string }
)

// decode fills target from v and reports every value that does not fit.
func (l *loader) decode(v any, target reflect.Value, at path) {
	switch t := target.Addr().Interface().(type) {
	case *Text:
		l.decodeText(v, t, at)
	case *Texts:
		l.decodeTexts(v, t, at)
	case *SecretRef:
		l.decodeSecret(v, t, at)
	case *time.Duration:
		l.decodeDuration(v, t, at)
	case *ident.DN:
		l.decodeDN(v, t, at)
	case *map[string]any:
		l.decodeSettings(v, t, at)
	case *plan.Limit:
		l.decodeLimit(v, t, at)
	case parser:
		if err := t.parse(v); err != nil {
			l.fail(at, at.last()+" "+err.Error(), "")
		}
	default:
		l.decodeKind(v, target, at)
	}
}

func (l *loader) decodeKind(v any, target reflect.Value, at path) {
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		l.decode(v, target.Elem(), at)
	case reflect.Struct:
		l.decodeTable(v, target, at)
	case reflect.Map:
		l.decodeMap(v, target, at)
	case reflect.Slice:
		l.decodeList(v, target, at)
	case reflect.String:
		l.decodeString(v, target, at)
	case reflect.Int:
		if n, ok := v.(int64); ok {
			target.SetInt(n)
		} else {
			l.mismatch(v, "a whole number", at)
		}
	case reflect.Bool:
		if b, ok := v.(bool); ok {
			target.SetBool(b)
		} else {
			l.mismatch(v, "true or false", at)
		}
	default:
		panic("config: no way to decode " + target.Type().String())
	}
}

func (l *loader) decodeTable(v any, target reflect.Value, at path) {
	if d, ok := target.Addr().Interface().(defaulter); ok {
		d.setDefaults()
	}
	if s, ok := target.Addr().Interface().(shorthand); ok {
		if text, ok := v.(string); ok {
			s.setText(Text{Text: text, Pos: l.value(at)})
			l.texts = append(l.texts, text)
			return
		}
	}
	table, ok := v.(map[string]any)
	if !ok {
		want := "a table"
		if _, short := target.Addr().Interface().(shorthand); short {
			want = "a text or a table"
		}
		l.mismatch(v, want, at)
		return
	}
	var later map[string]string
	if p, ok := target.Interface().(partial); ok {
		later = p.unavailable()
	}
	fields := fieldsOf(target.Type())
	known := slices.Sorted(maps.Keys(fields))
	for _, key := range sortedKeys(table) {
		value := table[key]
		if i, ok := fields[key]; ok {
			l.decode(value, target.Field(i), at.with(key))
		} else if hint, ok := later[key]; ok {
			if value != "" {
				l.failKey(at.with(key), at.with(key).String()+notAvailable, hint)
			}
		} else {
			l.unknown(at, key, known)
		}
	}
}

// notAvailable ends every message about something that the documentation
// describes and this version refuses.
const notAvailable = " is not available in this version of rollcall"

func (l *loader) unknown(at path, key string, known []string) {
	where := "at the top of the file"
	if len(at) > 0 {
		where = "in [" + at.String() + "]"
	}
	l.failKey(at.with(key), fmt.Sprintf("unknown key %q %s", key, where), suggest(key, known))
}

// fieldsOf maps the keys of a table to the fields of its struct.
func fieldsOf(t reflect.Type) map[string]int {
	fields := map[string]int{}
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("toml"); key != "-" {
			fields[key] = i
		}
	}
	return fields
}

func (l *loader) decodeMap(v any, target reflect.Value, at path) {
	table, ok := v.(map[string]any)
	if !ok {
		l.mismatch(v, "a table", at)
		return
	}
	target.Set(reflect.MakeMapWithSize(target.Type(), len(table)))
	for _, key := range sortedKeys(table) {
		value := table[key]
		item := reflect.New(target.Type().Elem())
		l.decode(value, item.Elem(), at.with(key))
		if n, ok := item.Interface().(named); ok {
			n.setName(key, l.key(at.with(key)))
		}
		target.SetMapIndex(reflect.ValueOf(key), item.Elem())
	}
}

func (l *loader) decodeList(v any, target reflect.Value, at path) {
	list, ok := listOf(v)
	if !ok {
		l.mismatch(v, "a list", at)
		return
	}
	target.Set(reflect.MakeSlice(target.Type(), len(list), len(list)))
	for i, value := range list {
		l.decode(value, target.Index(i), at.item(i))
	}
}

// listOf accepts both types in which the decoder returns lists.
func listOf(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []map[string]any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list, true
	}
	return nil, false
}

func (l *loader) decodeString(v any, target reflect.Value, at path) {
	s, ok := v.(string)
	if !ok {
		l.mismatch(v, "a text", at)
		return
	}
	var now []string
	w, isWord := target.Interface().(word)
	if isWord {
		now = w.Values()
	}
	switch {
	case strings.ContainsFunc(s, unicode.IsControl) && ofOneLine(at):
		l.fail(at, fmt.Sprintf("%s is %q, which has a control character in it", at.last(), s), backslashHint)
	case !isWord || slices.Contains(now, s):
		target.SetString(s)
	case slices.Contains(laterValues(w), s):
		l.fail(at, fmt.Sprintf("%s = %q%s", at.last(), s, notAvailable), "available: "+strings.Join(now, ", "))
	default:
		l.fail(at, fmt.Sprintf("%s is %q; it must be %s", at.last(), s, oneOf(now)), "")
	}
}

// ofOneLine reports whether a value is a name or a path, in which a control
// character comes from a backslash that was not escaped, as in "C:\temp".
func ofOneLine(at path) bool {
	return at[0] == "agent" || at[0] == "directory" || at[0] == "mail" || at[0] == "receiver" || at.last() == "username"
}

func (l *loader) decodeText(v any, t *Text, at path) {
	s, ok := v.(string)
	if !ok {
		t.Pos = l.value(at)
		l.mismatch(v, "a text", at)
		return
	}
	*t = Text{Text: s, Pos: l.value(at)}
	l.texts = append(l.texts, s)
}

func (l *loader) decodeTexts(v any, t *Texts, at path) {
	if list, ok := listOf(v); ok {
		*t = make(Texts, len(list))
		for i, one := range list {
			l.decodeText(one, &(*t)[i], at.item(i))
		}
		return
	}
	*t = make(Texts, 1)
	l.decodeText(v, &(*t)[0], at)
}

func (l *loader) decodeSecret(v any, t *SecretRef, at path) {
	s, ok := v.(string)
	if !ok {
		l.mismatch(v, `a reference like "@{env:NAME}"`, at)
		return
	}
	ref, literal, err := secrets.ParseOrLiteral(s)
	switch {
	case err != nil:
		l.fail(at, at.last()+": "+err.Error(), "")
	case ref.Kind == secrets.KindVault || ref.Kind == secrets.KindDPAPI:
		l.fail(at, "a reference of kind "+string(ref.Kind)+notAvailable, "use env, file, cred or store")
	case literal:
		l.warnings = append(l.warnings, Warning{
			Pos: l.value(at), Key: at.String(),
			Message: at.last() + " holds a secret in plain text",
			Hint:    plainHint(s),
		})
	}
	*t = SecretRef{Reference: ref, Pos: l.value(at)}
}

// plainHint suggests how to write the reference that a plain text in place of a
// secret was probably meant to be. It does not repeat the text.
func plainHint(s string) string {
	kind, _, named := strings.Cut(strings.TrimLeft(s, "@${"), ":")
	switch {
	case named && slices.Contains([]string{"env", "file", "cred", "store"}, kind):
		return fmt.Sprintf(`did you mean a reference? write "@{%s:...}"`, kind)
	case strings.HasPrefix(s, "$") || strings.HasPrefix(s, "%") && strings.HasSuffix(s, "%"):
		return `did you mean an environment variable? write "@{env:NAME}"`
	case strings.HasPrefix(s, "/") || strings.HasPrefix(s, `C:\`):
		return `did you mean what is in a file? write "@{file:/path}"`
	}
	return `keep it elsewhere and refer to it: "@{env:NAME}", "@{file:/path}", "@{cred:name}" or "@{store:name}"`
}

func (l *loader) decodeDuration(v any, t *time.Duration, at path) {
	s, ok := v.(string)
	if !ok {
		l.mismatch(v, `a time like "30s"`, at)
		return
	}
	d, err := parseDuration(s)
	if err != nil || d <= 0 {
		l.fail(at, fmt.Sprintf(`%s is %q; it must be a time like "30s", "10m" or "6h"`, at.last(), s), "")
		return
	}
	*t = d
}

func (l *loader) decodeLimit(v any, t *plan.Limit, at path) {
	limit, err := parseLimit(v)
	if err != nil {
		l.fail(at, at.last()+" "+err.Error(), "")
		return
	}
	*t = limit
}

func (l *loader) decodeDN(v any, t *ident.DN, at path) {
	s, ok := v.(string)
	if !ok {
		l.mismatch(v, "a text", at)
		return
	}
	d, err := ident.ParseDN(s)
	if err != nil || s == "" {
		l.fail(at, fmt.Sprintf("%s is %q, which is not a distinguished name", at.last(), s), `like "OU=Staff,DC=example,DC=com"`)
		return
	}
	*t = d
}

func (l *loader) decodeSettings(v any, t *map[string]any, at path) {
	table, ok := v.(map[string]any)
	if !ok {
		l.mismatch(v, "a table", at)
		return
	}
	*t = map[string]any{}
	for _, key := range sortedKeys(table) {
		value := table[key]
		switch value.(type) {
		case string, int64, float64, bool:
			(*t)[key] = value
		default:
			l.mismatch(value, "a text, a number or true or false", at.with(key))
		}
	}
}

func (l *loader) mismatch(v any, want string, at path) {
	name := at.last()
	if !nameForm.MatchString(name) {
		name = strconv.Quote(name)
	}
	hint := ""
	switch v.(type) {
	case string:
		if want == "a list" {
			hint = "put it in brackets: [\"...\"]"
		} else if want == "a table" {
			hint = "write a table: " + at.last() + " = { KEY = ... }"
		}
	case []map[string]any:
		if want == "a table" {
			hint = "one pair of brackets: [" + at.String() + "]"
		}
	}
	l.fail(at, fmt.Sprintf("%s must be %s, not %s", name, want, kindOf(v)), hint)
}
