package abi1

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Macros renders templates in the scope of one call.
type Macros interface {
	// Macro returns a template's text with its values escaped for a place. An
	// error that wraps an abi.Code has that code: input for a template that does
	// not compile, refused for one that the connector may not render, no_value
	// for a missing value, network for one that cannot be had at the moment. It stops
	// when ctx ends, and never knows a secret.
	Macro(ctx context.Context, template string, place abi.Place) (string, error)
}

// rendered is a text that did not fit into the guest's buffer. The guest's next
// call for the same template gets it: rendered again, it might be longer.
type rendered struct {
	template string
	place    abi.Place
	text     string
}

// macro renders a template: docs/connector-abi.md, macro.
func macro(f *frame) int64 {
	raw, place, buf := f.bytes(), abi.Place(f.i32()), f.bytes()
	if f.bad {
		return f.outside()
	}
	c := f.call
	switch {
	case !place.Known():
		return c.no(abi.CodeArgument, "place %d is not known", place)
	case len(raw) > abi.MaxTemplateSize:
		return c.no(abi.CodeTooLarge, "a template of %d bytes, more than %d", len(raw), abi.MaxTemplateSize)
	case !utf8.Valid(raw):
		return c.no(abi.CodeInput, "the template is not UTF-8")
	case c.Macros == nil:
		return c.no(abi.CodeState, "this call renders no templates")
	case c.macros >= abi.MaxMacros:
		return c.no(abi.CodeLimit, "%d templates in one call", c.macros)
	}
	c.macros++
	want := rendered{template: string(raw), place: place}
	if c.rendered != nil && c.rendered.template == want.template && c.rendered.place == place {
		want = *c.rendered
	} else if bad := c.render(f.ctx, &want); bad < 0 {
		return bad
	}
	c.rendered = nil
	if len(want.text) > len(buf) {
		c.rendered = &want
	}
	return give(buf, []byte(want.text))
}

// render renders a template. A text with a secret in it does not leave the
// host, whichever value brought it there.
func (c *Call) render(ctx context.Context, r *rendered) int64 {
	text, err := c.Macros.Macro(ctx, r.template, r.place)
	if err != nil {
		return c.no(macroCode(err), "%s", c.hidden(ctx, err.Error()))
	}
	if len(text) > abi.MaxMacroSize {
		return c.no(abi.CodeTooLarge, "the template gives %d bytes, more than %d", len(text), abi.MaxMacroSize)
	}
	if c.hidden(ctx, text) != text {
		return c.no(abi.CodeRefused, "a value of the template holds a secret of the application")
	}
	r.text = text
	return 0
}

// hidden returns a text in which the application's secrets are blotted out.
func (c *Call) hidden(ctx context.Context, text string) string {
	if c.Client == nil {
		return text
	}
	return c.Client.Redact(ctx, text)
}

// macroCode returns the code of an error of Macros.
func macroCode(err error) abi.Code {
	var code abi.Code
	theirs := []abi.Code{abi.CodeRefused, abi.CodeNoValue, abi.CodeTooLarge, abi.CodeNetwork, abi.CodeLimit}
	if errors.As(err, &code) && slices.Contains(theirs, code) {
		return code
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return abi.CodeDeadline
	}
	return abi.CodeInput
}
