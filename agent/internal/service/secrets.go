package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

type (
	// SecretRequest names a secret and, if it is to be stored, its value.
	SecretRequest struct {
		Name  string
		Value []byte
	}
	// ResetRequest asks for a new master key.
	ResetRequest struct {
		Yes bool // the caller has seen the secrets that would be lost
	}
	// ResetAnswer says what is lost with a new master key.
	ResetAnswer struct {
		Forgotten []string `json:"forgotten"`
		Again     []string `json:"-"` // how to enter each of them again
		BackUp    string   `json:"-"` // the file of the new key; "" when it is kept elsewhere
	}
)

// CheckSecretName reports whether a secret may have this name, before anybody
// types its value.
func CheckSecretName(name string) error { return secrets.CheckName(name) }

// SetSecret stores a secret.
func (s *Service) SetSecret(ctx context.Context, caller Caller, in SecretRequest) (Nothing, error) {
	return Nothing{}, s.agent.VaultBy(string(caller), "").Set(ctx, in.Name, in.Value)
}

// Secrets lists the names of the stored secrets.
func (s *Service) Secrets(ctx context.Context, _ Caller, _ Nothing) ([]string, error) {
	return s.agent.Vault().List(ctx)
}

// DeleteSecret removes a secret.
func (s *Service) DeleteSecret(ctx context.Context, caller Caller, in SecretRequest) (Nothing, error) {
	err := s.agent.VaultBy(string(caller), "").Delete(ctx, in.Name)
	if errors.Is(err, secrets.ErrNoSecret) {
		err = s.unknownSecret(ctx, in.Name)
	}
	return Nothing{}, err
}

func (s *Service) unknownSecret(ctx context.Context, name string) error {
	known, err := s.agent.Vault().List(ctx)
	if err != nil {
		return err
	}
	return exit.Mistake(&ident.UnknownNameError{What: "secret", Name: name, Known: known, List: "rollcall secret list"})
}

// ResetSecrets creates a new master key if the former one is lost. The agent
// must be locked but not open: an open agent has its key.
func (s *Service) ResetSecrets(ctx context.Context, caller Caller, in ResetRequest) (ResetAnswer, error) {
	lost, err := s.agent.ResetSecrets(ctx, string(caller), func(lost *secrets.LostKeyError) error {
		if in.Yes {
			return nil
		}
		return exit.Mistake(fmt.Errorf("the master key %s %s: these secrets would be lost, and must be entered again: %s; "+
			"nothing was changed; if no backup has the key, go on with `rollcall secret reset --yes`",
			lost.Where, lost.Problem, strings.Join(lost.Names, ", ")))
	})
	if errors.Is(err, runtime.ErrKeyNotLost) {
		err = exit.Mistake(fmt.Errorf("%w: there is nothing to reset; `rollcall secret delete NAME` removes one of them", err))
	}
	if err != nil {
		return ResetAnswer{}, err
	}
	answer := ResetAnswer{Forgotten: lost.Names, BackUp: s.agent.KeyFile()}
	for _, name := range lost.Names {
		answer.Again = append(answer.Again, secrets.Again(name))
	}
	return answer, nil
}
