package abi1

import "github.com/rollcall-agent/rollcall/sdk/abi"

// secretHMAC signs data: docs/connector-abi.md, secret_hmac.
func secretHMAC(f *frame) int64 {
	name, algorithm, data, buf := f.bytes(), abi.Algorithm(f.i32()), f.bytes(), f.bytes()
	if f.bad {
		return f.outside()
	}
	c := f.call
	switch {
	case algorithm < abi.HMACSHA256 || algorithm > abi.HMACSHA1:
		return c.no(abi.CodeArgument, "algorithm %d is not known", algorithm)
	case len(data) > abi.MaxHMACSize:
		return c.no(abi.CodeTooLarge, "%d bytes to sign, more than %d", len(data), abi.MaxHMACSize)
	case c.Secrets == nil:
		return c.no(abi.CodeInput, "the manifest has no secrets")
	}
	defer c.Clock.Pause()()
	digest, err := c.Secrets.HMAC(c.Context, string(name[:min(len(name), abi.MaxKeySize)]), algorithm, data)
	if err != nil {
		return c.no(code(err), "%v", err)
	}
	return give(buf, digest)
}
