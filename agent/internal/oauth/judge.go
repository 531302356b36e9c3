package oauth

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

const invalidGrant = "invalid_grant"

// failure says why a token request failed.
type failure struct {
	*credential.Error
	code   string // of RFC 6749 section 5.2; "" when the server sent none
	unsure bool   // the server may have carried out the request
}

// judge explains why a token request failed. It leaves out the body, which may
// hold a token, and redacts the server's own words.
func (s Settings) judge(doing string, err error, hidden *credential.Hidden) failure {
	at := fmt.Sprintf("%s of application %s at %s: ", doing, s.Application, s.TokenURL)
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		f := s.judgeAnswer(answer, hidden)
		f.Text = at + f.Text
		return f
	}
	cause := credential.Cause(err)
	text := hidden.Clean(strings.TrimPrefix(cause.Error(), "oauth2: "))
	f := failure{Error: &credential.Error{Text: at + text, Transient: true, Err: err}, unsure: !credential.Unsent(err)}
	if strings.Contains(text, "missing access_token") {
		f.Text, f.Transient = at+"the answer has no access_token", false
	} else if strings.HasPrefix(text, "cannot parse") {
		f.Text = at + "the answer is not the JSON of a token: an error page, or something between rollcall and the server"
	}
	return f
}

func (s Settings) judgeAnswer(answer *oauth2.RetrieveError, hidden *credential.Hidden) failure {
	status := answer.Response.StatusCode
	words := hidden.Clean(answer.ErrorCode)
	if answer.ErrorDescription != "" {
		words += " (" + hidden.Clean(answer.ErrorDescription) + ")"
	}
	if answer.ErrorCode == "" {
		words = fmt.Sprintf("HTTP status %d", status)
	}
	f := failure{Error: &credential.Error{Err: fmt.Errorf("HTTP status %d", status)}, code: answer.ErrorCode}
	switch {
	case status >= http.StatusInternalServerError, f.code == "server_error":
		f.Transient, f.unsure, f.code = true, true, ""
		f.Text = "the server has a fault: " + words
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, f.code == "temporarily_unavailable", f.code == "slow_down":
		f.Transient = true
		f.Text = "the server asks to try later: " + words
	case f.code == invalidGrant:
		f.Text = "refused with " + words
	case f.code == "invalid_client", f.code == "unauthorized_client":
		f.Text = "refused with " + words + ": check client_id and client_secret, and what the client may do at the vendor"
	case f.code != "":
		f.Text = "refused with " + words + ": check token_url and the scopes, and what the client may do at the vendor"
	case status >= 300 && status < 400:
		f.Text = fmt.Sprintf("the answer is a redirect (%d), which is not followed: check token_url", status)
	case status == http.StatusUnauthorized:
		f.Text = "refused with " + words + ": check client_id and client_secret"
	case status == http.StatusForbidden && html(answer):
		f.Transient = true
		f.Text = "something in front of the server turns this client away with a page (403)"
	default:
		f.Text = words + " and no OAuth error: check token_url"
	}
	return f
}

func html(answer *oauth2.RetrieveError) bool {
	return strings.HasPrefix(answer.Response.Header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(bytes.TrimSpace(answer.Body), []byte("<"))
}
