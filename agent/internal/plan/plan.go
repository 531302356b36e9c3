// Package plan decides what a run would change in the directory. It is pure: it
// reads through View and Mapper, remembers nothing between runs, writes nothing,
// and knows the time only from its Settings. The same input gives the same plan,
// to the byte.
//
// It does not apply a plan, does not fetch records and does not decide which
// groups or accounts are privileged. It is used by runs and by linking an
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
// the match rules. Any obstacle to linking that account sets the record aside;
// an account is never created beside one that matches.
//
// Diff compares an account with what its record asks for, and plans the
// operations that close the gap: attributes, name, place, state and groups. It
// also plans creations, and it reserves names. If a record wants a name that
// its holder may give up, the record is put off until all records have come
// (see handover).
//
// Leavers come last, once all records are known: links whose key is missing or
// reported as deleted and, after a loss of the state, accounts that nothing
// explains.
//
// The judge sees the whole draft. It leaves out what the directory refused
// before, turns what a person accepted into notes, judges whether the delivery
// can be trusted, and gives each operation its verdict by the limits and the
// approval.
//
// Files are named after their job; those that start with draft are shared by
// the jobs. A job may also ask the directory (directory.go) what exists and
// what may be changed.
//
// # Setting aside
//
// A fault of one record never ends the plan of the others. The record goes
// into quarantine as a whole (draft.setAside), or only a part of it does while
// the rest goes on (draft.attend). Only an error of the View ends a plan.
package plan

import (
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// Settings are what the configuration says about one automation. Empty values
// of Adopt, Approval and Missing.Action stand for review, over_limit and keep.
type Settings struct {
	Automation  string
	Application string
	Kind        string // of the records and links; "" is ident.UserKind
	DataSource  string
	Config      string // digest of the configuration, copied into the plan
	Action      Action
	Adopt       Adopt
	AdoptMove   bool // an adopted account is moved to where ou puts it
	Missing     Missing
	Match       []string // attributes that identify existing accounts, tried in this order
	Anchor      string   // the attribute that carries ident.Anchor; "" turns anchors off
	// Limits holds the limit of each class; a class without an entry has the
	// one of DefaultLimits.
	Limits map[ident.Class]Limit
	// SourceShrink is how much smaller than before a delivery may be. If it is
	// even smaller, what missing keys would cause is held; see
	// DefaultSourceShrink. The zero Limit allows no shrinking at all.
	SourceShrink Limit
	Approval     Approval
	Scope        ident.Scope  // nothing outside is ever changed
	Allow        []ident.DN   // protected accounts and groups that may be changed nevertheless
	Schema       ident.Schema // what the directory accepts; the Mapper knows it too
	// Starts names the orchestrations that begin with an operation of a class
	// that was carried out.
	Starts map[ident.Class][]string
	Start  Limit     // how many of them may begin in 24 hours
	Now    time.Time // for Plan.Made, and to tell what has expired
}

// Space returns the space of the records' keys.
func (set Settings) Space() ident.Space { return ident.SpaceOf(set.Application, set.Kind) }

// History is what earlier runs of the automation left behind.
type History struct {
	// Used counts the operations of the last 24 hours by class, without those
	// that a person approved.
	Used          map[ident.Class]int
	PeakLinks     int // the highest number of links in seven days
	CurrentLinks  int
	LastDelivered int // records of the last complete delivery; 0 when there was none
	// Decided returns the run that held or rejected an operation with that
	// digest. It is nil if no operation was held or rejected.
	Decided func(key ident.Key, class ident.Class, digest string) (run int64, result ident.Result, ok bool)
	// AnchorsTrusted is set if the state was lost and no run has been
	// completed since. An anchor then restores its link without review.
	AnchorsTrusted bool
	// StraysOpen is set while there are enabled accounts that no link has
	// explained since the state was lost. They are listed until somebody has
	// settled each of them.
	StraysOpen bool
	// NotRun names the other automations of the same space that have not run
	// since the state was lost: accounts without a link may be theirs.
	NotRun []string
	// Refused returns what the directory refused for a part of a user (see
	// ident.Refusal). It is nil if nothing was refused.
	Refused func(key ident.Key, part string) (ident.Refusal, bool)
	// Accepted returns the person who accepted an item as it is. It is nil if
	// nothing was accepted.
	Accepted func(ident.QuarantineItem) (by string, ok bool)
}

// Delivery says how a fetch ended.
type Delivery struct {
	Complete    bool   // it ended properly; if not, nobody is missing and nobody deleted
	ChangesOnly bool   // its endpoint delivers only changes
	Chosen      bool   // only chosen users were asked for; with ChangesOnly
	Reason      string // why it is not complete, for people
	// Doubt says why nobody is missing although the fetch ended properly: a
	// record may be somebody else's. Reported deletions still count.
	Doubt string
	// Held says why nothing may follow from the delivery without approval: a further
	// endpoint of the data source cannot be believed.
	Held string
	// Skipped counts delivered records that were not passed to the builder,
	// because nothing about them can have changed.
	Skipped int
	// Present reports whether a key was delivered, including skipped records;
	// a reported deletion does not count as a delivery. Nil means that the
	// builder was given every record.
	Present func(ident.Key) (bool, error)
}

// LinkUpdate is something that a link must remember although no operation says
// so. The engine stores it at the end of the run, whatever became of the
// operations, and before it stores their own effects (see operation.Remember).
type LinkUpdate struct {
	Key ident.Key
	// GUID is the account of the link. Should the key be linked to another one by then,
	// the update is not for that; "" if it is about the key alone.
	GUID         ident.GUID   `json:",omitempty"`
	ClearMissing bool         // somebody has enabled the account that rollcall had disabled
	Seen         bool         // the key was delivered for the first time, in scope
	Placed       ident.DN     // where it belongs from now on, also after it had left; "" leaves the link's own
	OU           ident.DN     // with Placed: the place that ou gives for an account that stays elsewhere
	Rejoined     []ident.GUID `json:",omitempty"` // groups that the account need not be given back
	// Agreed are digests of attributes that both sides have changed to the same
	// value, by their lower-case names: as if rollcall had written that.
	Agreed map[string]string `json:",omitempty"`
}
