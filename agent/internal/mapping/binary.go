package mapping

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// chooseBinary decodes the values and adds the bytes to the result.
func (e *evaluation) chooseBinary(a *attribute, w *wanted, d ident.DesiredAttribute) error {
	d.Binary, d.Source = true, w.values[0].source()
	for _, c := range w.values {
		value, err := a.decode(c.value)
		if err != nil {
			err.Pos = w.pos
			return err
		}
		if !slices.Contains(d.Values, value) {
			d.Values = append(d.Values, value)
		}
	}
	if err := e.fits(a, d, w.pos); err != nil {
		return err
	}
	e.final[a.Name] = asValue(a.encoded(d.Values))
	e.want(a, d)
	return nil
}

// decode turns base64 text into bytes, and refuses what AD would not accept.
func (a *attribute) decode(encoded string) (string, *Error) {
	bytes, err := base64.StdEncoding.Strict().DecodeString(encoded)
	failure := &Error{Attribute: a.Name, alone: true}
	switch {
	case err != nil:
		failure.Cause = fmt.Sprintf("the value is no base64 text: %v", err)
		failure.Next = "correct the expression or the value at the source, or remove encoding if the value is plain text"
	case len(bytes) == 0:
		failure.Cause, failure.Next = "the value has no bytes", "correct the value at the source"
	case text.Same(a.Name, "thumbnailPhoto") && len(bytes) > ident.MaxPicture:
		failure.Cause = fmt.Sprintf("the value has %d bytes, and AD takes at most %d", len(bytes), ident.MaxPicture)
		failure.Next = "deliver a smaller picture, or map it to jpegPhoto"
	default:
		return string(bytes), nil
	}
	return "", failure
}

// encoded returns values of AD in the form in which expressions see them.
func (a *attribute) encoded(values []string) []string {
	if a.Encoding == "" {
		return values
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = base64.StdEncoding.EncodeToString([]byte(v))
	}
	return out
}
