package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Envelope says where an application's answers tell what is wrong. All places
// are JSON pointers.
type Envelope struct {
	Texts  []string
	Fields []string      // {"field": ["text"]} or {"field": "text"}
	Lists  []ListOfWrong // [{"property": "field", "message": "text"}]
	Codes  []string
}

// ListOfWrong is an array of objects, each with a field's name and a text.
type ListOfWrong struct{ At, Field, Text string }

// Said quotes what an answer says is wrong, for the end of a message; "" when
// it says nothing.
func (e Envelope) Said(r *Response) string {
	var parts []string
	for _, at := range e.Texts {
		if text, err := r.GetText(at); err == nil && text != "" {
			parts = append(parts, Quote(text))
		}
	}
	for _, at := range e.Fields {
		parts = append(parts, byField(r, at)...)
	}
	for _, l := range e.Lists {
		parts = append(parts, l.said(r)...)
	}
	for _, at := range e.Codes {
		if code, err := r.GetText(at); err == nil && code != "" {
			parts = append(parts, "code "+Quote(code))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ", it says " + strings.Join(parts, ", ")
}

// said returns one text for each element, without the parts that the element
// lacks.
func (l ListOfWrong) said(r *Response) (parts []string) {
	var list []json.RawMessage
	if !r.Decode(l.At, &list) {
		return nil
	}
	for _, raw := range list {
		var one Object
		_ = json.Unmarshal(raw, &one) // an element of another type has nothing to quote
		var words []string
		for _, name := range []string{l.Field, l.Text} {
			if word := one.word(name); word != "" {
				words = append(words, word)
			}
		}
		if len(words) > 0 {
			parts = append(parts, Quote(strings.Join(words, ": ")))
		}
	}
	return parts
}

// word returns a text or number; "" for anything else.
func (o Object) word(name string) string {
	if n := string(o[name]); n != "" && (n[0] == '-' || n[0] >= '0' && n[0] <= '9') {
		return n
	}
	return o.Text(name)
}

func byField(r *Response, at string) (parts []string) {
	var fields map[string]any
	if !r.Decode(at, &fields) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		texts, ok := fields[name].([]any)
		if !ok {
			texts = []any{fields[name]}
		}
		for _, t := range texts {
			if text, ok := t.(string); ok {
				parts = append(parts, Quote(name+": "+text))
			}
		}
	}
	return parts
}

// Quote makes foreign text safe for one line of a message, and limits its
// length.
func Quote(text string) string {
	const limit = 200
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit]) + "..."
	}
	return strconv.Quote(text)
}

// Place returns the name of a request for messages. It leaves out the query,
// which may hold secrets or personal data.
func Place(method, path, url string) string {
	if method == "" {
		method = abi.MethodGet
	}
	return Request{Method: method, Path: path, URL: url}.place()
}

// Advise completes the error of a call: it names the request if the message
// does not, and says what to do about credentials that are not accepted.
func Advise(err error, place, credentials string) error {
	if err == nil {
		return nil
	}
	kind := KindOf(err)
	var own *Error
	if !errors.As(err, &own) {
		own = Errorf(kind, "%v", err)
	}
	if !strings.Contains(own.Message, place) {
		own.Message = place + ": " + own.Message
	}
	if kind == abi.KindAuth {
		own.Message += ". " + credentials
	}
	return own
}

// Bad returns the error for an answer that is not what the application
// documents.
func (r *Response) Bad(format string, args ...any) *Error {
	return r.Errorf(abi.KindBadResponse, "%s: "+format, append([]any{r.Place()}, args...)...)
}

// Try finds out whether the account has a right by sending a request that needs
// it and changes nothing. A 403 means no; success, or a refusal for another
// reason, means yes. advice says what to do when the right is lacking, and said
// quotes the answer. Try fails when the application does not accept the
// credentials or does not answer.
func Try(c *Call, req Request, right, advice string, classify Classifier, said func(*Response) string) (abi.Finding, error) {
	f := abi.Finding{Right: right}
	resp, err := Retry(c, req, func(r *Response) error {
		if s := r.Status(); s >= 400 && s < 500 && s != 401 && s != 408 && s != 429 && !r.HTML() {
			return nil
		}
		return classify(r)
	})
	if err != nil {
		return f, err
	}
	defer resp.Close()
	f.State, f.Reason = abi.RightGranted, fmt.Sprintf("%s answered %d, not 403", resp.Place(), resp.Status())
	if resp.Status() == 403 {
		f.State, f.Reason = abi.RightLacking, resp.Place()+" answered 403"+said(resp)+". "+advice
	}
	return f, nil
}
