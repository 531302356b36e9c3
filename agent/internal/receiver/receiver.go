// Package receiver takes what applications send by themselves when something
// changes, over HTTP, and turns it into runs for the people concerned.
//
// The server authenticates a delivery, reads five values of its body by the
// pointers of the connector's manifest, and stores it before it answers. The
// worker then has the automations run that read such records, for the keys that
// came, and tries again what failed. Nothing of a delivery is used but the key:
// the record is fetched from the application by the run.
//
// The package fetches nothing and writes nothing to the directory; it does not
// know the configuration, the connectors or the engine. It is not for what the
// agent sends: see package dispatch.
package receiver

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Application is one application that may tell of changes.
type Application struct {
	Name     string
	Receiver abi.Receiver
	Username string                                // for HTTP Basic
	Secret   func(context.Context) (string, error) // the password, the secret or the key of the HMAC
	Unserved bool                                  // its connector does not serve: Receiver and Secret are not known now
}

// Applications knows the applications of the moment, those alone that may send.
// It is asked for each request and must answer at once.
type Applications interface {
	All() []Application
	// Reads lists the automations that read records of a kind, in the application's
	// words. known is false when that cannot be told now, as the connector does not
	// serve.
	Reads(application, records string) (automations []string, known bool)
}

// Store keeps receipts. See package store for what its methods promise.
type Store interface {
	KeepReceipts(ctx context.Context, bounds store.ReceiptBounds, list []store.NewReceipt) ([]store.Kept, error)
	OpenReceipts(ctx context.Context, application string, now time.Time) ([]store.Receipt, error)
	OpenReceiptCounts(ctx context.Context) ([]store.OpenCount, error)
	ReceiptsSeen(ctx context.Context, automation string, run int64, seen, done []int64) error
	GiveUpReceipts(ctx context.Context, automation, cause string, seen, done []int64) error
	EndReceipts(ctx context.Context, ids []int64, state store.ReceiptState, cause string) error
	ReceiptsTried(ctx context.Context, automation string, ids []int64, next time.Time, cause string) error
	PutOffReceipts(ctx context.Context, ids []int64, next time.Time, cause string) error
	TrimReceipts(ctx context.Context, before time.Time, most int) (int, error)
}

var _ Store = (*store.Store)(nil)

// Runner runs an automation for some of its records. The error wraps a
// *store.LeasedError when another run of the automation is under way, and then
// nothing was done. An error that is Hopeless is not tried again. One that is
// Partly is about some of the keys only.
type Runner interface {
	RunKeys(ctx context.Context, automation, by string, keys []ident.Key) (run int64, err error)
}

// Observer counts.
type Observer interface {
	// Received counts a request by what became of it; application is "" when it is
	// about none that may send.
	Received(application, result string)
	// Seen says how long it took from a receipt to the end of the run about it.
	Seen(application string, took time.Duration)
}

// What becomes of requests, for Observer.Received.
const (
	ResultStored       = "stored"
	ResultRepeated     = "repeated"     // that delivery is known already
	ResultIgnored      = "ignored"      // the manifest says so
	ResultUnknown      = "unknown"      // the manifest does not know what it is
	ResultUnauthorized = "unauthorized" // wrong or no credentials
	ResultOld          = "old"
	ResultFuture       = "future"
	ResultLarge        = "large"
	ResultBad          = "bad"         // not what the manifest describes
	ResultFull         = "full"        // too much is open already
	ResultUnavailable  = "unavailable" // it cannot be stored or authenticated now
	ResultNotFound     = "not_found"
)

// Bounds of what one application may have open. A flood ends there; what is
// repeated later finds room again.
const (
	mostOpen      = 10_000
	mostOpenBytes = 64 << 20
	mostEnded     = 200_000 // receipts that have ended, of all applications
)

// Settings say how a receiver works.
type Settings struct {
	URL     string // by which applications reach it: its path precedes those of the applications
	MaxBody int64
	MaxAge  time.Duration

	Applications Applications
	Store        Store
	Runner       Runner
	Observer     Observer
	Log          *slog.Logger
	Now          func() time.Time // nil: time.Now

	limits limits // zero: the defaults
}

// limits are what tests change.
type limits struct {
	answer   time.Duration // how long a delivery may wait until it is stored
	header   time.Duration // how long a request may take until its header is there
	read     time.Duration // and until its body is
	linger   time.Duration // how long the body of a refused request may still arrive, so that the answer does
	secret   time.Duration // how long a request waits for the password or secret of its application
	patience time.Duration // how long a connection may prove nothing while others wait
	conns    int
	memory   int64 // of bodies that are being read or stored
	share    int64 // of it, for one application
	bounds   store.ReceiptBounds
	busy     time.Duration // between two looks whether a run has ended
	backoff  time.Duration // after the first failure of a run
	poll     time.Duration // between two looks for receipts without being told
	attempts int
	unserved time.Duration // between two looks whether a connector serves
}

func (l *limits) setDefaults() {
	or(&l.answer, 700*time.Millisecond)
	or(&l.header, 5*time.Second)
	or(&l.read, 15*time.Second)
	or(&l.linger, 500*time.Millisecond)
	or(&l.secret, 250*time.Millisecond)
	or(&l.patience, 2*time.Second)
	or(&l.conns, 512)
	or(&l.memory, 64<<20)
	or(&l.share, l.memory/4)
	or(&l.bounds, store.ReceiptBounds{Open: mostOpen, Bytes: mostOpenBytes})
	or(&l.busy, 250*time.Millisecond)
	or(&l.backoff, 5*time.Second)
	or(&l.poll, 15*time.Second)
	or(&l.attempts, 10)
	or(&l.unserved, 15*time.Second)
}

func or[T comparable](value *T, otherwise T) {
	if *value == *new(T) {
		*value = otherwise
	}
}

// Receiver is the server and the worker behind it.
type Receiver struct {
	Settings
	prefix  string // of the paths, from URL; "" or "/hooks"
	secrets secrets
	keeper  *keeper
	memory  memory
	quiet   quiet
	wake    chan struct{}
}

// New returns a receiver. Nothing happens before Serve and Work.
func New(s Settings) *Receiver {
	if s.Now == nil {
		s.Now = time.Now
	}
	s.limits.setDefaults()
	r := &Receiver{Settings: s, wake: make(chan struct{}, 1), memory: newMemory(s.limits, s.MaxBody)}
	r.secrets.now, r.secrets.patience, r.secrets.log, r.quiet.now = s.Now, s.limits.secret, s.Log, s.Now
	r.keeper = newKeeper(s.Store, s.limits.bounds, s.Log)
	if u, err := url.Parse(s.URL); err == nil {
		r.prefix = strings.TrimRight(u.Path, "/")
	}
	return r
}

// Wake has the worker look for receipts now.
func (r *Receiver) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}
