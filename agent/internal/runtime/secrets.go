package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

func (a *Agent) openSecrets(ctx context.Context) error {
	keeper, err := a.openKeeper(ctx)
	if err != nil {
		return err
	}
	a.vault = &Vault{keeper}
	a.secrets = secrets.NewResolver(os.LookupEnv, keeper)
	return nil
}

func (a *Agent) openKeeper(ctx context.Context) (*secrets.Keeper, error) {
	ref := a.Config().Secrets.MasterKey
	if ref.IsZero() {
		return secrets.OpenWithKeyFile(ctx, a.stateDir, a.store, a.log)
	}
	master, err := resolve(ctx, secrets.NewResolver(os.LookupEnv, nil), ref)
	if err != nil {
		return nil, fmt.Errorf("master key of the secrets: %w", err)
	}
	return secrets.OpenWithKey(ctx, a.store, master, ref.Reference.String(), a.log)
}

// ResetSecrets replaces a lost master key: it removes the secrets that nobody
// can read any more, and creates a new key. The agent must be locked but not
// opened. confirm is told what would be lost; if it returns an error, nothing
// is changed. If the master key does open its secrets, the error is
// ErrKeyNotLost.
func (a *Agent) ResetSecrets(
	ctx context.Context, by string, confirm func(lost *secrets.LostKeyError) error,
) (*secrets.LostKeyError, error) {
	if err := a.openStore(ctx); err != nil {
		return nil, err
	}
	var lost *secrets.LostKeyError
	switch _, err := a.openKeeper(ctx); {
	case err == nil:
		return nil, ErrKeyNotLost
	case !errors.As(err, &lost):
		return nil, err
	}
	if err := confirm(lost); err != nil {
		return nil, err
	}
	if err := a.store.SecretsBy(by, "").ForgetSecrets(ctx, lost.Names); err != nil {
		return nil, err
	}
	_, err := a.openKeeper(ctx)
	return lost, err
}

// ErrKeyNotLost means that the master key opens the stored secrets.
var ErrKeyNotLost = errors.New("the master key opens the stored secrets")

// KeyFile returns the file of the master key, or "" if the configuration names
// another place for it.
func (a *Agent) KeyFile() string {
	if !a.Config().Secrets.MasterKey.IsZero() {
		return ""
	}
	return filepath.Join(absolute(a.stateDir), secrets.KeyFileName)
}

// resolve reads the secret of a field of the configuration.
func resolve(ctx context.Context, r *secrets.Resolver, field config.SecretRef) (secrets.Secret, error) {
	s, err := r.Resolve(ctx, field.Reference)
	if err != nil {
		return secrets.Secret{}, fmt.Errorf("%s: %w", field.Pos, err)
	}
	return s, nil
}

// Vault gives access to the encrypted store, for OAuth tokens and for callers.
type Vault struct{ *secrets.Keeper }

var _ oauth.Vault = (*Vault)(nil)

// Vault returns the agent's encrypted store. The journal records changes made
// through it as the agent's own.
func (a *Agent) Vault() *Vault { return a.vault }

// VaultBy returns the vault for a caller. The journal records the caller, and
// the application concerned.
func (a *Agent) VaultBy(by, application string) *Vault {
	return &Vault{a.vault.Over(a.store.SecretsBy(by, application))}
}

// Get implements oauth.Vault.
func (v *Vault) Get(ctx context.Context, name string) ([]byte, bool, error) {
	s, err := v.Keeper.Get(ctx, name)
	if errors.Is(err, secrets.ErrNoSecret) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return []byte(s.Reveal()), true, nil
}

// Set implements oauth.Vault.
func (v *Vault) Set(ctx context.Context, name string, value []byte) error {
	return v.Keeper.Set(ctx, name, secrets.New(string(value)))
}
