package abi1_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/internal/abi1"
	"github.com/rollcall-agent/rollcall/host/internal/web"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

type secrets struct{ err error }

var _ abi1.Secrets = secrets{}

func (s secrets) Secret(_ context.Context, name string) (string, error) {
	return "[" + name + "]", s.err
}

func (s secrets) HMAC(_ context.Context, name string, _ abi.Algorithm, data []byte) ([]byte, error) {
	mac := hmac.New(sha512.New, []byte(name))
	mac.Write(data)
	return mac.Sum(nil), s.err
}

// TestSecrets: answers are written where the guest says when they fit, and
// not at all otherwise; failures keep their codes.
func TestSecrets(t *testing.T) {
	at := func(name string) int {
		return slices.IndexFunc(abi.Functions(), func(f abi.Function) bool { return f.Name == name })
	}
	auth := &web.Error{Code: abi.CodeAuth, Err: errors.New("not set")}
	for name, c := range map[string]struct {
		secrets      abi1.Secrets
		secret, hmac int64
		capacity     int64
		written      bool
	}{
		"fits":    {secrets{}, 10, 64, 64, true},
		"small":   {secrets{}, 10, 64, 9, false},
		"no room": {secrets{}, 10, 64, 0, false},
		"not set": {secrets{auth}, int64(abi.CodeAuth), int64(abi.CodeAuth), 64, false},
		"none":    {nil, int64(abi.CodeInput), int64(abi.CodeInput), 64, false},
	} {
		m := everything()
		m.data = strings.Repeat(" ", 16) + "somebody"
		body := slices.Concat(
			m.expect(at("secret"), c.secret, 1, 16, 8, 100, c.capacity),
			m.expect(at("secret_hmac"), c.hmac, 2, 16, 8, int64(abi.HMACSHA512), 0, 16, 200, c.capacity),
			[]byte{opGet, 0},
		)
		m.funcs = []function{{export: abi.ExportFetch, i32: true, body: body}}
		guest := load(t, m)
		var records []abi1.Record
		ctx, call := newCall(t, &records)
		call.Secrets = c.secrets
		if n := status(ctx, t, guest); n != 0 {
			t.Errorf("%s: call %d answered something else", name, n)
		}
		placeholder, _ := guest.Memory().Read(100, 10)
		digest, _ := guest.Memory().Read(200, 64)
		want, _ := secrets{}.HMAC(ctx, "somebody", abi.HMACSHA512, []byte(strings.Repeat(" ", 16)))
		if got := string(placeholder) == "[somebody]" && slices.Equal(digest, want); got != c.written {
			t.Errorf("%s: written %v: %q %x", name, got, placeholder, digest)
		}
		if !c.written && string(placeholder)+string(digest) != strings.Repeat("\x00", 74) {
			t.Errorf("%s: a part was written: %q %x", name, placeholder, digest)
		}
	}
}
