package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// message is the body of a login and its content type.
func message(l abi.Login, user, password string) (body, kind string, err error) {
	fields := map[string]string{}
	maps.Copy(fields, l.Fields)
	fields[l.Username], fields[l.Password] = user, password
	if l.MessageType == string(abi.MessageForm) {
		form := url.Values{}
		for name, value := range fields {
			form.Set(name, value)
		}
		return form.Encode(), "application/x-www-form-urlencoded", nil
	}
	text, err := json.Marshal(fields)
	return string(text), "application/json", err
}

// lockout ends the error about every rejected login.
const lockout = "check username and password; repeated tries may lock the account"

// judge distinguishes rejected credentials from answers that say nothing about
// them. It leaves out the body, which may contain what was sent.
func judge(resp *http.Response) error {
	status := resp.StatusCode
	page := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
	refused := func(format string, args ...any) error {
		return &credential.Error{Text: fmt.Sprintf(format, args...)}
	}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return &credential.Error{Text: fmt.Sprintf("HTTP status %d: the application cannot open sessions at the moment", status), Transient: true}
	case status == http.StatusForbidden && page:
		return &credential.Error{Text: "something in front of the application turns this client away with a page (403)", Transient: true}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return refused("rejected (%d): %s", status, lockout)
	case status >= 300 && status < 400:
		return refused("the answer is a redirect (%d), which is not followed: check base_url", status)
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return refused("HTTP status %d: there is no such call: check base_url", status)
	}
	return refused("refused (%d): %s", status, lockout)
}

// find returns the token in an answer: a text or a number at the pointer.
func find(answer []byte, pointer string) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(answer))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return "", &credential.Error{
			Text: "the answer is not JSON: an error page, or something between rollcall and the application", Transient: true,
		}
	}
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			value = nil
			if i, err := strconv.ParseUint(part, 10, 31); err == nil && i < uint64(len(v)) && strconv.FormatUint(i, 10) == part {
				value = v[i]
			}
		default:
			value = nil
		}
	}
	token := ""
	switch v := value.(type) {
	case string:
		token = v
	case json.Number:
		token = v.String()
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", &credential.Error{Text: fmt.Sprintf("the answer has no token at %s: "+
			"either it says in its own way that the login was refused (%s), or the connector's manifest is wrong", pointer, lockout)}
	}
	return token, nil
}
