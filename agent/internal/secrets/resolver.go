package secrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/localfile"
)

// maxFile is the greatest size of a file with a secret, in bytes.
const maxFile = 64 << 10

// Getter fetches a secret by name; *Keeper is one.
type Getter interface {
	Get(ctx context.Context, name string) (Secret, error)
}

// Resolver fetches the secrets that references point to.
type Resolver struct {
	lookupEnv func(string) (string, bool)
	store     Getter
}

// NewResolver returns a resolver. lookupEnv is os.LookupEnv except in tests.
// store answers "@{store:...}"; when it is nil, such a reference is an error.
func NewResolver(lookupEnv func(string) (string, bool), store Getter) *Resolver {
	return &Resolver{lookupEnv: lookupEnv, store: store}
}

// Resolve returns the secret. An empty one is an error, because a secret that is
// referred to is needed. Errors are an *Error: they name the reference, the user
// that this process runs as where that matters, and the next step.
func (r *Resolver) Resolve(ctx context.Context, ref Reference) (Secret, error) {
	secret, err := r.fetch(ctx, ref)
	if err != nil {
		return Secret{}, &Error{Reference: ref, Err: err}
	}
	if secret.IsEmpty() {
		return Secret{}, &Error{Reference: ref, Err: errors.New("it is empty; next: write the secret into it")}
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
			return Secret{}, fmt.Errorf("the environment variable is not set for this process, which runs as user %s; "+
				"next: set it for the agent's process (in a systemd unit: EnvironmentFile=) and restart it", localfile.User())
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
		secret, err := r.store.Get(ctx, ref.Name)
		if errors.Is(err, ErrNoSecret) {
			err = fmt.Errorf("%w %s", err, ref.Name)
		}
		return secret, err
	case KindDPAPI, KindVault:
		return Secret{}, fmt.Errorf("%s is not available in this version; use env, file, cred or store", ref.Kind)
	}
	return Secret{}, errors.New("no reference was given")
}

// credential reads a credential that systemd passes with LoadCredential=
// (systemd.exec(5)). systemd itself protects the folder, partly with access
// lists that show up as group permissions, so the modes are not checked.
func (r *Resolver) credential(name string) (Secret, error) {
	dir, found := r.lookupEnv("CREDENTIALS_DIRECTORY")
	if !found || dir == "" {
		return Secret{}, fmt.Errorf("CREDENTIALS_DIRECTORY is not set: systemd has not started this process, which runs as user %s; "+
			"next: start the agent by its unit, with LoadCredential=%s:/path in it", localfile.User(), name)
	}
	secret, err := readFile(filepath.Join(dir, name), false)
	return secret, withoutCredential(dir, name, err)
}

// withoutCredential says what to do about a credential that cannot be read. Its
// folder belongs to systemd, so changing permissions there would not help.
func withoutCredential(dir, name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("systemd passed no such credential; next: add LoadCredential=%s:/path to the unit and restart it", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("user %s may not read %s, which systemd keeps for the user of the unit: %w; "+
			"next: start the agent by its unit, with systemctl", localfile.User(), dir, fs.ErrPermission)
	}
	return err
}

// readFile reads a file without the line break at its end.
func readFile(path string, private bool) (Secret, error) {
	b, err := localfile.Read(path, localfile.Rules{Max: maxFile, Private: private})
	if err != nil {
		return Secret{}, err
	}
	text := strings.TrimSuffix(string(b), "\n")
	return New(strings.TrimSuffix(text, "\r")), nil
}

// Error reports that a secret cannot be read on this machine. No server has
// refused it, so another token or password would change nothing.
type Error struct {
	Reference Reference
	Err       error // contains the next step
}

// Error returns which secret, why, and what to do.
func (e *Error) Error() string { return fmt.Sprintf("secret %s: %v", e.Reference, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Local reports that the fault is on this machine.
func (e *Error) Local() bool { return true }
