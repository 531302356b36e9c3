package ident

import "time"

// Class is the class of an operation: what limits count and what an approval
// can be narrowed to.
type Class string

// The classes of operations, in the order in which a run applies them.
const (
	ClassLink    Class = "link" // restores a link by the anchor; writes nothing to the directory
	ClassAdopt   Class = "adopt"
	ClassCreate  Class = "create"
	ClassEnable  Class = "enable"
	ClassUpdate  Class = "update"
	ClassRename  Class = "rename"
	ClassMove    Class = "move"
	ClassGroups  Class = "groups"
	ClassDisable Class = "disable"
	ClassDelete  Class = "delete"
)

// Classes lists every class in the order of application.
var Classes = []Class{
	ClassLink, ClassAdopt, ClassCreate, ClassEnable, ClassUpdate,
	ClassRename, ClassMove, ClassGroups, ClassDisable, ClassDelete,
}

// Verdict says whether an operation may be applied by this run.
type Verdict string

// The verdicts of the limits.
const (
	VerdictApply   Verdict = "apply"
	VerdictHold    Verdict = "hold"    // waits for an approval
	VerdictRefuse  Verdict = "refuse"  // over a limit with approval = "never"
	VerdictDecided Verdict = "earlier" // an earlier run holds the same operation
	// VerdictRejected: a person has said no to the same operation.
	VerdictRejected Verdict = "rejected"
)

// Plan is what a run would do.
type Plan struct {
	Automation  string       `json:"automation"`
	Application string       `json:"application"`
	DataSource  string       `json:"data_source"`
	Made        time.Time    `json:"made"`
	Config      string       `json:"config"` // digest of the configuration that made it
	Records     RecordCounts `json:"records"`
	// NobodyMissing says why no link was considered missing; "" when they were.
	NobodyMissing string `json:"nobody_missing,omitempty"`
	// Doubt says why the delivery cannot be believed, so that leavers may go
	// unseen or what would follow from it is held; "" when it can.
	Doubt string `json:"doubt,omitempty"`
	// Refused counts what is left out because the directory refused the same
	// before and its time to be tried again has not come.
	Refused     int              `json:"refused,omitempty"`
	Changes     []Change         `json:"changes"`
	Limits      []LimitState     `json:"limits"`
	Quarantined []QuarantineItem `json:"quarantined,omitempty"`
	Notes       []Note           `json:"notes,omitempty"`
}

// RecordCounts counts the records of a fetch.
type RecordCounts struct {
	Delivered   int `json:"delivered"`
	InScope     int `json:"in_scope"`
	OutOfScope  int `json:"out_of_scope"`
	Quarantined int `json:"quarantined"`
	Unchanged   int `json:"unchanged"` // in scope, linked and nothing to do
	Missing     int `json:"missing"`
	Deleted     int `json:"deleted,omitempty"` // keys that the application reports as deleted, links or not
}

// Change is all that a run would do about one user.
type Change struct {
	Key        Key         `json:"key"`
	GUID       GUID        `json:"guid,omitempty"` // empty for a create
	DN         DN          `json:"dn"`             // where it is now, or will be created
	Name       string      `json:"name"`           // for people: display name or CN
	Operations []Operation `json:"operations"`
}

// Operation is one step of a change. Which of its fields are set depends on
// its class:
//
//	create   To (the DN), Attributes
//	adopt    Attributes (the anchor), To is the object's DN, OU
//	link     To is the object's DN, OU; FormerKey and Attributes (the anchor)
//	         when a link gets another key
//	update   Attributes
//	rename   To (the new DN in the same container); Attributes tells cn
//	move     To (the new DN in another container); Attributes tells cn when the
//	         name changes at once
//	enable   To, when it is moved back too, and Attributes as with move
//	disable  To, when it is moved away too, and Attributes as with move
//	groups   Groups (DNs to be added to)
type Operation struct {
	Class      Class             `json:"class"`
	Reason     string            `json:"reason"`
	Verdict    Verdict           `json:"verdict"`
	From       DN                `json:"from,omitempty"`
	To         DN                `json:"to,omitempty"`
	Attributes []AttributeChange `json:"attributes,omitempty"`
	Groups     []DN              `json:"groups,omitempty"`
	// FormerKey is the key that a link had until now.
	FormerKey Key `json:"former_key,omitempty"`
	// OU is the container that ou names, of an account that stays where it is.
	OU DN `json:"ou,omitempty"`
	// After names operations that must have been applied before this one is:
	// until then somebody else holds the value or the name that it gives.
	After []Step `json:"after,omitempty"`
	// Aside marks the first of two operations of its class: the account lets
	// go of what others take, and gets its own by the second.
	Aside  bool   `json:"aside,omitempty"`
	Digest string `json:"digest"` // of what it would do: the same operation in a later run has the same digest
	// Earlier is the run that holds the same operation, or in which it was
	// rejected: it goes with VerdictDecided and VerdictRejected.
	Earlier int64 `json:"earlier_run,omitempty"`
}

