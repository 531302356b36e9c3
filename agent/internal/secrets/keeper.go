package secrets

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// Backend stores encrypted blobs by name; *store.Store does.
type Backend interface {
	SecretBlob(ctx context.Context, name string) (blob []byte, found bool, err error)
	PutSecretBlob(ctx context.Context, name string, blob []byte) error
	SecretNames(ctx context.Context) ([]string, error)
	DeleteSecretBlob(ctx context.Context, name string) (found bool, err error)
}

// ErrNoSecret is wrapped by a Keeper's errors when there is no secret with that
// name.
var ErrNoSecret = errors.New("there is no such secret; add it with: rollcall secret set")

// ErrWrongKey is wrapped by a Keeper's errors when the master key is not the one
// that encrypted the secrets.
var ErrWrongKey = errors.New("the master key is not the one that the stored secrets were encrypted with; " +
	"give back the old one ([secrets] master_key, or master.key in the state folder), or start a new one with: rollcall secret reset")

// errShortKey refuses a master key that could be guessed.
var errShortKey = fmt.Errorf("the master key is shorter than %d bytes; make one with: openssl rand -base64 32", minMaster)

const (
	// checkName is the name of a blob that detects a wrong master key at once.
	// No secret can have that name.
	checkName = ".check"
	checkText = "rollcall"
	// minMaster is the least length of a master key in bytes. The key is not
	// stretched, so it must not be a password that can be guessed.
	minMaster     = 16
	formatVersion = 1
)

// Keeper encrypts secrets with AES-256-GCM under a key derived from the master
// key. The name of a secret is authenticated with it, so blobs that are swapped
// in the database cannot be decrypted.
type Keeper struct {
	backend Backend
	aead    cipher.AEAD
}

var _ Getter = (*Keeper)(nil)

// OpenKeeper returns the keeper of a backend. On first use it records a check of
// the master key. Later, another key gives an error that wraps ErrWrongKey.
func OpenKeeper(ctx context.Context, backend Backend, master Secret) (*Keeper, error) {
	if len(master.Reveal()) < minMaster {
		return nil, fmt.Errorf("open secrets: %w", errShortKey)
	}
	key, err := hkdf.Key(sha256.New, []byte(master.Reveal()), nil, "rollcall secrets v1", 32)
	if err != nil {
		return nil, fmt.Errorf("open secrets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("open secrets: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("open secrets: %w", err)
	}
	k := &Keeper{backend: backend, aead: aead}
	if err := k.checkKey(ctx); err != nil {
		return nil, fmt.Errorf("open secrets: %w", err)
	}
	return k, nil
}

// Over returns the same keeper over another view of its backend.
func (k *Keeper) Over(backend Backend) *Keeper { return &Keeper{backend: backend, aead: k.aead} }

func (k *Keeper) checkKey(ctx context.Context) error {
	blob, found, err := k.backend.SecretBlob(ctx, checkName)
	if err != nil {
		return err
	}
	if !found {
		return k.backend.PutSecretBlob(ctx, checkName, k.seal([]byte(checkText), checkName))
	}
	_, err = k.open(blob, checkName)
	return err
}

// Set stores a secret, replacing one of the same name.
func (k *Keeper) Set(ctx context.Context, name string, secret Secret) error {
	if err := CheckName(name); err != nil {
		return fmt.Errorf("set secret: %w", err)
	}
	if secret.IsEmpty() {
		return fmt.Errorf("set secret %s: it is empty", name)
	}
	return k.backend.PutSecretBlob(ctx, name, k.seal([]byte(secret.Reveal()), secretLabel(name)))
}

// Get returns a secret. Its error wraps ErrNoSecret or ErrWrongKey.
func (k *Keeper) Get(ctx context.Context, name string) (Secret, error) {
	if err := CheckName(name); err != nil {
		return Secret{}, fmt.Errorf("get secret: %w", err)
	}
	blob, found, err := k.backend.SecretBlob(ctx, name)
	if err != nil {
		return Secret{}, err
	}
	if !found {
		return Secret{}, fmt.Errorf("get secret %s: %w", name, ErrNoSecret)
	}
	text, err := k.open(blob, secretLabel(name))
	if err != nil {
		return Secret{}, fmt.Errorf("get secret %s: %w", name, err)
	}
	return New(string(text)), nil
}

// List returns the names of the stored secrets in order.
func (k *Keeper) List(ctx context.Context) ([]string, error) {
	return stored(ctx, k.backend)
}

// stored lists the secrets in a backend, without the blob that checks the key.
func stored(ctx context.Context, backend Backend) ([]string, error) {
	names, err := backend.SecretNames(ctx)
	return slices.DeleteFunc(names, func(name string) bool { return name == checkName }), err
}

// Delete removes a secret. Its error wraps ErrNoSecret when there is none.
func (k *Keeper) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return fmt.Errorf("delete secret: %w", err)
	}
	found, err := k.backend.DeleteSecretBlob(ctx, name)
	if err == nil && !found {
		err = fmt.Errorf("delete secret %s: %w", name, ErrNoSecret)
	}
	return err
}

// Seal encrypts a text that the caller keeps. Open needs the same use, so a text
// that is kept in the place of another cannot be read there.
func (k *Keeper) Seal(use, text string) []byte { return k.seal([]byte(text), "use "+use) }

// Open returns what Seal encrypted. Its error wraps ErrWrongKey when the master
// key has been replaced since, and when the text belongs to another use.
func (k *Keeper) Open(use string, sealed []byte) (string, error) {
	plain, err := k.open(sealed, "use "+use)
	if err != nil {
		return "", fmt.Errorf("open the %s: %w", use, err)
	}
	return string(plain), nil
}

// seal returns version || nonce || ciphertext || tag.
func (k *Keeper) seal(plain []byte, label string) []byte {
	return k.aead.Seal([]byte{formatVersion}, nil, plain, []byte(label)) //nolint:gosec // the aead makes a random nonce itself
}

func (k *Keeper) open(sealed []byte, label string) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != formatVersion {
		return nil, errors.New("it is damaged or was encrypted by another version of rollcall")
	}
	plain, err := k.aead.Open(nil, nil, sealed[1:], []byte(label))
	if err != nil {
		return nil, ErrWrongKey // or it is damaged: GCM cannot tell them apart
	}
	return plain, nil
}

func secretLabel(name string) string { return "secret " + name }

// CheckName says what is wrong with the name of a stored secret.
func CheckName(name string) error {
	if !plainName.MatchString(name) {
		return fmt.Errorf("the name %q must have letters, digits and . _ - only, at most 128, and must not start with a dot", name)
	}
	return nil
}
