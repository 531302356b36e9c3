package sim

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// The vendor has four error envelopes: the old one (People, Conversations,
// accounts, sessions), the newer one (API keys), that of version 3 of People,
// and that of OAuth.

type exception struct {
	Error struct {
		Exception serviceException `json:"serviceException"`
	} `json:"requestError"`
}

type serviceException struct {
	MessageID string              `json:"messageId"`
	Text      string              `json:"text"`
	Invalid   map[string][]string `json:"validationErrors,omitempty"`
}

// messages are the identifiers and texts of the old envelope by status.
func message(status int) (id, text string) {
	switch status {
	case http.StatusBadRequest:
		return "BAD_REQUEST", "Bad request"
	case http.StatusUnauthorized:
		return "UNAUTHORIZED", "Unauthorized"
	case http.StatusForbidden:
		return "FORBIDDEN", "Forbidden"
	case http.StatusNotFound:
		return "NOT_FOUND", "Not found"
	case http.StatusConflict:
		return "CONFLICT", "Conflict"
	case http.StatusTooManyRequests:
		return "TOO_MANY_REQUESTS", "Too many requests"
	case http.StatusMethodNotAllowed:
		return "METHOD_NOT_ALLOWED", "Method not allowed"
	case http.StatusUnsupportedMediaType:
		return "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type"
	}
	return "GENERAL_ERROR", "Something went wrong. Please contact support."
}

// refuse answers in the old envelope; without text it uses the status's own.
func refuse(w http.ResponseWriter, status int, text string) {
	id, standard := message(status)
	if text == "" {
		text = standard
	}
	refuseAs(w, status, id, text, nil)
}

func refuseAs(w http.ResponseWriter, status int, id, text string, found violations) {
	var e exception
	e.Error.Exception = serviceException{MessageID: id, Text: text}
	if len(found) > 0 {
		e.Error.Exception.Invalid = found.byField()
	}
	writeJSON(w, status, e)
}

// invalid answers 400 with what is wrong in each field.
func invalid(w http.ResponseWriter, found violations) {
	refuseAs(w, http.StatusBadRequest, "BAD_REQUEST", "Bad request", found)
}

func (v violations) byField() map[string][]string {
	fields := map[string][]string{}
	for _, one := range v {
		fields[one.Path] = append(fields[one.Path], one.Text)
	}
	return fields
}

// wrong returns a single violation.
func wrong(path, format string, a ...any) violations {
	return violations{{Path: path, Text: fmt.Sprintf(format, a...)}}
}

// newEnvelope is the newer error envelope.
type newEnvelope struct {
	Code        string     `json:"errorCode"`
	Description string     `json:"description"`
	Action      string     `json:"action"`
	Violations  []broken   `json:"violations"`
	Resources   []resource `json:"resources"`
}

type broken struct {
	Property  string `json:"property"`
	Violation string `json:"violation"`
}

type resource struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

func refuseNew(w http.ResponseWriter, status int, found violations) {
	_, text := message(status)
	e := newEnvelope{
		Code: fmt.Sprintf("E%d", status), Description: text + ".", Action: "Check the request and the credentials.",
		Violations: []broken{},
		Resources:  []resource{{"API error codes", "https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes"}},
	}
	for _, v := range found {
		e.Violations = append(e.Violations, broken{v.Path, v.Text})
	}
	writeJSON(w, status, e)
}

// problem3 is the error envelope of version 3, for a request or an item.
type problem3 struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Details []detail3 `json:"details,omitempty"`
	Index   *int      `json:"index,omitempty"`
}

type detail3 struct {
	Property string `json:"property"`
	Message  string `json:"message"`
}

func (v violations) details() []detail3 {
	list := make([]detail3, len(v))
	for i, one := range v {
		list[i] = detail3{one.Path, one.Text}
	}
	return list
}

// envelope says in which form a route reports errors.
type envelope int

const (
	oldErrors envelope = iota
	newErrors
	errors3 // like oldErrors, but 400
)

func (e envelope) refuse(w http.ResponseWriter, status int) {
	if e == newErrors {
		refuseNew(w, status, nil)
		return
	}
	refuse(w, status, "")
}

// invalid reports what is wrong with a request as a whole.
func (e envelope) invalid(w http.ResponseWriter, found violations) {
	switch e {
	case newErrors:
		refuseNew(w, http.StatusBadRequest, found)
	case errors3:
		refuse3(w, codeInvalid, "One or more properties of the request are invalid", found)
	default:
		invalid(w, found)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) { simkit.WriteJSON(w, status, v) }

// errNobody is the error for a person who does not exist.
var errNobody = errors.New("There is no person matching the query") //nolint:staticcheck // the vendor's text

// fail answers a refused write of a person.
func (s *Server) fail(w http.ResponseWriter, err error) {
	var taken conflictError
	var found violations
	switch {
	case errors.Is(err, errNobody):
		s.nobody(w)
	case errors.As(err, &taken):
		if s.readings.Is("duplicate", "400") {
			refuse(w, http.StatusBadRequest, taken.Error())
			return
		}
		refuse(w, http.StatusConflict, taken.Error())
	case errors.As(err, &found):
		invalid(w, found)
	default:
		refuse(w, http.StatusBadRequest, err.Error())
	}
}

// Error returns the violations as one text.
func (v violations) Error() string {
	return simkit.Violations(v).Error()
}

// nobody answers for a person who does not exist.
func (s *Server) nobody(w http.ResponseWriter) {
	switch s.readings.Get("unknown_person") {
	case "200":
		w.WriteHeader(http.StatusOK)
	case "400":
		refuse(w, http.StatusBadRequest, errNobody.Error())
	default:
		refuse(w, http.StatusNotFound, "")
	}
}
