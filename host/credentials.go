package host

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/rollcall-agent/rollcall/host/internal/body"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Credentials authorize the requests of an application. Several calls use them
// at once.
type Credentials interface {
	// Apply puts the credentials on a request to an allowed host. An error ends
	// the call with kind auth.
	Apply(ctx context.Context, req *http.Request) error
	// Rejected is called when the application answered 401. It reports whether
	// another try is worthwhile because the credentials were refreshed. An error
	// ends the call with kind auth.
	Rejected(ctx context.Context) (retry bool, err error)
	// BaseURL returns where the API lives, if the credentials say so; ""
	// otherwise.
	BaseURL(ctx context.Context) (string, error)
	// Redact lists the texts that errors, bodies and headers must not show. The
	// host derives their JSON, URL, markup, base64 and hexadecimal forms. It
	// ignores a text of less than 8 bytes. It calls Redact before the first
	// request of a call and after each use of the credentials; a listed text
	// stays hidden until the end of the call.
	Redact() []string
}

// Redact overwrites texts that nobody may see, in all the forms that the host
// derives for Credentials.Redact.
func Redact(text string, hide ...string) string { return body.Redact(text, hide) }

// StaticCredentials are credentials that do not change by themselves: an API
// key, a user name and password, or a token.
type StaticCredentials struct {
	header, value string
	user, secret  string // for basic; header is "" then
}

var _ Credentials = StaticCredentials{}

// NewStaticCredentials returns the credentials for a profile of kind api_key,
// bearer or basic. user is for basic only.
func NewStaticCredentials(p abi.AuthProfile, user, secret string) (StaticCredentials, error) {
	if secret == "" {
		return StaticCredentials{}, fmt.Errorf("auth profile %q: the secret is empty", p.Name)
	}
	switch p.Kind {
	case abi.AuthAPIKey:
		return StaticCredentials{header: p.Header, value: p.Prefix + secret, secret: secret}, nil
	case abi.AuthBearer:
		return StaticCredentials{header: "Authorization", value: "Bearer " + secret, secret: secret}, nil
	case abi.AuthBasic:
		return StaticCredentials{user: user, secret: secret}, nil
	}
	return StaticCredentials{}, fmt.Errorf("auth profile %q: kind %s is not one of static credentials", p.Name, p.Kind)
}

// Apply sets the header.
func (s StaticCredentials) Apply(_ context.Context, req *http.Request) error {
	if s.header == "" {
		req.SetBasicAuth(s.user, s.secret)
		return nil
	}
	req.Header.Set(s.header, s.value)
	return nil
}

// Rejected returns false: there is nothing to refresh.
func (s StaticCredentials) Rejected(context.Context) (bool, error) { return false, nil }

// BaseURL returns "": static credentials do not name an API.
func (s StaticCredentials) BaseURL(context.Context) (string, error) { return "", nil }

// Redact lists the secret by itself, with its prefix or user name, and as basic
// authentication sends it. With the prefix or user name, a short secret may
// reach the length from which texts are redacted.
func (s StaticCredentials) Redact() []string {
	if s.header == "" {
		pair := s.user + ":" + s.secret
		return []string{s.secret, pair, base64.StdEncoding.EncodeToString([]byte(pair))}
	}
	return []string{s.secret, s.value}
}
