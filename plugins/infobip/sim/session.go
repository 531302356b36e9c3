package sim

import (
	"io"
	"mime"
	"net/http"
	"net/url"
)

// createSession handles POST /auth/1/session.
func (s *Server) createSession(w http.ResponseWriter, c *call) {
	m, ok := s.object(w, c.Request)
	if !ok {
		return
	}
	var found violations
	for _, name := range sortedNames(m) {
		switch name {
		case "username", "password":
		case "unsafe":
			if bad := boolean(m[name]); bad != "" {
				found.add(name, "%s", bad)
			}
		default:
			s.rules().unwanted(&found, name, false)
		}
	}
	for _, name := range []string{"username", "password"} {
		if m[name] == nil {
			found.add(name, isMissing)
		} else if bad := text(256)(m[name]); bad != "" {
			found.add(name, "%s", bad)
		}
	}
	if len(found) > 0 {
		invalid(w, found)
		return
	}
	if !same(m["username"].(string), s.opts.Username) || !same(m["password"].(string), s.opts.Password) {
		refuse(w, http.StatusUnauthorized, "")
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": s.tokens.issue(schemeIBSSO)})
}

// endSession handles DELETE /auth/1/session, authorized by the token that it
// ends.
func (s *Server) endSession(w http.ResponseWriter, c *call) {
	form, token, ok := s.authenticate(c.Request)
	if !ok || form != schemeIBSSO {
		refuse(w, http.StatusUnauthorized, "")
		return
	}
	s.tokens.end(token)
	w.WriteHeader(http.StatusNoContent)
}

// oauthError is the error envelope of OAuth.
type oauthError struct {
	Error string `json:"error"`
	exception
}

func refuseToken(w http.ResponseWriter, status int, code, text string) {
	e := oauthError{Error: code}
	id, _ := message(status)
	e.exception.Error.Exception = serviceException{MessageID: id, Text: text}
	writeJSON(w, status, e)
}

// createToken handles POST /auth/1/oauth2/token: client credentials, in a form.
func (s *Server) createToken(w http.ResponseWriter, c *call) {
	w.Header().Set("Cache-Control", "no-store")
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		refuseToken(w, http.StatusUnsupportedMediaType, "invalid_request", "content type must be application/x-www-form-urlencoded")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, maxBody))
	if err != nil {
		refuseToken(w, http.StatusBadRequest, "invalid_request", "body cannot be read")
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		refuseToken(w, http.StatusBadRequest, "invalid_request", "malformed parameters")
		return
	}
	for name, values := range form {
		switch name {
		case "client_id", "client_secret", "grant_type", "code":
			if len(values) == 1 {
				continue
			}
		}
		refuseToken(w, http.StatusBadRequest, "invalid_request", name+" is unknown or repeated")
		return
	}
	for _, name := range []string{"client_id", "client_secret", "grant_type"} {
		if form.Get(name) == "" {
			refuseToken(w, http.StatusBadRequest, "invalid_request", name+" is missing")
			return
		}
	}
	switch {
	case form.Get("grant_type") != "client_credentials":
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type is not supported")
	case !same(form.Get("client_id"), s.opts.Username) || !same(form.Get("client_secret"), s.opts.Password):
		refuseToken(w, http.StatusUnauthorized, "invalid_client", "Unauthorized")
	default:
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": s.tokens.issue(schemeBearer), "expires_in": int(s.opts.TokenLife.Seconds()), "token_type": "Bearer",
		})
	}
}
