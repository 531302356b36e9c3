package connector

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"aead.dev/minisign"

	"github.com/rollcall-agent/rollcall/host/regular"
)

// A key pair is two files with the same base name.
const (
	SecretKeySuffix = ".key"
	PublicKeySuffix = ".pub"
)

const maxKeyFile = 4 << 10 // bytes

// Password asks for a password; what says what it is for.
type Password func(what string) ([]byte, error)

// MakeKeys writes a minisign key pair to out.key and out.pub and returns the
// public key. The secret key is encrypted unless password is nil. MakeKeys
// never replaces a key, because nothing could be signed again with the old
// one.
func MakeKeys(out string, password Password) (minisign.PublicKey, error) {
	for _, file := range []string{out + SecretKeySuffix, out + PublicKeySuffix} {
		if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
			return minisign.PublicKey{}, fmt.Errorf("make keys: %s is there already, and keys are not replaced: choose another name", file)
		}
	}
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return public, fmt.Errorf("make keys: %w", err)
	}
	secret, err := private.MarshalText()
	if password != nil {
		var text []byte
		if text, err = password("the password of the key"); err == nil {
			secret, err = minisign.EncryptKey(string(text), private)
		}
	}
	if err != nil {
		return public, fmt.Errorf("make keys: %w", err)
	}
	if err := writeNew(out+SecretKeySuffix, secret, 0o600); err != nil {
		return public, fmt.Errorf("make keys: %w", err)
	}
	var text []byte
	if text, err = public.MarshalText(); err == nil {
		err = writeNew(out+PublicKeySuffix, text, 0o644)
	}
	if err != nil {
		return public, fmt.Errorf("make keys: %w", err)
	}
	return public, nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, text []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(append(bytes.TrimRight(text, "\n"), '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// secretKey reads a key file, and asks for its password if it has one.
func secretKey(file string, password Password) (key minisign.PrivateKey, err error) {
	text, err := readKeyFile(file)
	if err != nil {
		return key, fmt.Errorf("read the secret key: %w", err)
	}
	if !minisign.IsEncrypted(text) {
		err = key.UnmarshalText(text)
	} else if given, readErr := password("the password of " + file); readErr != nil {
		err = readErr
	} else if key, err = minisign.DecryptKey(string(given), text); err != nil {
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

// PublicKeys returns trusted keys that are given as text or as the names of
// their files.
func PublicKeys(given []string) ([]string, error) {
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
