package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// Credentials puts an application's access token on its requests. It is safe for
// concurrent use. Refreshes that are needed at the same time become one, across
// all processes that share the vault and the locks.
type Credentials struct {
	holder
	vault Vault
	locks Locker

	unsaved *unsaved // only the holder of the turn may use it
}

// unsaved is an answer that could not be written to the vault.
type unsaved struct {
	from   string // the refresh token that it was obtained with
	tokens tokens
}

// New returns the credentials of one application.
func New(settings Settings, vault Vault, locks Locker) *Credentials {
	c := &Credentials{holder: newHolder(settings), vault: vault, locks: locks}
	c.renew = c.refreshed
	return c
}

// refreshed makes c.now a valid token other than bad. It uses a token that
// another process has fetched in the meantime: using a refresh token twice makes
// a strict server revoke everything that came from the consent (RFC 9700 section
// 4.14.2).
func (c *Credentials) refreshed(ctx context.Context, bad string) error {
	unlock, err := c.locks.Lock(ctx, SecretName(c.settings.Application))
	if err != nil {
		return &credential.Error{
			Text: fmt.Sprintf("tokens of application %s: %v", c.settings.Application, err), Transient: true, Here: true, Err: err,
		}
	}
	defer unlock()
	stored, err := c.read(ctx)
	if err != nil {
		return err
	}
	if u := c.unsaved; u != nil && u.from == stored.RefreshToken {
		if err := c.write(ctx, u.tokens); err != nil {
			return err
		}
		stored = u.tokens
	}
	c.unsaved = nil
	c.use(stored)
	if stored.AccessToken != bad && good(stored.AccessToken, stored.Obtained, stored.Expiry, c.settings.now()) {
		return nil
	}
	return c.refresh(ctx, stored)
}

// refresh uses the refresh token to get a new access token. It first writes down
// that it is about to do so, which also proves that the store can be written.
// From then on it ignores the end of the caller's context until the answer is
// stored.
func (c *Credentials) refresh(ctx context.Context, t tokens) error {
	s, now := c.settings, c.settings.now()
	if t.RefreshToken == "" {
		return &credential.Error{Text: fmt.Sprintf("the access token of application %s has ended and there is no refresh token: %s",
			s.Application, again(s.Application))}
	}
	secret, err := s.secret(ctx, &c.hidden)
	if err != nil {
		return err
	}
	if err := c.refusals.Check(now, t.RefreshToken+"\n"+secret); err != nil {
		return err
	}
	marked := t
	marked.Refreshing = now
	if err := c.write(ctx, marked); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	conf := oauth2.Config{ClientID: s.ClientID, ClientSecret: secret, Endpoint: s.endpoint()}
	answer, err := conf.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, s.HTTP), &oauth2.Token{RefreshToken: t.RefreshToken}).Token()
	if err != nil {
		return c.refused(ctx, t, secret, err)
	}
	next := t.after(answer, s.BaseURLField, s.now())
	c.hidden.Add(next.RefreshToken, next.AccessToken)
	if err := c.write(ctx, next); err != nil {
		c.unsaved = &unsaved{from: t.RefreshToken, tokens: next}
		return fmt.Errorf("%w; the server may have replaced the refresh token: do not stop rollcall before it could be stored, "+
			"or authorize again", err)
	}
	c.use(next)
	return nil
}

func (c *Credentials) use(t tokens) {
	if c.now.AccessToken != "" && c.now.AccessToken != t.AccessToken {
		c.replaced = c.settings.now()
	}
	c.now = t
}

// refused turns a failed refresh into an error. It stores t again, without the
// mark that the refresh set. When the server may have acted, that mark stays.
func (c *Credentials) refused(ctx context.Context, t tokens, secret string, err error) error {
	s := c.settings
	f := s.judge("refresh the token", err, &c.hidden)
	switch {
	case f.code == invalidGrant && !t.Refreshing.IsZero():
		f.Text = fmt.Sprintf("application %s: a refresh of its token that began at %s was cut off before the answer was stored, "+
			"and the token server now refuses the refresh token (invalid_grant): it had replaced it, and the new one is lost; %s",
			s.Application, t.Refreshing.UTC().Format(time.RFC3339), again(s.Application))
	case f.code == invalidGrant:
		f.Text += ": the refresh token has ended, was revoked or was used elsewhere: " + again(s.Application)
	case f.unsure:
		f.Text += "; the server may have replaced the refresh token without our seeing the new one: the next attempt tells, " +
			"and if it is refused with invalid_grant, " + again(s.Application)
		c.refusals.Note(s.now(), t.RefreshToken+"\n"+secret, f.Error)
		return f.Error
	}
	c.refusals.Note(s.now(), t.RefreshToken+"\n"+secret, f.Error)
	if err := c.write(ctx, t); err != nil {
		return errors.Join(f.Error, err)
	}
	return f.Error
}
