package connector

import (
	"context"
	"fmt"
	"strings"

	"aead.dev/minisign"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Verified is the result of checking a connector's file.
type Verified struct {
	Connector string   `json:"connector"`
	Version   string   `json:"version"`
	SHA256    string   `json:"sha256"`
	Signature string   `json:"signature"`
	Problems  []string `json:"problems"` // why an agent would refuse it
}

// Signed reports whether a trusted key has signed the file.
func (v Verified) Signed() bool { return strings.HasPrefix(v.Signature, trustedSignature) }

// trustedSignature is the prefix of what a host says about a signature that it
// has verified.
const trustedSignature = "key "

// Verify reports whether an agent that trusts these keys would load a file,
// and who signed it. Without keys it cannot say who signed, and checks
// everything else.
func Verify(ctx context.Context, file string, trusted []string) (Verified, error) {
	m, problems, err := host.Inspect(ctx, file, host.Settings{TrustedKeys: trusted, AllowUnsigned: len(trusted) == 0})
	if err != nil {
		return Verified{}, err
	}
	v := Verified{m.Manifest.Name, m.Manifest.Version, m.SHA256, signedBy(file, m), []string{}}
	for _, p := range problems {
		v.Problems = append(v.Problems, p.Error())
	}
	return v, nil
}

// signedBy says whose signature lies beside a file, even if that key is not
// trusted.
func signedBy(file string, m host.Module) string {
	text, err := readKeyFile(file + abi.SignatureSuffix)
	var s minisign.Signature
	if err != nil || s.UnmarshalText(append(text, '\n')) != nil || strings.HasPrefix(m.Signature, trustedSignature) {
		return m.Signature
	}
	return fmt.Sprintf("by key %X, not checked: name that key with --key", s.KeyID)
}
