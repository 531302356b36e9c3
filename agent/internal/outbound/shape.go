package outbound

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
)

// mark stands for the values of a body while its shape is checked. It cannot be
// part of a name in XML, and no text has it by chance.
const mark = "\uE000"

// shapeOf returns the pieces of a body, and the body with a mark for each value,
// as long as its source, so that places in it are places in the source.
func shapeOf(t *expr.Template, e expr.Escape) (pieces []piece, shape string) {
	var b strings.Builder
	for _, p := range t.Parts() {
		pieces = append(pieces, piece{Part: p, escape: e})
		if p.Expression == nil {
			b.WriteString(p.Text)
			continue
		}
		b.WriteString(mark + strings.Repeat("x", p.Size()-len(mark)))
	}
	return pieces, b.String()
}

// formPieces escapes the values of a form. The rest of it must be one already.
func formPieces(t *expr.Template) ([]piece, error) {
	pieces, shape := shapeOf(t, expr.EscapeForm)
	if _, err := url.ParseQuery(shape); err != nil {
		return nil, &expr.Error{
			Pos: t.Source().Pos, Message: "the body is no form: " + err.Error(), Hint: "write name=value&name=value, and a percent sign as %25",
		}
	}
	return pieces, nil
}

// xmlPieces escapes the values of a body of XML. They may be text and values of
// attributes. The body must be well-formed whatever they are, so that a mistake
// shows when it is compiled.
func xmlPieces(t *expr.Template) ([]piece, error) {
	pieces, shape := shapeOf(t, expr.EscapeXML)
	source := t.Source()
	mistake := func(at int, message, hint string) error {
		return &expr.Error{Pos: source.Pos.After(source.Text[:min(at, len(source.Text))]), Message: message, Hint: hint}
	}
	d := xml.NewDecoder(strings.NewReader(shape))
	depth, roots := 0, 0
	for {
		from := int(d.InputOffset())
		token, err := d.Token()
		to := int(d.InputOffset())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			at := max(from, to-1)
			if strings.HasPrefix(shape[from:], "<") {
				at = from
			}
			return nil, mistake(at, "the body is no XML: "+plainly(err),
				"a {{ }} stands in text or in the value of an attribute; & is written &amp;")
		}
		marked := from + max(0, strings.Index(shape[from:to], mark))
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if strings.HasPrefix(shape[from:to], "<![CDATA[") && strings.Contains(string(token), mark) {
				return nil, mistake(marked, "a value cannot stand in CDATA", "write it outside, where it is escaped")
			}
			if depth == 0 && strings.TrimSpace(string(token)) != "" {
				return nil, mistake(from, "the body is no XML: there is text outside of the element", "")
			}
		default: // comments, instructions, document types
			if strings.Contains(shape[from:to], mark) {
				return nil, mistake(marked, "a value cannot stand in a comment or an instruction", "")
			}
		}
	}
	if roots != 1 {
		return nil, mistake(0, fmt.Sprintf("the body is no XML: it has %d elements on the first level, and must have one", roots), "")
	}
	return pieces, nil
}

// plainly returns the message of a decoder's error without its line, which counts
// from the beginning of the body.
func plainly(err error) string {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Msg
	}
	if strings.Contains(err.Error(), "encoding") {
		return "it is sent as UTF-8, and its first line says otherwise"
	}
	return err.Error()
}
