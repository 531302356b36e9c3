package abi

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Normalize fills in the defaults of an auth profile.
func (a *AuthProfile) Normalize() {
	if a.Name == "" {
		a.Name = string(a.Kind)
	}
	switch a.Kind {
	case AuthOAuth2:
		if a.ClientAuth == "" {
			a.ClientAuth = ClientAuthBasic
		}
		if a.Grant == "" {
			a.Grant = GrantAuthorizationCode
		}
	case AuthSession:
		if a.Header == "" {
			a.Header = "Authorization"
		}
		if a.Login != nil {
			a.Login.normalize()
		}
	case AuthBasic, AuthAPIKey, AuthBearer:
	}
}

func (l *Login) normalize() {
	if l.MessageType == "" {
		l.MessageType = string(MessageJSON)
	}
	if l.Username == "" {
		l.Username = "username"
	}
	if l.Password == "" {
		l.Password = "password"
	}
}

// ownKeys maps the keys that only some kinds of profile may have to those
// kinds.
var ownKeys = map[string][]AuthKind{
	"header": {AuthAPIKey, AuthSession}, "prefix": {AuthAPIKey, AuthSession}, "login": {AuthSession},
	"grant": {AuthOAuth2}, "auth_url": {AuthOAuth2}, "token_url": {AuthOAuth2}, "scopes": {AuthOAuth2},
	"client_auth": {AuthOAuth2}, "base_url_field": {AuthOAuth2}, "base_path": {AuthOAuth2},
	"refresh_unused_days": {AuthOAuth2},
}

// keys lists the keys of ownKeys that the profile sets.
func (a AuthProfile) keys() []string {
	set := map[string]bool{
		"header": a.Header != "", "prefix": a.Prefix != "", "login": a.Login != nil,
		"grant": a.Grant != "", "auth_url": a.AuthURL != "", "token_url": a.TokenURL != "", "scopes": len(a.Scopes) > 0,
		"client_auth": a.ClientAuth != "", "base_url_field": a.BaseURLField != "", "base_path": a.BasePath != "",
		"refresh_unused_days": a.RefreshUnusedDays != 0,
	}
	maps.DeleteFunc(set, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(set))
}

func (m Manifest) checkAuth(p problems) {
	seen := map[string]bool{NoAuth: true}
	for _, a := range m.Auth {
		in := p.in("auth %q", a.Name)
		unique(in, seen, a.Name)
		switch a.Kind {
		case AuthBasic, AuthBearer:
		case AuthAPIKey:
			a.checkHeader(in)
		case AuthOAuth2:
			m.checkOAuth(in, a)
		case AuthSession:
			a.checkHeader(in)
			m.checkLogin(in, a.Login)
		default:
			in.add("kind %q is not oauth2, basic, api_key, bearer or session", a.Kind)
			continue
		}
		for _, key := range a.keys() {
			if !slices.Contains(ownKeys[key], a.Kind) {
				in.add("%s does not belong to kind %s", key, a.Kind)
			}
		}
	}
}

func (a AuthProfile) checkHeader(p problems) {
	if !isToken(a.Header) {
		p.add("header %q is not the name of a header", a.Header)
	}
	if strings.ContainsAny(a.Prefix, "\r\n\x00") {
		p.add("prefix holds a line break")
	}
}

// checkOAuth checks an oauth2 profile. The client's id and secret may go only
// to a host of the manifest.
func (m Manifest) checkOAuth(p problems, a AuthProfile) {
	if a.Grant != GrantAuthorizationCode && a.Grant != GrantClientCredentials {
		p.add("grant %q is not authorization_code or client_credentials", a.Grant)
	}
	if a.AuthURL != "" {
		checkURL(p.in("auth_url"), a.AuthURL)
		m.checkOwnHost(p.in("auth_url"), a.AuthURL)
		if a.Grant == GrantClientCredentials {
			p.add("auth_url is set, and with grant client_credentials nobody is asked for consent")
		}
	}
	checkURL(p.in("token_url"), a.TokenURL)
	m.checkOwnHost(p.in("token_url"), a.TokenURL)
	checkScopes(p, a.Scopes)
	if a.ClientAuth != ClientAuthBasic && a.ClientAuth != ClientAuthBody {
		p.add("client_auth %q is not basic or body", a.ClientAuth)
	}
	const mostDays = 3650
	switch days := a.RefreshUnusedDays; {
	case days < 0 || days > mostDays:
		p.add("refresh_unused_days %d is not from 1 to %d", days, mostDays)
	case days > 0 && a.Grant == GrantClientCredentials:
		p.add("refresh_unused_days is set, and with grant client_credentials there is no refresh token")
	}
	if a.BasePath != "" && !strings.HasPrefix(a.BasePath, "/") {
		p.add("base_path %q does not start with a slash", a.BasePath)
	}
}

// checkLogin checks the login of a session profile. The password may go only to
// a host of the manifest.
func (m Manifest) checkLogin(p problems, l *Login) {
	if l == nil {
		p.add("login is missing: the call that opens the session")
		return
	}
	p = p.in("login")
	checkTarget(p, l.Path, l.URL)
	m.checkOwnHost(p.in("url"), l.URL)
	if l.MessageType != string(MessageJSON) && l.MessageType != string(MessageForm) {
		p.add("message_type %q is not json or form", l.MessageType)
	}
	for _, field := range []string{l.Username, l.Password} {
		if _, twice := l.Fields[field]; twice {
			p.add("fields: %q is the user name's or the password's own", field)
		}
	}
	if l.Username == l.Password {
		p.add("username and password are both %q", l.Username)
	}
	checkPointer(p, "token", l.Token)
	if l.Token == "" {
		p.add("token is missing: the JSON pointer to the token in the answer, such as \"/token\"")
	}
	if l.Lifetime != "" {
		if d, err := time.ParseDuration(l.Lifetime); err != nil || d < time.Second {
			p.add("lifetime %q is not a time of a second or more, such as 50m", l.Lifetime)
		}
	}
}

// checkOwnHost checks that a URL that exchanges secrets for a token is on a
// host of the manifest, so that a reader of hosts knows where secrets go. Only
// the configuration may name a loopback address, for tests. The caller has
// already checked that the text is a URL.
func (m Manifest) checkOwnHost(p problems, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
	case u.Scheme == "http" && Loopback(u.Hostname()) || u.Port() != "" && u.Port() != "443":
		p.add("%q is not https on port 443", text)
	case u.Scheme == "https" && !m.AllowsHost(u.Hostname()):
		p.add("host %q is not in hosts: what is sent there would leave for a host that is not declared", u.Hostname())
	}
}

// AllowsHost reports whether Hosts covers a host, given without its port.
func (m Manifest) AllowsHost(host string) bool {
	host = strings.ToLower(host)
	return slices.ContainsFunc(m.Hosts, func(h string) bool {
		domain, wild := strings.CutPrefix(h, "*.")
		return h == host || wild && strings.HasSuffix(host, "."+domain)
	})
}

// checkScopes checks the syntax of scopes (RFC 6749 section 3.3).
func checkScopes(p problems, scopes []string) {
	for _, s := range scopes {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			p.add("scope %q is not printable ASCII without blanks, quotes and backslashes", s)
		}
	}
}
