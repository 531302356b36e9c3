package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

// credentialKeys returns the keys of each kind of authorization.
func credentialKeys() map[Auth][]string {
	return map[Auth][]string{
		AuthOAuth2:  {"client_id", "client_secret"},
		AuthBasic:   {"username", "password"},
		AuthAPIKey:  {"api_key"},
		AuthBearer:  {"token"},
		AuthSession: {"username", "password"},
	}
}

// checkCredentials requires the keys of the configured kind of authorization,
// and refuses those of the other kinds.
func (l *loader) checkCredentials(in path, a Application) {
	kinds := credentialKeys()
	own, known := kinds[a.Auth]
	if !known {
		return
	}
	l.require(in, own...)
	owners := map[string][]string{}
	for _, kind := range sortedKeys(kinds) {
		for _, key := range kinds[kind] {
			owners[key] = append(owners[key], string(kind))
		}
	}
	for _, key := range sortedKeys(owners) {
		if !slices.Contains(own, key) && l.has(in.with(key)) {
			l.failKey(in.with(key), fmt.Sprintf("%s does not belong to auth = %q", key, a.Auth), "it belongs to auth = "+oneOf(owners[key]))
		}
	}
	for _, key := range []string{"auth_url", "token_url"} {
		if a.Auth != AuthOAuth2 && l.has(in.with(key)) {
			l.failKey(in.with(key), fmt.Sprintf("%s does not belong to auth = %q", key, a.Auth), "")
		}
	}
}

// checkSecrets requires references. Whether the connector knows the names is
// checked against its manifest, in package fit.
func (l *loader) checkSecrets(in path, all map[string]SecretRef) {
	for _, name := range sortedKeys(all) {
		if all[name].Kind == secrets.KindLiteral {
			l.fail(in.with(name), name+" holds a secret in plain text",
				`write a reference: "@{env:NAME}", "@{file:/path}", "@{cred:name}" or "@{store:name}"`)
		}
	}
}

const direct = "direct"

// checkProxy requires the URL of a proxy without a password, which has a key of
// its own. No message repeats the text: it may hold the password.
func (l *loader) checkProxy(in path, a Application) {
	at := in.with("proxy")
	hasUser := false
	if a.Proxy != "" && a.Proxy != direct {
		u, err := url.Parse(a.Proxy)
		switch {
		case err != nil && strings.Contains(a.Proxy, "@"):
			l.fail(at, "proxy is not a URL", `like "http://user@proxy.example.com:3128", with the password in proxy_password`)
		case err != nil, u.Hostname() == "", u.Scheme != "http" && u.Scheme != "https":
			l.fail(at, "proxy is not the URL of an HTTP proxy", `like "http://proxy.example.com:3128", or "direct" for none`)
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
			l.fail(at, "proxy must not have a path, a query or a fragment", "")
		case u.User != nil:
			if _, has := u.User.Password(); has {
				l.fail(at, "proxy must not hold a password", "leave the user name there, and refer to the password in proxy_password")
			}
			hasUser = u.User.Username() != ""
		}
	}
	if l.has(in.with("proxy_password")) && !hasUser && !l.failed[at.index()] {
		l.failKey(in.with("proxy_password"), "proxy_password needs a user name in proxy", `like "http://user@proxy.example.com:3128"`)
	}
}

// ProxyURL returns the proxy's URL with the password in it, as HTTP clients take
// it.
func (a Application) ProxyURL(password string) string {
	u, err := url.Parse(a.Proxy)
	if err != nil || u.User == nil || password == "" {
		return a.Proxy
	}
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String()
}
