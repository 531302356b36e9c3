package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/host"
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
		a, _, err := a.asOnDisk(ctx, in.onDisk)
		if err != nil {
			return consentAnswer{}, err
		}
		conf, profile, err := a.consenting(ctx, in.Application)
		if err != nil {
			return consentAnswer{}, control.Usage(err)
		}
		answer := consentAnswer{AuthURL: profile.AuthURL, ClientID: conf.ClientID, Scopes: profile.Scopes}
		if conf.AuthURL != "" {
			answer.AuthURL = conf.AuthURL
		}
		if answer.AuthURL == "" {
			return consentAnswer{}, control.Usage(fmt.Errorf("%s: application %s: auth_url is missing: connector %s does not know where to ask for consent", conf.Pos, conf.Name, conf.Connector))
		}
		return answer, nil
	})
	control.Handle(m, "authorize", func(ctx context.Context, who control.Caller, in exchangeRequest) (oauth.Authorized, error) {
		a, _, err := a.asOnDisk(ctx, in.onDisk)
		if err != nil {
			return oauth.Authorized{}, err
		}
		conf, profile, err := a.consenting(ctx, in.Application)
		if err != nil {
			return oauth.Authorized{}, control.Usage(err)
		}
		proxy, err := a.proxy(ctx, conf)
		if err != nil {
			return oauth.Authorized{}, err
		}
		settings, err := a.oauthSettings(conf, profile, proxy)
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

// consenting finds an application that somebody can consent to.
func (a *app) consenting(ctx context.Context, name string) (config.Application, abi.AuthProfile, error) {
	conf, ok := a.config.Applications[name]
	if !ok {
		return conf, abi.AuthProfile{}, a.unknownApplication(name)
	}
	if conf.Auth != config.AuthOAuth2 {
		return conf, abi.AuthProfile{}, fmt.Errorf("%s: application %s has auth = %q: only oauth2 asks for consent", conf.Pos, name, conf.Auth)
	}
	h, err := a.host(ctx)
	if err != nil {
		return conf, abi.AuthProfile{}, err
	}
	profile, err := oauthProfile(h, conf)
	if err != nil {
		return conf, profile, err
	}
	if profile.Grant == abi.GrantClientCredentials {
		return conf, profile, fmt.Errorf("application %s needs no consent: client_id and client_secret are enough for connector %s", name, conf.Connector)
	}
	return conf, profile, nil
}

func oauthProfile(h *host.Host, conf config.Application) (abi.AuthProfile, error) {
	connector, err := h.Connector(conf.Connector)
	if err != nil {
		return abi.AuthProfile{}, fmt.Errorf("%s: application %s: %w", conf.Pos, conf.Name, err)
	}
	profile, ok := connector.Manifest().Profile(abi.AuthOAuth2)
	if !ok {
		return profile, fmt.Errorf("%s: application %s: connector %s does not support oauth2", conf.Pos, conf.Name, conf.Connector)
	}
	return profile, nil
}
