package service

import (
	"cmp"
	"context"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// These are the two questions of `rollcall authorize`: what to ask the person,
// and what to do with the answer. The client secret and the tokens stay on the
// agent's side.
type (
	// ConsentRequest names the application that needs a consent.
	ConsentRequest struct {
		OnDisk
		Application string
	}
	// ConsentAnswer contains what the page for the consent is called with.
	ConsentAnswer struct {
		AuthURL  string
		ClientID string
		Scopes   []string
	}
	// AuthorizeRequest contains the vendor's answer.
	AuthorizeRequest struct {
		OnDisk
		Application, Code, Verifier, RedirectURL string
	}
	// Authorized says what the consent allows.
	Authorized = oauth.Authorized
)

// Consent returns where somebody consents, and to what.
func (s *Service) Consent(ctx context.Context, _ Caller, in ConsentRequest) (ConsentAnswer, error) {
	_, c, err := s.consenting(ctx, in.Application)
	if err != nil {
		return ConsentAnswer{}, exit.Mistake(err)
	}
	answer := ConsentAnswer{AuthURL: cmp.Or(c.conf.AuthURL, c.profile.AuthURL), ClientID: c.conf.ClientID, Scopes: c.profile.Scopes}
	if answer.AuthURL == "" {
		return ConsentAnswer{}, exit.Mistake(fmt.Errorf(
			"%s: application %s: auth_url is missing: connector %s does not know where to ask for consent",
			c.conf.Pos, c.conf.Name, c.conf.Connector))
	}
	if err := runtime.Logins(c.conf, c.manifest, "").Check(answer.AuthURL); err != nil {
		return ConsentAnswer{}, exit.Mistake(fmt.Errorf("%s: application %s: nobody is sent to the page for the consent, %s: %w",
			c.conf.Pos, c.conf.Name, answer.AuthURL, err))
	}
	return answer, nil
}

// Authorize exchanges the vendor's answer for tokens, and stores them.
func (s *Service) Authorize(ctx context.Context, caller Caller, in AuthorizeRequest) (Authorized, error) {
	now, c, err := s.consenting(ctx, in.Application)
	if err != nil {
		return Authorized{}, exit.Mistake(err)
	}
	proxy, err := now.Proxy(ctx, c.conf)
	if err != nil {
		return Authorized{}, err
	}
	settings, err := now.OAuth(c.conf, c.manifest, c.profile, proxy)
	if err != nil {
		return Authorized{}, err
	}
	vault := s.agent.VaultBy(string(caller), in.Application)
	return oauth.Exchange(ctx, settings, vault, now.TokenLocks(), in.Code, in.Verifier, in.RedirectURL)
}

// consenting is an application that somebody can consent to.
type consenting struct {
	conf     config.Application
	manifest abi.Manifest
	profile  abi.AuthProfile
}

func (s *Service) consenting(ctx context.Context, name string) (now *runtime.Snapshot, c consenting, err error) {
	conf, ok := s.agent.Config().Applications[name]
	if !ok {
		return nil, c, s.unknownApplication(name)
	}
	c.conf = conf
	if conf.Auth != config.AuthOAuth2 {
		return nil, c, fmt.Errorf("%s: application %s has auth = %q: only oauth2 asks for consent", conf.Pos, name, conf.Auth)
	}
	if now, err = s.agent.Snapshot(ctx); err != nil {
		return nil, c, err
	}
	connector, err := now.Connector(conf)
	if err != nil {
		return nil, c, fmt.Errorf("%s: application %s: %w", conf.Pos, name, err)
	}
	c.manifest = connector.Manifest()
	if c.profile, ok = c.manifest.Profile(abi.AuthOAuth2); !ok {
		return nil, c, fmt.Errorf("%s: application %s: connector %s does not support oauth2", conf.Pos, name, conf.Connector)
	}
	if c.profile.Grant == abi.GrantClientCredentials {
		return nil, c, fmt.Errorf("application %s needs no consent: client_id and client_secret are enough for connector %s",
			name, conf.Connector)
	}
	return now, c, nil
}
