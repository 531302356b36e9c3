package connector

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"aead.dev/minisign"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/regular"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Sign writes the signature of a module beside it, as FILE.minisig, and
// returns the module and the key's id. It signs only what a host would accept.
// password is asked if the key has one.
func Sign(ctx context.Context, file, keyFile string, password Password) (m host.Module, id string, err error) {
	private, err := secretKey(keyFile, password)
	if err != nil {
		return m, "", err
	}
	work, err := os.MkdirTemp("", "rollcall-sign-")
	if err != nil {
		return m, "", fmt.Errorf("sign %s: %w", file, err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	wasm, err := regular.Read(file, host.MaxModule)
	if err != nil {
		return m, "", fmt.Errorf("sign %s: %w", file, err)
	}
	// Work on a copy: an old signature beside the file has no influence, and
	// what was checked is what is signed.
	copied := filepath.Join(work, filepath.Base(file))
	if err := os.WriteFile(copied, wasm, 0o600); err != nil {
		return m, "", fmt.Errorf("sign %s: %w", file, err)
	}
	m, problems, err := host.Inspect(ctx, copied, host.Settings{AllowUnsigned: true})
	if err == nil {
		err = errors.Join(problems...)
	}
	if err != nil {
		return m, "", fmt.Errorf("sign %s: %w", file, err)
	}
	id = fmt.Sprintf("%X", private.ID())
	signature := minisign.SignWithComments(private, wasm,
		fmt.Sprintf("timestamp:%d connector:%s version:%s", time.Now().Unix(), m.Manifest.Name, m.Manifest.Version),
		"signature from rollcall connector sign, key "+id)
	out := file + abi.SignatureSuffix
	if err := os.WriteFile(out+".part", signature, 0o644); err != nil { //nolint:gosec // the agent's user must be able to read it
		return m, "", fmt.Errorf("write the signature: %w", err)
	}
	if err := os.Rename(out+".part", out); err != nil {
		return m, "", fmt.Errorf("write the signature: %w", err)
	}
	return m, id, nil
}
