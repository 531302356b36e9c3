// Package plan decides what a run would change in the directory. It is pure: it
// reads through View and Mapper, remembers nothing between runs, writes nothing,
// and knows the time only from its Settings. The same input gives the same plan,
// to the byte.
//
// It does not apply a plan, does not fetch records and does not decide which
// groups or accounts are privileged. Runs use it, and so does whoever links an
// account by hand.
//
// # The jobs
//
// A Builder takes the records one by one, in the order of their keys, and hands
// each from one job to the next. The jobs share nothing but the draft, which is
// the plan in the making.
//
//	                 records                    the end of the delivery
//	                    |                                |
//	linked -------------+----- not linked                |
//	   |                            |                    |
//	   |                          match                  |
//	   |        account found ----- | ---- none          |
//	   |              |                     |            |
//	  diff           diff                 create      leavers
//	   |              |                     |            |
//	   +--------------+------- draft -------+------------+
//	                             |
//	                           judge
//	                             |
//	                           Plan
//
// Match finds the account of a record that has no link: by the anchor, then by
// the match rules. Whatever stands against linking that account sets the record
// aside; an account is never created beside one that matches.
//
// Diff compares an account with what its record wants, and plans what makes the
// one like the other: attributes, name, place, state and groups. It plans the
// creations too. Names that are in use are asked for here, and given away; a
// record that wants a name which its holder may give up is put off until
// everybody has come (see handover).
//
// Leavers come last, once everybody is known: the links whose key is missing, or
// reported as deleted, and after a loss of the state the accounts that nobody
// accounts for.
//
// The judge sees the whole draft. It leaves out what the directory refused
// before, turns into notes what a person accepted, weighs whether the delivery
// can be believed, and gives each operation its verdict by the limits and the
// approval.
//
// Files are named after the job that they belong to; those that start with
// draft are what the jobs share. A job may also ask the directory (directory.go)
// what is there and what may be changed.
//
// # Setting aside
//
// What is wrong with one record never ends the plan of the others. The record
// goes into quarantine as a whole (draft.setAside), or a part of it does while
// the rest goes on (draft.attend). Only an error of the View ends a plan.
package plan

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Settings are the decisions of the configuration for one automation.
// Empty values of Adopt, Approval and Missing.Action stand for review,
// over_limit and keep.
type Settings struct {
	Automation  string
	Application string
	DataSource  string
	Config      string // digest of the configuration, copied into the plan
	Action      Action
	Adopt       Adopt
	AdoptMove   bool // an adopted account is moved to where ou puts it
	Missing     Missing
	Match       []string // attributes by which existing accounts are recognised, in this order
	Anchor      string   // the attribute that carries "application:key"; "" turns anchors off
	// Limits by class; a class without an entry has the limit of DefaultLimits.
	Limits map[ident.Class]Limit
	// SourceShrink is how much smaller than before a delivery may be before
	// what missing keys would cause is held; see DefaultSourceShrink. The zero
	// Limit lets it be no smaller at all.
	SourceShrink Limit
	Approval     Approval
	Scope        ident.Scope  // nothing outside is ever changed
	Allow        []ident.DN   // protected accounts and groups that may be changed all the same
	Schema       ident.Schema // what the directory takes; the Mapper knows it too
	Now          time.Time    // for Plan.Made, and for what has expired
}

// History is what earlier runs of the automation left behind.
type History struct {
	// Used counts the operations of the last 24 hours by class, without those
	// that a person approved.
	Used          map[ident.Class]int
	PeakLinks     int // the highest number of links in seven days
	CurrentLinks  int
	LastDelivered int // records of the last complete delivery; 0 when there was none
	// Decided tells whether an operation with that digest was held or rejected
	// by an earlier run; nil when nothing was.
	Decided func(key ident.Key, class ident.Class, digest string) (run int64, result ident.Result, ok bool)
	// AnchorsTrusted is set when the state was lost and no run was completed
	// since: an anchor then restores its link without a review.
	AnchorsTrusted bool
	// StraysOpen is set while accounts are enabled that no link accounts for
	// since the state was lost: they are listed until somebody has settled each.
	StraysOpen bool
	// NotRun names the other automations of the application that have not been
	// run since the state was lost: accounts without a link may be theirs.
	NotRun []string
	// Refused tells what the directory refused of a part of a user (see
	// ident.Refusal); nil when it refused nothing.
	Refused func(key ident.Key, part string) (ident.Refusal, bool)
	// Accepted tells who said that something is meant to be so; nil when nobody did.
	Accepted func(ident.QuarantineItem) (by string, ok bool)
}

// Delivery is how a fetch ended.
type Delivery struct {
	Complete    bool   // it ended properly; when not, nobody is missing and nobody deleted
	ChangesOnly bool   // its endpoint delivers changes, not everybody
	Reason      string // why it is not complete, for people
	// Doubt says why nobody is missing although it ended properly: a record
	// may be somebody else's. Whom it reports as deleted is deleted all the same.
	Doubt string
	// Skipped counts delivered records that were not given to the builder,
	// because nothing about them can have changed.
	Skipped int
	// Present tells whether a key was delivered, skipped ones included; the
	// report that it was deleted is no delivery. Nil means that the builder was
	// given every record.
	Present func(ident.Key) (bool, error)
}

// LinkUpdate is something that a link must remember although no operation
// says so. The engine stores it at the end of the run, whatever became of the
// operations, before it stores their own effects (see operation.Remember).
type LinkUpdate struct {
	Key          ident.Key
	ClearMissing bool     // somebody enabled the account that rollcall had disabled
	Seen         bool     // the key was delivered for the first time, and is in scope
	Placed       ident.DN // where it belongs from now on, also after it had left; "" leaves the link's own
	OU           ident.DN // with Placed: what ou names, of an account that stays elsewhere
}
