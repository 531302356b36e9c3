package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/regular"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const (
	secretKeySuffix = ".key"
	publicKeySuffix = ".pub"
	maxKeyFile      = 4 << 10 // bytes
)

func (c *cli) keygenCommand() *cobra.Command {
	var out string
	var password bool
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make a minisign key pair to sign connectors with",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			public, err := c.makeKeys(cmd.Context(), out, password)
			if err != nil {
				return err
			}
			return c.show(map[string]string{"secret_key": out + secretKeySuffix, "public_key_file": out + publicKeySuffix, "public_key": public.String()}, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "%s: keep it secret\n%s: for trusted_keys in [modules]: %s\n", out+secretKeySuffix, out+publicKeySuffix, public)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "where to write: `NAME`.key and NAME.pub")
	cmd.Flags().BoolVar(&password, "password", false, "protect the secret key with a password that is read from standard input")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// makeKeys never replaces a key: what was signed with it could not be renewed.
func (c *cli) makeKeys(ctx context.Context, out string, withPassword bool) (minisign.PublicKey, error) {
	for _, file := range []string{out + secretKeySuffix, out + publicKeySuffix} {
		if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
			return minisign.PublicKey{}, fmt.Errorf("make keys: %s is there already, and keys are not replaced: choose another name", file)
		}
	}
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return public, fmt.Errorf("make keys: %w", err)
	}
	secret, err := private.MarshalText()
	if withPassword {
		var password []byte
		if password, err = c.readSecret(ctx, "the password of the key"); err == nil {
			secret, err = minisign.EncryptKey(string(password), private)
		}
	}
	if err != nil {
		return public, fmt.Errorf("make keys: %w", err)
	}
	if err := writeNew(out+secretKeySuffix, secret, 0o600); err != nil {
		return public, fmt.Errorf("make keys: %w", err)
	}
	var text []byte
	if text, err = public.MarshalText(); err == nil {
		err = writeNew(out+publicKeySuffix, text, 0o644)
	}
	if err != nil {
		return public, fmt.Errorf("make keys: %w", err)
	}
	return public, nil
}

// writeNew writes a file that must not be there yet.
func writeNew(path string, text []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(append(bytes.TrimRight(text, "\n"), '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

func (c *cli) signCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "Sign a connector: FILE.minisig is written beside it",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, id, err := c.sign(cmd.Context(), args[0], key)
			if err != nil {
				return err
			}
			out := args[0] + abi.SignatureSuffix
			return c.show(map[string]string{"file": out, "connector": m.Manifest.Name, "version": m.Manifest.Version, "key": id}, func(w io.Writer) {
				pageOf(w).put(out+": ", fmt.Sprintf("%s %s, signed by key %s", m.Manifest.Name, m.Manifest.Version, id))
			})
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the `file` of the secret key")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

// sign signs what a host would accept, and nothing else.
func (c *cli) sign(ctx context.Context, file, keyFile string) (m host.Module, id string, err error) {
	private, err := c.secretKey(ctx, keyFile)
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
	// A copy, so that an old signature beside the file says nothing, and what is
	// signed is what was looked at.
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

// secretKey reads a key file, and its password from standard input when it has
// one.
func (c *cli) secretKey(ctx context.Context, file string) (key minisign.PrivateKey, err error) {
	text, err := readKeyFile(file)
	if err != nil {
		return key, fmt.Errorf("read the secret key: %w", err)
	}
	if !minisign.IsEncrypted(text) {
		err = key.UnmarshalText(text)
	} else if password, readErr := c.readSecret(ctx, "the password of "+file); readErr != nil {
		err = readErr
	} else if key, err = minisign.DecryptKey(string(password), text); err != nil {
		err = errors.New("the password is wrong, or the file is damaged")
	}
	if err != nil {
		return key, fmt.Errorf("read the secret key %s: %w", file, err)
	}
	return key, nil
}

func readKeyFile(file string) ([]byte, error) {
	text, err := regular.Read(file, maxKeyFile)
	return bytes.TrimSpace(text), err
}

func (c *cli) verifyCommand() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Tell whether an agent would load a connector, and who signed it",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := publicKeys(keys)
			if err != nil {
				return &usageError{err}
			}
			// Without a key it cannot be said who signed: then everything else counts.
			m, problems, err := host.Inspect(cmd.Context(), args[0], host.Settings{TrustedKeys: trusted, AllowUnsigned: len(trusted) == 0})
			if err != nil {
				return err
			}
			shown := verified{m.Manifest.Name, m.Manifest.Version, m.SHA256, signedBy(args[0], m), []string{}}
			for _, p := range problems {
				shown.Problems = append(shown.Problems, p.Error())
			}
			if err := c.show(shown, shown.print); err != nil {
				return err
			}
			if len(problems) > 0 {
				return exitError(control.ExitFailed)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "a trusted public `key`: its text or its .pub file; may be given several times")
	return cmd
}

// verified is what verify says of a file.
type verified struct {
	Connector string   `json:"connector"`
	Version   string   `json:"version"`
	SHA256    string   `json:"sha256"`
	Signature string   `json:"signature"`
	Problems  []string `json:"problems"`
}

func (v verified) print(w io.Writer) {
	p := pageOf(w)
	if v.Connector != "" {
		p.put("Connector: ", v.Connector+" "+v.Version)
	}
	p.put("SHA-256: ", v.SHA256)
	p.put("Signature: ", v.Signature)
	for _, problem := range v.Problems {
		p.put("Refused: ", problem)
	}
	switch {
	case len(v.Problems) > 0:
	case strings.HasPrefix(v.Signature, "key "):
		p.put("", "An agent that trusts this key would load it.")
	default:
		p.put("", "No signature was checked: an agent would load it only with allow_unsigned = true. Give --key.")
	}
}

// signedBy tells whose signature lies beside a file, also when that key is not
// trusted.
func signedBy(file string, m host.Module) string {
	text, err := readKeyFile(file + abi.SignatureSuffix)
	var s minisign.Signature
	if err != nil || s.UnmarshalText(append(text, '\n')) != nil || strings.HasPrefix(m.Signature, "key ") {
		return m.Signature
	}
	return fmt.Sprintf("by key %X, not checked: name that key with --key", s.KeyID)
}

// publicKeys takes keys as text, or reads them from their files.
func publicKeys(given []string) ([]string, error) {
	var keys []string
	for _, text := range given {
		var key minisign.PublicKey
		if key.UnmarshalText([]byte(text)) != nil {
			content, err := readKeyFile(text)
			if err != nil {
				return nil, fmt.Errorf("--key %q is neither a minisign public key nor a file that can be read: %w", text, err)
			}
			if err := key.UnmarshalText(content); err != nil {
				return nil, fmt.Errorf("--key %s holds no minisign public key: %w", text, err)
			}
		}
		keys = append(keys, key.String())
	}
	return keys, nil
}
