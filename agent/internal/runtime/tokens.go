package runtime

import (
	"context"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// tokensEvery is how often unused refresh tokens are looked at, and tokensTold how
// often the log says that one is about to end.
const (
	tokensEvery = time.Hour
	tokensTold  = 24 * time.Hour
)

// watchTokens looks at the refresh tokens that end if nothing uses them: those of an
// application that is seldom asked, which nobody thinks of.
func (a *Agent) watchTokens(ctx context.Context) {
	told := map[string]time.Time{}
	tick := time.NewTicker(tokensEvery)
	defer tick.Stop()
	for {
		err := rescue.Do(a.log, func() error { a.lookAtTokens(ctx, a.vault, told, time.Now()); return nil })
		if err != nil && ctx.Err() == nil {
			a.log.Error("the refresh tokens were not looked at; tried again in an hour", "cause", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lookAtTokens measures when refresh tokens end, and warns once a day of those that
// are about to. told is when it was last said.
func (a *Agent) lookAtTokens(ctx context.Context, vault oauth.Vault, told map[string]time.Time, now time.Time) {
	s := a.now.Load()
	a.metrics.RefreshExpiryOnly(func(name string) bool { _, is := s.config.Applications[name]; return is })
	for name, conf := range s.config.Applications {
		ends, err := oauth.RefreshEnds(ctx, vault, name, s.refreshUnused(conf))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			a.log.Error("it is not known when the refresh token ends", "application", name, "cause", err)
			continue
		case ends.IsZero():
			a.metrics.RefreshExpiryGone(name)
			delete(told, name)
			continue
		}
		a.metrics.RefreshExpiry(name, ends)
		if ends.Sub(now) > oauth.RefreshWarning {
			delete(told, name)
			continue
		}
		if last, before := told[name]; before && now.Sub(last) < tokensTold {
			continue
		}
		told[name] = now
		text := "nothing has used the authorization for a long time, and the application ends it soon"
		if !now.Before(ends) {
			text = "nothing has used the authorization for so long that the application has ended it"
		}
		a.log.Warn(text, "application", name, "until", ends.UTC().Format(time.RFC3339), "next", nextForUnused(name, ends, now))
	}
}

func nextForUnused(application string, ends, now time.Time) string {
	if !now.Before(ends) {
		return "`rollcall authorize " + application + "`"
	}
	return "`rollcall validate --online` uses it, and so does any run; if the application is not needed any more, remove it"
}

// refreshUnused returns after how long without use the vendor ends the refresh token
// of an application; 0: never, it has none, or the connector does not say.
func (s *Snapshot) refreshUnused(conf config.Application) time.Duration {
	c := s.connectors[conf.Connector]
	if c.err != nil || !conf.Enabled || conf.Auth != config.AuthOAuth2 {
		return 0
	}
	profile, _ := c.manifest.Profile(abi.AuthOAuth2)
	return unusedLife(profile)
}

func unusedLife(profile abi.AuthProfile) time.Duration {
	return time.Duration(profile.RefreshUnusedDays) * 24 * time.Hour
}
