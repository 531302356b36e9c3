package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
)

// tokens is the stored form of the tokens. It accepts a token answer as the
// vendor sent it (RFC 6749 section 5.1), and one that holds only a refresh
// token.
type tokens struct {
	AccessToken  string    `json:"access_token,omitempty"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry,omitzero"`
	Obtained     time.Time `json:"obtained,omitzero"`
	BaseURL      string    `json:"base_url,omitempty"`
	Scope        scope     `json:"scope,omitzero"` // what was granted; "": the vendor did not say
	// Refreshing is when the refresh token was sent, as long as the answer is
	// not stored. It stays when the process dies in between.
	Refreshing time.Time `json:"refreshing,omitzero"`
}

// scope is the granted scope according to a token answer. Vendors separate its
// parts with spaces (RFC 6749 section 3.3) or commas, or send a list.
type scope string

// UnmarshalJSON accepts every form, and treats anything else as empty.
func (s *scope) UnmarshalJSON(body []byte) error {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	*s = scopeOf(v)
	return nil
}

func scopeOf(v any) scope {
	switch v := v.(type) {
	case string:
		return scope(v)
	case []any:
		var texts []string
		for _, e := range v {
			if text, ok := e.(string); ok {
				texts = append(texts, text)
			}
		}
		return scope(strings.Join(texts, " "))
	}
	return ""
}

func (s scope) list() []string {
	return strings.FieldsFunc(string(s), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// after returns the tokens that follow from a token answer: what the answer does
// not name stays.
func (t tokens) after(answer *oauth2.Token, field string, now time.Time) tokens {
	next := tokens{
		AccessToken: answer.AccessToken, RefreshToken: t.RefreshToken,
		Expiry: answer.Expiry, Obtained: now, BaseURL: t.BaseURL, Scope: t.Scope,
	}
	if granted := scopeOf(answer.Extra("scope")); granted != "" {
		next.Scope = granted
	}
	if life, ok := answer.Extra("expires_in").(float64); ok && life < 0 { // not a real end: it would cause a refresh before each request
		next.Expiry = time.Time{}
	}
	if answer.RefreshToken != "" {
		next.RefreshToken = answer.RefreshToken
	}
	if base, ok := answer.Extra(field).(string); ok && base != "" {
		next.BaseURL = base
	}
	return next
}

// read reads the tokens from the vault.
func (c *Credentials) read(ctx context.Context) (tokens, error) {
	s, name := c.settings, SecretName(c.settings.Application)
	body, ok, err := c.vault.Get(ctx, name)
	if err != nil {
		return tokens{}, &credential.Error{
			Text: fmt.Sprintf("read tokens of application %s: %v", s.Application, err), Transient: true, Here: true, Err: err,
		}
	}
	if !ok {
		return tokens{}, &credential.Error{
			Here: true, Text: fmt.Sprintf("application %s is not authorized yet: %s (the token answer as JSON, or {\"refresh_token\": \"...\"})",
				s.Application, again(s.Application)),
		}
	}
	var t tokens
	if err := json.Unmarshal(body, &t); err != nil {
		return tokens{}, &credential.Error{
			Here: true, Text: fmt.Sprintf("secret %s is not the JSON of a token answer: %s", name, again(s.Application)), Err: err,
		}
	}
	if t.BaseURL == "" && s.BaseURLField != "" {
		var fields map[string]any
		_ = json.Unmarshal(body, &fields) // it was valid JSON a moment ago
		t.BaseURL, _ = fields[s.BaseURLField].(string)
	}
	c.hidden.Add(t.RefreshToken, t.AccessToken)
	return t, nil
}

// write stores the tokens, even when the caller's context has ended: losing a
// rotated refresh token locks the application out.
func (c *Credentials) write(ctx context.Context, t tokens) error {
	if err := save(ctx, c.vault, c.settings.Application, t); err != nil {
		return err
	}
	c.settings.tell(t.Expiry)
	if ends := t.refreshEnds(c.settings.RefreshUnused); c.settings.RefreshExpiry != nil && !ends.IsZero() {
		c.settings.RefreshExpiry(c.settings.Application, ends)
	}
	return nil
}

func save(ctx context.Context, v Vault, application string, t tokens) error {
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode tokens of application %s: %w", application, err)
	}
	if err := v.Set(context.WithoutCancel(ctx), SecretName(application), body); err != nil {
		return &credential.Error{Text: fmt.Sprintf("store tokens of application %s: %v", application, err), Transient: true, Here: true, Err: err}
	}
	return nil
}

// again returns the next step for a person who must consent again.
func again(application string) string {
	return fmt.Sprintf("authorize it with `rollcall authorize %s`, or store its tokens with `rollcall secret set %s`",
		application, SecretName(application))
}