// Step is the operation of a class on the user with a key; the first one, where
// there are two.
type Step struct {
	Class Class `json:"class"`
	Key   Key   `json:"key"`
}

// AttributeChange is the old and the new values of one attribute.
type AttributeChange struct {
	Name   string   `json:"name"`
	Old    []string `json:"old"`
	New    []string `json:"new"` // empty: cleared
	Add    bool     `json:"add,omitempty"`
	Drift  bool     `json:"drift,omitempty"`  // somebody changed it by hand; it is put back
	Binary bool     `json:"binary,omitempty"` // the values are bytes; in JSON they are base64
}

// LimitState is the account of one class: what was used, planned and allowed.
type LimitState struct {
	Class   Class  `json:"class"`
	Limit   string `json:"limit"`   // as configured: "100", "5%", "none"
	Allowed int    `json:"allowed"` // in 24 hours; -1 is unlimited
	Used    int    `json:"used"`    // in the last 24 hours, approved ones not counted
	Planned int    `json:"planned"`
	Over    int    `json:"over"` // held or refused
	Reason  string `json:"reason,omitempty"`
}

// QuarantineItem is something that needs a person, with its cause and the next
// step for the reader.
type QuarantineItem struct {
	Key  Key    `json:"key"`
	Name string `json:"name,omitempty"`
	// Part says what was set aside: "" is the whole record, of which nothing
	// is applied. Otherwise it is one part, PartAccount or the LDAP name of an
	// attribute, and everything else about the user goes on.
	Part  string `json:"part,omitempty"`
	Cause string `json:"cause"`
	// Shared is Cause without what is this user's own: items of one Part with
	// the same have one cause, and are shown as one. "" is the same as Cause.
	Shared string `json:"shared,omitempty"`
	Next   string `json:"next"`
}

// The parts of a user that can be set aside beside single attributes.
const (
	PartAccount = "account" // its state, place or link
	PartGroups  = "groups"  // a group that accounts belong into
)

// Note is something about one user that should be known and needs nobody.
type Note struct {
	Key  Key    `json:"key"`
	Name string `json:"name,omitempty"`
	Text string `json:"text"`
}

// Result is what became of an operation.
type Result string

// What becomes of an operation.
const (
	ResultApplied  Result = "applied"
	ResultHeld     Result = "held"
	ResultRefused  Result = "refused"
	ResultSkipped  Result = "skipped" // its old values no longer hold, or it is done already
	ResultFailed   Result = "failed"
	ResultRejected Result = "rejected" // by a person
	ResultDropped  Result = "dropped"  // held, and planned otherwise or not at all by a later run
)

// Outcome is what became of one operation of a run.
type Outcome struct {
	Run       int64     `json:"run"`
	Key       Key       `json:"key"`
	GUID      GUID      `json:"guid,omitempty"`
	DN        DN        `json:"dn"`
	Name      string    `json:"name"`
	Operation Operation `json:"operation"`
	Result    Result    `json:"result"`
	Code      int       `json:"code,omitempty"` // LDAP result code of a failure
	Cause     string    `json:"cause,omitempty"`
	Next      string    `json:"next,omitempty"`
	Approved  string    `json:"approved,omitempty"` // who approved it
	// SettledBy is the run that carried out or dropped what the run held.
	SettledBy int64     `json:"settled_by,omitempty"`
	At        time.Time `json:"at"`
}

// DoneAlready reports an operation of a saved plan that was skipped because the
// directory was as it would have made it: nothing follows, and nobody is needed.
func (o Outcome) DoneAlready() bool { return o.Result == ResultSkipped && o.Next == "" }
