package sim

import (
	"net/http"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// problem is an error answer. The vendor has several envelopes; README.md says
// which belongs to which status.
type problem struct {
	status int
	text   string
	code   int    // errorCode, when the envelope has one
	reason string // the code when the plan does not include something
	short  bool   // without error_info, data and additional_data
}

func (p problem) write(w http.ResponseWriter) {
	if p.short {
		simkit.WriteJSON(w, p.status, struct {
			Success bool   `json:"success"`
			Error   string `json:"error"`
			Code    int    `json:"errorCode,omitempty"`
		}{Error: p.text, Code: p.code})
		return
	}
	simkit.WriteJSON(w, p.status, struct {
		Success    bool   `json:"success"`
		Error      string `json:"error"`
		Info       string `json:"error_info"`
		Data       any    `json:"data"`
		Additional any    `json:"additional_data"`
		Reason     string `json:"code,omitempty"`
	}{Error: p.text, Info: "Please check developers.pipedrive.com", Reason: p.reason})
}

func missing(w http.ResponseWriter, text string) {
	problem{status: http.StatusNotFound, text: text, short: true}.write(w)
}

func notFound(w http.ResponseWriter) { missing(w, "User not found or not accessible.") }

func forbidden(w http.ResponseWriter) {
	problem{status: http.StatusForbidden, text: "You do not have permissions to do this."}.write(w)
}

func invalid(w http.ResponseWriter, text string) {
	problem{status: http.StatusBadRequest, text: "Validation failed: " + text}.write(w)
}

func overLimit() problem {
	return problem{status: http.StatusTooManyRequests, text: "Request over limit", code: http.StatusTooManyRequests, short: true}
}

// hookErrors is the envelope of errors of webhooks.
func hookErrors(w http.ResponseWriter, status int, member, text string) {
	simkit.WriteJSON(w, status, struct {
		Status  string              `json:"status"`
		Success bool                `json:"success"`
		Errors  map[string][]string `json:"errors"`
	}{"error", false, map[string][]string{member: {text}}})
}

func hookForbidden(w http.ResponseWriter) {
	simkit.WriteJSON(w, http.StatusForbidden, struct {
		Success bool   `json:"success"`
		Message string `json:"message"`
	}{false, "Forbidden"})
}

func writeData(w http.ResponseWriter, data any) {
	simkit.WriteJSON(w, http.StatusOK, struct {
		Success bool `json:"success"`
		Data    any  `json:"data"`
	}{true, data})
}
