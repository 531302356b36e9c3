// Package apply is the one way to write to the directory: what a run plans,
// what a person approves or links by hand, all of it goes through a Job.
//
// A Job makes each operation durable in three steps. The intent says what is
// about to be written, and on which domain controller; the write is made; the
// outcome goes into the history together with what the link remembers. An agent
// that is killed in between leaves an intent, and the next Job finds out what
// became of it (Recover) before anything about the same user is tried again.
//
// Apply decides nothing: which operations there should be, within which limits,
// is planned before, and scope and protection are checked by the Writer, right
// before it writes. Nor does it take leases; its caller holds one.
package apply

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/progress"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// Journal keeps intents and outcomes. Its methods may return a
// *store.FencedError or a *store.DamagedError, which end a Job; any other
// error concerns one user.
type Journal interface {
	Intents(context.Context) ([]store.Intent, error)
	// OpenIntent refuses, with an error of its own, an operation that is
	// already in progress, and one whose link differs from what the intent
	// expects.
	OpenIntent(context.Context, store.Lease, store.Intent) (id int64, err error)
	CloseIntent(ctx context.Context, lease store.Lease, id int64, wrote ident.Operation) error
	// Commit and CommitAll record outcomes with their links and close the
	// intents, all or nothing.
	Commit(context.Context, store.Lease, store.Commit) error
	CommitAll(context.Context, store.Lease, []store.Commit) error
}

// Store is what a Job reads and writes.
type Store interface {
	Journal
	LinkByKey(ctx context.Context, space ident.Space, key ident.Key) (ident.Link, bool, error)
	RunByID(context.Context, int64) (store.Run, bool, error)
	// Refusal and Refuse read and remember what the directory refused.
	Refusal(ctx context.Context, automation string, key ident.Key, part string) (ident.Refusal, bool, error)
	Refuse(ctx context.Context, automation string, list []ident.Refusal) error
}

var _ Store = (*store.Store)(nil)

// Directory reads from the domain controller that a Job writes to, to find out
// whether a write took effect.
type Directory interface {
	Server() conn.Server
	Get(context.Context, conn.Target, []string) (ident.Entry, error)
}

// Writer carries out operations on that domain controller.
type Writer interface {
	// Apply carries out one operation; its errors are *write.Error. It returns
	// the GUID of the account, even if it created one without some attributes.
	Apply(ctx context.Context, guid ident.GUID, op ident.Operation, initial write.Initial) (ident.GUID, error)
	// RenewInitial gives an account that nobody has logged on with another
	// initial password.
	RenewInitial(ctx context.Context, guid ident.GUID, initial write.Initial) error
	// FindAnchor lists the accounts that carry exactly this anchor.
	FindAnchor(ctx context.Context, value string) ([]ident.Entry, error)
}

var _ Writer = (*write.Writer)(nil)

// Listener is told about the operations of a Job as they happen, from several
// goroutines.
type Listener interface {
	// Recorded is called with an outcome that is now in the history.
	Recorded(ident.Outcome)
	// Tell is called with something that needs a person's attention and is not
	// a single outcome. failed is true if an internal error of rollcall ended
	// an operation.
	Tell(item ident.QuarantineItem, failed bool)
}

// Settings are shared by all Jobs of an agent.
type Settings struct {
	Store   Store
	Objects *Objects
	Writers int      // how many writes may be in progress at once; at least one
	Anchor  string   // the attribute that carries ident.Anchor
	Servers []string // URLs of the domain controllers that the agent may connect to again; none means any
	// Configured reports whether an automation of that name exists. If it
	// does, it finds out itself what became of its writes.
	Configured func(automation string) bool
	// Follows returns the orchestrations that begin with an operation that was
	// carried out. They are recorded together with it. password is the initial
	// password of a new account, for the one that delivers it; "" for none.
	// nil: none do.
	Follows func(automation, by string, o ident.Outcome, password string) []store.NewInstance
	// Sealer encrypts what intents keep of passwords. Needed with
	// Password.Deliver.
	Sealer Sealer
	Log    *slog.Logger
	Now    func() time.Time
}

// Order names the run that a Job writes for, and where it writes.
type Order struct {
	Run int64
	// Automation and Application are those of the run. Both are "" for a
	// directory step: its operations are about objects and not about records.
	// They need no link and change none, and nothing follows them.
	Automation, Application, By string
	Kind                        string // of the records; "" is ident.UserKind
	// Step is the instance whose directory step the Job carries out; nil for a
	// run.
	Step *store.Orchestrated
	// Begun says what began that instance.
	Begun    Begun
	Lease    store.Lease
	Password Password
	// Seen reports that the record being linked has just been delivered and is
	// in scope.
	Seen      bool
	Directory Directory
	Writer    Writer
	Listener  Listener
}

// Begun says what began an orchestration: an automation, or "" for a person, and
// how many events led to it.
type Begun struct {
	Automation string
	Hops       int
}

// Sealer encrypts texts that the store keeps, each for one use.
type Sealer interface {
	Seal(use, text string) []byte
	Open(use string, sealed []byte) (string, error)
}

// Password says what initial passwords look like.
type Password struct {
	Length     int
	MustChange bool // at the next logon
	Deliver    bool // Follows gets it; otherwise nobody knows it
}

// Task is one operation to apply.
type Task struct {
	Change   *ident.Change // shared by all operations of one user: a create tells the others the GUID
	Op       ident.Operation
	HeldID   int64            // the held operation that this one carries out; 0 for none
	Approved string           // who approved it; "" for nobody
	Origin   ident.LinkOrigin // of a link that it makes; "" is as its class says
	initial  write.Initial    // of an account that it makes
}

// Job makes the writes of one run.
type Job struct {
	Settings
	Order
	turns turns
	of    atomic.Int64 // operations to carry out
	done  atomic.Int64 // operations whose result is known

	mu      sync.Mutex
	blocked map[ident.Key]bool // users to leave alone
}

// Space returns the space of the records that the Job writes for.
func (o Order) Space() ident.Space { return ident.SpaceOf(o.Application, o.Kind) }

// Begin starts a Job. Call Recover before anything else.
func Begin(s Settings, o Order) *Job { return &Job{Settings: s, Order: o} }

// Advance returns how many operations have a known result, and how many there
// are in all.
func (j *Job) Advance() (done, of int64) { return j.done.Load(), j.of.Load() }

// step counts one more finished operation and reports the progress.
func (j *Job) step(ctx context.Context) {
	done := j.done.Add(1)
	progress.Tell(ctx, progress.Step{Phase: "writing", Done: int(done), Of: int(j.of.Load())})
}

// Blocked reports whether a user must be left alone for the rest of the Job.
func (j *Job) Blocked(key ident.Key) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.blocked[key]
}

func (j *Job) block(key ident.Key) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.blocked == nil {
		j.blocked = map[ident.Key]bool{}
	}
	j.blocked[key] = true
}

// setAside leaves a user alone for the rest of the Job and reports why.
func (j *Job) setAside(item ident.QuarantineItem, failed bool) {
	j.block(item.Key)
	j.Listener.Tell(item, failed)
}
