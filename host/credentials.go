package host

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Credentials authorize the requests of an application. They are used by
// several calls at once.
type Credentials interface {
	// Apply puts them on a request that goes to an allowed host. An error ends
	// the call with kind auth.
	Apply(ctx context.Context, req *http.Request) error
	// Rejected is told that the application answered 401, and says whether one
	// more try is worth it, because they were refreshed. An error ends the call
	// with kind auth.
	Rejected(ctx context.Context) (retry bool, err error)
	// BaseURL tells where the credentials say that the API lives; "" when they
	// do not.
	BaseURL(ctx context.Context) (string, error)
	// Redact lists what must not be seen in errors, bodies and headers, as it
	// is: JSON, URL, markup, base64 and hexadecimal forms are derived from it. A
	// text of less than 8 bytes is not looked for. It is asked before the first
	// request of a call and after each use of the credentials; what it has said
	// stays hidden until the end of the call.
	Redact() []string
}

// StaticCredentials are an api_key, a user name and password, or a token: what
// does not change by itself.
type StaticCredentials struct {
	header, value string
	user, secret  string // of basic; header is "" then
}

var _ Credentials = StaticCredentials{}

// NewStaticCredentials makes the credentials of a profile of the kinds
// api_key, bearer and basic. user is for basic only.
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

// Rejected knows nothing better.
func (s StaticCredentials) Rejected(context.Context) (bool, error) { return false, nil }

// BaseURL is not known from them.
func (s StaticCredentials) BaseURL(context.Context) (string, error) { return "", nil }

// Redact lists the secret, with its prefix or user name, together with which it
// may be long enough to be looked for where alone it is not, and as basic
// authentication sends it.
func (s StaticCredentials) Redact() []string {
	if s.header == "" {
		pair := s.user + ":" + s.secret
		return []string{s.secret, pair, base64.StdEncoding.EncodeToString([]byte(pair))}
	}
	return []string{s.secret, s.value}
}
