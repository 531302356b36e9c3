package runtime

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/credential"
	"github.com/rollcall-agent/rollcall/agent/internal/fit"
	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/agent/internal/session"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// secret reads a secret at the time it is needed: a missing one affects only
// its own application, and a new one needs no restart.
func (s *Snapshot) secret(ref config.SecretRef) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		read, err := resolve(ctx, s.secrets, ref)
		return read.Reveal(), err
	}
}

// Proxy returns the application's proxy, including its password.
func (s *Snapshot) Proxy(ctx context.Context, conf config.Application) (string, error) {
	if conf.ProxyPassword.IsZero() {
		return conf.Proxy, nil
	}
	password, err := s.secret(conf.ProxyPassword)(ctx)
	if err != nil {
		return "", fmt.Errorf("application %s: password of the proxy: %w", conf.Name, err)
	}
	return conf.ProxyURL(password), nil
}

// credentials holds what all automations of an application share: one session,
// one token, and one pause after a refusal. It outlives a snapshot.
type credentials struct {
	mu  sync.Mutex
	all map[string]used // by application
}

// without returns a copy that lacks some applications.
func (c *credentials) without(left func(application string) bool) *credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := maps.Clone(c.all)
	maps.DeleteFunc(all, func(application string, _ used) bool { return left(application) })
	return &credentials{all: all}
}

type used struct {
	profile     abi.AuthProfile
	hosts       []string // of the manifest
	base        string
	credentials host.Credentials
}

// madeFor reports whether the manifest still says what the credentials were
// made for.
func (u used) madeFor(m abi.Manifest, profile abi.AuthProfile) bool {
	return reflect.DeepEqual(u.profile, profile) && slices.Equal(u.hosts, m.Hosts) && u.base == m.BaseURL
}

// shared returns the credentials of an application. They are made once and
// kept as long as the manifest says the same.
func (s *Snapshot) shared(conf config.Application, m abi.Manifest, profile abi.AuthProfile, proxy string) (host.Credentials, error) {
	s.credentials.mu.Lock()
	defer s.credentials.mu.Unlock()
	if u, ok := s.credentials.all[conf.Name]; ok && u.madeFor(m, profile) {
		return u.credentials, nil
	}
	made, err := s.makeCredentials(conf, m, profile, proxy)
	if err != nil {
		return nil, err
	}
	if s.credentials.all == nil {
		s.credentials.all = map[string]used{}
	}
	s.credentials.all[conf.Name] = used{profile, m.Hosts, m.BaseURL, made}
	return made, nil
}

// makeCredentials keeps secrets on the agent's side: the connector only names
// a profile.
func (s *Snapshot) makeCredentials(
	conf config.Application, m abi.Manifest, profile abi.AuthProfile, proxy string,
) (host.Credentials, error) {
	switch conf.Auth {
	case config.AuthOAuth2:
		settings, err := s.OAuth(conf, m, profile, proxy)
		if err != nil {
			return nil, err
		}
		if profile.Grant == abi.GrantClientCredentials {
			return oauth.NewClientCredentials(settings), nil
		}
		return oauth.New(settings, s.vault, s.TokenLocks()), nil
	case config.AuthSession:
		at, err := fit.LoginURL(conf, m, *profile.Login)
		if err != nil {
			return nil, err
		}
		client, err := s.tokenClient(conf, m, proxy)
		if err != nil {
			return nil, err
		}
		return session.New(session.Settings{
			Application: conf.Name, URL: at, Username: conf.Username, Password: s.secret(conf.Password),
			Profile: profile, HTTP: client,
		})
	case config.AuthBasic:
		return &resolved{profile: profile, user: conf.Username, secret: s.secret(conf.Password)}, nil
	case config.AuthAPIKey:
		return &resolved{profile: profile, secret: s.secret(conf.APIKey)}, nil
	case config.AuthBearer:
		return &resolved{profile: profile, secret: s.secret(conf.Token)}, nil
	}
	return nil, fmt.Errorf("%s: auth = %q is not known", conf.Pos, conf.Auth)
}

// OAuth returns the settings for requesting tokens of an application.
func (s *Snapshot) OAuth(conf config.Application, m abi.Manifest, profile abi.AuthProfile, proxy string) (oauth.Settings, error) {
	client, err := s.tokenClient(conf, m, proxy)
	if err != nil {
		return oauth.Settings{}, err
	}
	tokenURL := profile.TokenURL
	if conf.TokenURL != "" {
		tokenURL = conf.TokenURL
	}
	return oauth.Settings{
		Application: conf.Name, TokenURL: tokenURL, ClientID: conf.ClientID, ClientSecret: s.secret(conf.ClientSecret),
		SecretInBody: profile.ClientAuth == abi.ClientAuthBody, Scopes: profile.Scopes,
		BaseURLField: profile.BaseURLField, BasePath: profile.BasePath,
		HTTP: client, Expiry: s.metrics.TokenExpiry,
		RefreshUnused: unusedLife(profile), RefreshExpiry: s.metrics.RefreshExpiry,
	}, nil
}

// tokenClient returns the client for token URLs and logins. It uses the same
// proxy as the application's other requests.
func (s *Snapshot) tokenClient(conf config.Application, m abi.Manifest, proxy string) (*http.Client, error) {
	transport, err := Logins(conf, m, proxy).Transport()
	if err != nil {
		return nil, fmt.Errorf("%s: application %s: %w", conf.Pos, conf.Name, err)
	}
	return credential.NewClient(transport, "rollcall/"+s.version), nil
}

// Logins returns the hosts that may receive a secret in exchange for a token:
// those of the manifest, and those that the configuration names for this. The
// URLs of endpoints are only for records.
func Logins(conf config.Application, m abi.Manifest, proxy string) host.Logins {
	return host.Logins{Hosts: m.Hosts, URLs: []string{conf.BaseURL, conf.AuthURL, conf.TokenURL}, Proxy: proxy}
}

// TokenLocks returns the locks that prevent two writers from changing the same
// token.
func (s *Snapshot) TokenLocks() oauth.Locker {
	return oauth.FileLocks{Dir: filepath.Join(s.stateDir, "locks")}
}

// resolved holds static credentials whose secret is read when a request needs
// it: a missing one affects only its own application, and a new one needs no
// restart.
type resolved struct {
	profile abi.AuthProfile
	user    string
	secret  func(context.Context) (string, error)

	hidden credential.Hidden
}

var _ host.Credentials = (*resolved)(nil)

// Apply implements host.Credentials.
func (r *resolved) Apply(ctx context.Context, req *http.Request) error {
	secret, err := r.secret(ctx)
	if err != nil {
		return err
	}
	now, err := host.NewStaticCredentials(r.profile, r.user, secret)
	if err != nil {
		return err
	}
	r.hidden.Add(now.Redact()...)
	return now.Apply(ctx, req)
}

// Rejected implements host.Credentials. There is nothing better to try.
func (r *resolved) Rejected(context.Context) (bool, error) { return false, nil }

// BaseURL implements host.Credentials. Static credentials do not determine it.
func (r *resolved) BaseURL(context.Context) (string, error) { return "", nil }

// Redact implements host.Credentials. It includes replaced secrets, which may
// still be in use by requests in progress.
func (r *resolved) Redact() []string { return r.hidden.List() }
