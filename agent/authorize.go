package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// The two calls of `rollcall authorize`: what to ask, and what to make of the
// answer. The client secret and the tokens stay with who serves them.
type (
	consentRequest struct {
		onDisk
		Application string
	}
	consentAnswer struct {
		AuthURL  string
		ClientID string
		Scopes   []string
	}
	exchangeRequest struct {
		onDisk
		Application, Code, Verifier, RedirectURL string
	}
)

func (a *app) authorizeCalls(m *control.Mux) {
	control.Handle(m, "consent", func(ctx context.Context, _ control.Caller, in consentRequest) (consentAnswer, error) {
		c, err := a.consenting(ctx, in.Application)
		if err != nil {
			return consentAnswer{}, control.Usage(err)
		}
		answer := consentAnswer{AuthURL: cmp.Or(c.conf.AuthURL, c.profile.AuthURL), ClientID: c.conf.ClientID, Scopes: c.profile.Scopes}
		if answer.AuthURL == "" {
			return consentAnswer{}, control.Usage(fmt.Errorf("%s: application %s: auth_url is missing: connector %s does not know where to ask for consent", c.conf.Pos, c.conf.Name, c.conf.Connector))
		}
		if err := logins(c.conf, c.manifest, "").Check(answer.AuthURL); err != nil {
			return consentAnswer{}, control.Usage(fmt.Errorf("%s: application %s: nobody is sent to the page for the consent, %s: %w", c.conf.Pos, c.conf.Name, answer.AuthURL, err))
		}
		return answer, nil
	})
	control.Handle(m, "authorize", func(ctx context.Context, who control.Caller, in exchangeRequest) (oauth.Authorized, error) {
		c, err := a.consenting(ctx, in.Application)
		if err != nil {
			return oauth.Authorized{}, control.Usage(err)
		}
		proxy, err := a.proxy(ctx, c.conf)
		if err != nil {
			return oauth.Authorized{}, err
		}
		settings, err := a.oauthSettings(c.conf, c.manifest, c.profile, proxy)
		if err != nil {
			return oauth.Authorized{}, err
		}
		return oauth.Exchange(ctx, settings, a.vaultBy(who, in.Application), a.tokenLocks(), in.Code, in.Verifier, in.RedirectURL)
	})
}

// tokenLocks exclude each other wherever tokens are written.
func (a *app) tokenLocks() oauth.Locker {
	return oauth.FileLocks{Dir: filepath.Join(a.config.Agent.StateDir, "locks")}
}

// consenting is an application that somebody can consent to.
type consenting struct {
	conf     config.Application
	manifest abi.Manifest
	profile  abi.AuthProfile
}

func (a *app) consenting(ctx context.Context, name string) (c consenting, err error) {
	var ok bool
	if c.conf, ok = a.config.Applications[name]; !ok {
		return c, a.unknownApplication(name)
	}
	if c.conf.Auth != config.AuthOAuth2 {
		return c, fmt.Errorf("%s: application %s has auth = %q: only oauth2 asks for consent", c.conf.Pos, name, c.conf.Auth)
	}
	h, err := a.host(ctx)
	if err != nil {
		return c, err
	}
	connector, err := h.Connector(c.conf.Connector)
	if err != nil {
		return c, fmt.Errorf("%s: application %s: %w", c.conf.Pos, name, err)
	}
	c.manifest = connector.Manifest()
	if c.profile, ok = c.manifest.Profile(abi.AuthOAuth2); !ok {
		return c, fmt.Errorf("%s: application %s: connector %s does not support oauth2", c.conf.Pos, name, c.conf.Connector)
	}
	if c.profile.Grant == abi.GrantClientCredentials {
		return c, fmt.Errorf("application %s needs no consent: client_id and client_secret are enough for connector %s", name, c.conf.Connector)
	}
	return c, nil
}
