package secrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rollcall-agent/rollcall/host/regular"
)

// maxFile is the most bytes that a secret in a file may have.
const maxFile = 64 << 10

// Getter fetches a secret by name; *Keeper is one.
type Getter interface {
	Get(ctx context.Context, name string) (Secret, error)
}

// Resolver fetches what references refer to.
type Resolver struct {
	lookupEnv func(string) (string, bool)
	store     Getter
}

// NewResolver returns a resolver. lookupEnv is os.LookupEnv outside of tests;
// store answers "@{store:...}" and may be nil, which makes those an error.
func NewResolver(lookupEnv func(string) (string, bool), store Getter) *Resolver {
	return &Resolver{lookupEnv: lookupEnv, store: store}
}

// Resolve returns the secret. An empty one is an error: whoever refers to a
// secret needs it. Errors name the reference and the next step.
func (r *Resolver) Resolve(ctx context.Context, ref Reference) (Secret, error) {
	secret, err := r.fetch(ctx, ref)
	if err != nil {
		return Secret{}, fmt.Errorf("secret %s: %w", ref, err)
	}
	if secret.IsEmpty() {
		return Secret{}, fmt.Errorf("secret %s: it is empty", ref)
	}
	return secret, nil
}

func (r *Resolver) fetch(ctx context.Context, ref Reference) (Secret, error) {
	switch ref.Kind {
	case KindLiteral:
		return ref.literal, nil
	case KindEnv:
		text, found := r.lookupEnv(ref.Name)
		if !found {
			return Secret{}, errors.New("the environment variable is not set; set it for the agent's process")
		}
		return New(text), nil
	case KindFile:
		return readFile(ref.Name, true)
	case KindCred:
		return r.credential(ref.Name)
	case KindStore:
		if r.store == nil {
			return Secret{}, errors.New("the encrypted store cannot be used here; use env, file or cred")
		}
		return r.store.Get(ctx, ref.Name)
	case KindDPAPI, KindVault:
		return Secret{}, fmt.Errorf("%s is not available in this version; use env, file, cred or store", ref.Kind)
	}
	return Secret{}, errors.New("no reference was given")
}

// credential reads what systemd passes with LoadCredential= (systemd.exec(5)).
// systemd guards the folder by itself, partly with access lists that show up
// as group permissions, so the modes are not checked.
func (r *Resolver) credential(name string) (Secret, error) {
	dir, found := r.lookupEnv("CREDENTIALS_DIRECTORY")
	if !found || dir == "" {
		return Secret{}, fmt.Errorf("CREDENTIALS_DIRECTORY is not set; start the agent with systemd and LoadCredential=%s:/path", name)
	}
	secret, err := readFile(filepath.Join(dir, name), false)
	if errors.Is(err, fs.ErrNotExist) {
		return Secret{}, fmt.Errorf("systemd passed no such credential; add LoadCredential=%s:/path to the unit", name)
	}
	return secret, err
}

// readFile trims one line break from the end.
func readFile(path string, private bool) (Secret, error) {
	f, err := regular.Open(path)
	if err != nil {
		return Secret{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return Secret{}, err
	}
	// Windows has no such modes; access lists guard the file there.
	if private && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return Secret{}, fmt.Errorf("%s is open to other users (mode %04o); chmod 600 it, and change the secret if others may have read it", path, info.Mode().Perm())
	}
	b, err := regular.ReadFrom(f, maxFile)
	if err != nil {
		return Secret{}, err
	}
	text := strings.TrimSuffix(string(b), "\n")
	return New(strings.TrimSuffix(text, "\r")), nil
}
