package outbound

import (
	"context"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// CompileFor compiles a text whose values are escaped for a place of the
// connector ABI. An error is an *expr.Error.
func CompileFor(src expr.Source, scope expr.Scope, place abi.Place) (*Text, error) {
	escapes := map[abi.Place]expr.Escape{
		abi.PlacePath: expr.EscapePath, abi.PlaceQuery: expr.EscapeQuery, abi.PlaceHeader: expr.EscapeHeader,
		abi.PlaceJSON: expr.EscapeJSON, abi.PlaceForm: expr.EscapeForm, abi.PlaceXML: expr.EscapeXML,
	}
	t, err := CompileText(src, scope, escapes[place])
	if err == nil && place == abi.PlaceJSONValue {
		for i := range t.text.pieces {
			t.text.pieces[i].whole = true
		}
	}
	return t, err
}

// Names returns the names that the text itself uses, each with its first place.
func (t *Text) Names() map[string]expr.Pos { return t.template.Names() }

// MissingError says that a text needs a value that is missing.
type MissingError struct{ Err error }

// Error returns the place and the cause.
func (e *MissingError) Error() string { return e.Err.Error() }

// Unwrap returns the *expr.Error.
func (e *MissingError) Unwrap() error { return e.Err }

// RenderWithin is Render for a text of somebody else's: it stops when ctx ends,
// and when the text gets longer than so many bytes.
func (t *Text) RenderWithin(ctx context.Context, env expr.Env, most int) (string, error) {
	var b strings.Builder
	for _, p := range t.text.pieces {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if err := p.write(&b, env); err != nil {
			return "", err
		}
		if b.Len() > most {
			return "", fmt.Errorf("the text is longer than %d bytes: %w", most, abi.CodeTooLarge)
		}
	}
	return b.String(), nil
}
