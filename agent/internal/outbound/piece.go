package outbound

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
)

// maxRendered limits one rendered text, in bytes. It has room for a photo as
// base64.
const maxRendered = 8 << 20

// piece is literal text, or an expression with the escaping of its place.
type piece struct {
	expr.Part
	escape expr.Escape
	whole  bool // a whole JSON value, which keeps its type
}

// all escapes every value in the same way.
func all(e expr.Escape) func(*expr.Template) ([]piece, error) {
	return func(t *expr.Template) ([]piece, error) {
		var out []piece
		for _, p := range t.Parts() {
			out = append(out, piece{Part: p, escape: e})
		}
		return out, nil
	}
}

// target escapes the values of a path, and of a query after it.
func target(t *expr.Template) ([]piece, error) {
	e := expr.EscapePath
	var out []piece
	for _, p := range t.Parts() {
		out = append(out, piece{Part: p, escape: e})
		if strings.Contains(p.Text, "?") {
			e = expr.EscapeQuery
		}
	}
	return out, nil
}

// absolute escapes the values of a URL. It refuses a value before the path, so
// that no object decides which host is called.
func absolute(t *expr.Template) ([]piece, error) {
	parts := t.Parts()
	_, rest, ok := strings.Cut(parts[0].Text, "://")
	if host := strings.IndexByte(rest, '/'); ok && host > 0 || len(parts) == 1 {
		return target(t)
	}
	return nil, errors.New("a value cannot stand before the path of a URL: write scheme and host as they are")
}

// write adds the piece to a text.
func (p piece) write(b *strings.Builder, env expr.Env) error {
	if p.Expression == nil {
		b.WriteString(p.Text)
		return nil
	}
	v, err := p.value(env)
	if err != nil {
		return err
	}
	s := ""
	if p.whole {
		s, err = jsonValue(v.V)
	} else {
		s, err = p.text(v)
	}
	if err != nil {
		return p.mistake(err.Error(), "")
	}
	b.WriteString(s)
	return nil
}

// value evaluates the expression. A missing value is a mistake.
func (p piece) value(env expr.Env) (expr.Value, error) {
	v, err := p.Expression.Eval(env)
	switch {
	case err != nil:
		return v, err
	case v.V == nil:
		return v, &MissingError{p.mistake(v.Cause, `a value is needed here; default(..., "") allows an empty one`)}
	case v.Missing != "":
		return v, &MissingError{p.mistake(v.Missing+" is absent", `a value is needed here; default(..., "") allows an empty one`)}
	}
	return v, nil
}

func (p piece) text(v expr.Value) (string, error) {
	switch v.V.(type) {
	case []any, map[string]any:
		return "", errors.New("a list or an object cannot be part of a text: use join, item or json")
	}
	return p.escape.Text(v.Text())
}

// mistake returns an error at the place of the expression.
func (p piece) mistake(message, hint string) error {
	return &expr.Error{Pos: p.Expression.Source().Pos, Message: message, Hint: hint}
}

// jsonPieces escapes the values of a JSON body: within a string they are text,
// elsewhere each is a JSON value of its own. The body must be JSON whatever the
// values are, so that a mistake shows when it is compiled.
func jsonPieces(t *expr.Template) ([]piece, error) {
	var out []piece
	var shape strings.Builder // the body with placeholders of the same length for the values
	inString, escaped := false, false
	for _, p := range t.Parts() {
		if p.Expression != nil {
			if escaped {
				return nil, &expr.Error{Pos: p.Expression.Source().Pos, Message: "a value cannot follow a backslash"}
			}
			out = append(out, piece{Part: p, escape: expr.EscapeJSON, whole: !inString})
			shape.WriteString(standIn(p.Size(), inString))
			continue
		}
		out = append(out, piece{Part: p})
		shape.WriteString(p.Text)
		for i := range len(p.Text) {
			switch c := p.Text[i]; {
			case escaped:
				escaped = false
			case inString && c == '\\':
				escaped = true
			case c == '"':
				inString = !inString
			}
		}
	}
	return out, checkShape(t.Source(), shape.String())
}

func standIn(size int, inString bool) string {
	if inString {
		return strings.Repeat("x", size)
	}
	return "null" + strings.Repeat(" ", size-len("null"))
}

// checkShape requires that the body with its placeholders is valid JSON.
func checkShape(source expr.Source, shape string) error {
	var any json.RawMessage
	err := json.Unmarshal([]byte(shape), &any)
	if err == nil {
		return nil
	}
	at := len(source.Text)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = max(0, min(at, int(syntax.Offset)-1))
	}
	return &expr.Error{
		Pos: source.Pos.After(source.Text[:at]), Message: "the body is no JSON: " + err.Error(),
		Hint: "a {{ }} outside of quotes is a whole value, within quotes it is text",
	}
}

// jsonValue returns a value as JSON.
func jsonValue(v any) (string, error) {
	v, err := plain(v, "")
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("write it as JSON: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// plain turns types that JSON does not have into text. It refuses null, so that
// a missing value is never sent unnoticed.
func plain(v any, at string) (any, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return nil, fmt.Errorf(`there is no value for %s (default(..., "") allows an empty one)`, at)
	case time.Duration:
		return v.String(), nil
	case []any:
		out := slices.Clone(v)
		for i := range out {
			if out[i], err = plain(out[i], at+"/"+strconv.Itoa(i)); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := maps.Clone(v)
		for _, k := range slices.Sorted(maps.Keys(out)) {
			if out[k], err = plain(out[k], at+"/"+k); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}
