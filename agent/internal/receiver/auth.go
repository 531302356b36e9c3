package receiver

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is not broken, and some applications offer nothing else
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/host/rescue"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// MinSecret is how many characters a password or secret must have: everybody who
// can reach the receiver may guess.
const MinSecret = 16

// CheckSecret refuses a secret that could be guessed.
func CheckSecret(secret string) error {
	if n := utf8.RuneCountInString(secret); n < MinSecret {
		return fmt.Errorf("the password or secret of the receiver has %d characters; it must have %d or more, as everybody who can reach "+
			"the receiver may guess: choose another one here and at the application", n, MinSecret)
	}
	return nil
}

// genuine checks the credentials in the header of a request. For a signature it
// checks only whether there is one: signed checks it once the body is there.
func genuine(a abi.ReceiverAuth, username, secret string, h http.Header) bool {
	switch a.Kind {
	case abi.ReceiverBasic:
		user, password, ok := (&http.Request{Header: h}).BasicAuth()
		sameUser, samePassword := same(user, username), same(password, secret) // both, so that the time tells nothing
		return ok && sameUser && samePassword && one(h, "Authorization")
	case abi.ReceiverHeader:
		return same(h.Get(a.Header), a.Prefix+secret) && one(h, a.Header)
	case abi.ReceiverHMAC:
		_, err := signature(a, h)
		return err == nil && (a.Timestamp == "" || one(h, a.Timestamp))
	}
	return false
}

// one reports whether a header stands there exactly once: of two, a proxy may
// have looked at the other.
func one(h http.Header, name string) bool { return len(h.Values(name)) == 1 }

// same compares in a time that does not depend on where the texts differ, nor on
// how long the expected one is.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// signature returns the bytes of the signature in the header.
func signature(a abi.ReceiverAuth, h http.Header) ([]byte, error) {
	text, ok := strings.CutPrefix(h.Get(a.Header), a.Prefix)
	if !ok || !one(h, a.Header) {
		return nil, fmt.Errorf("header %s does not begin with %q, or is not there once", a.Header, a.Prefix)
	}
	var sum []byte
	var err error
	if a.Encoding == "base64" {
		sum, err = base64.StdEncoding.DecodeString(text)
	} else {
		sum, err = hex.DecodeString(text)
	}
	if err == nil && len(sum) != hashOf(a)().Size() {
		err = fmt.Errorf("a signature of %d bytes", len(sum))
	}
	return sum, err
}

func hashOf(a abi.ReceiverAuth) func() hash.Hash {
	switch a.Algorithm {
	case "sha512":
		return sha512.New
	case "sha1":
		return sha1.New
	}
	return sha256.New
}

// signed reports whether the signature in the header is that of the body.
func signed(a abi.ReceiverAuth, secret string, h http.Header, body []byte) bool {
	got, err := signature(a, h)
	if err != nil {
		return false
	}
	mac := hmac.New(hashOf(a), []byte(secret))
	before, after, _ := strings.Cut(a.Signed, abi.SignedBody)
	stamp := strings.NewReplacer(abi.SignedTimestamp, h.Get(a.Timestamp))
	_, _ = mac.Write([]byte(stamp.Replace(before)))
	_, _ = mac.Write(body)
	_, _ = mac.Write([]byte(stamp.Replace(after)))
	return hmac.Equal(got, mac.Sum(nil))
}

// Check logs which applications cannot send, as their secret cannot be read or
// could be guessed.
func (r *Receiver) Check(ctx context.Context) {
	for _, app := range r.Applications.All() {
		if app.Unserved {
			continue // the log tells of the connector
		}
		if _, err := r.secrets.of(ctx, app); err != nil {
			r.Log.Error("an application cannot tell of changes", "application", app.Name, "cause", err)
		}
	}
}

// secrets remembers the secrets of applications for a moment, so that strangers
// cannot have files read for each of their requests. A new secret needs no
// restart. One that takes long to read holds up its own application only, and that
// once: while it is read again, the one before is used.
type secrets struct {
	now      func() time.Time
	patience time.Duration // how long a request waits
	log      *slog.Logger
	mu       sync.Mutex
	all      map[string]*knownSecret
}

// knownSecret is the secret of an application.
type knownSecret struct {
	mu    sync.Mutex
	last  readSecret
	under *reading // nil: nobody reads
}

// reading is under way.
type reading struct {
	began time.Time
	done  chan struct{}
}

// readSecret is what came of reading a secret.
type readSecret struct {
	secret string
	err    error
	at     time.Time
	again  bool // it is being read again, and may be another one by now
}

const (
	secretFor   = 5 * time.Second  // how long a secret is used without being read again
	secretAgain = time.Minute      // and while it is
	secretRead  = 20 * time.Second // how long reading may take
)

// of returns the secret of an application. It is an error when it cannot be read
// in time or could be guessed. Reading goes on when nobody waits any more, so that
// the application finds it read when it repeats what it sent.
func (s *secrets) of(ctx context.Context, a Application) (readSecret, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	known := s.known(a.Name)
	under := s.readAnew(ctx, a, known)
	if under == nil {
		return known.now()
	}
	select {
	case <-under.done:
		return known.now()
	case <-ctx.Done():
	}
	last, err := known.now()
	if err == nil && !last.at.IsZero() && s.now().Sub(under.began).Abs() < secretAgain {
		last.again = true
		return last, nil
	}
	return readSecret{}, fmt.Errorf("the password or secret of the receiver is still being read: %w", ctx.Err())
}

// readAnew begins to read a secret, unless somebody does already, and returns what is
// under way; nil when what is known is new enough.
func (s *secrets) readAnew(ctx context.Context, a Application, known *knownSecret) *reading {
	known.mu.Lock()
	defer known.mu.Unlock()
	now := s.now()
	switch {
	case known.under != nil:
	case !known.last.at.IsZero() && now.Sub(known.last.at).Abs() < secretFor:
		return nil
	default:
		known.under = &reading{began: now, done: make(chan struct{})}
		go s.read(context.WithoutCancel(ctx), a, known, known.under.done)
	}
	return known.under
}

// read reads a secret and remembers it.
func (s *secrets) read(ctx context.Context, a Application, known *knownSecret, done chan struct{}) {
	defer close(done)
	ctx, cancel := context.WithTimeout(ctx, secretRead)
	defer cancel()
	var r readSecret
	r.err = rescue.Do(s.log, func() (err error) {
		if r.secret, err = a.Secret(ctx); err != nil {
			return err
		}
		return CheckSecret(r.secret)
	}, "application", a.Name)
	if r.err != nil {
		r.secret = ""
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	r.at = s.now()
	known.last, known.under = r, nil
}

// now returns what was read last.
func (k *knownSecret) now() (readSecret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last, k.last.err
}

// known returns what is remembered of an application.
func (s *secrets) known(application string) *knownSecret {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]*knownSecret{}
	}
	if s.all[application] == nil {
		s.all[application] = &knownSecret{}
	}
	return s.all[application]
}
