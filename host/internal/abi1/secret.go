package abi1

import (
	"context"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Secrets gives access to the manifest's secrets that the administrator has
// set. Errors are *web.Error, of kind input for a name that the manifest does
// not have, and of kind auth for a secret that cannot be read.
type Secrets interface {
	// Secret returns the placeholder that stands for a secret in requests.
	Secret(ctx context.Context, name string) (placeholder string, err error)
	HMAC(ctx context.Context, name string, algorithm abi.Algorithm, data []byte) ([]byte, error)
}

// secret returns a placeholder: docs/connector-abi.md, secret.
func secret(f *frame) int64 {
	name, buf := f.bytes(), f.bytes()
	if f.bad {
		return f.outside()
	}
	c := f.call
	if c.Secrets == nil {
		return c.no(abi.CodeInput, "the manifest has no secrets")
	}
	defer c.Clock.Pause()()
	placeholder, err := c.Secrets.Secret(c.Context, string(name[:min(len(name), abi.MaxKeySize)]))
	if err != nil {
		return c.no(code(err), "%v", err)
	}
	return give(buf, []byte(placeholder))
}
