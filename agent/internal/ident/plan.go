package ident

import "time"

// Class is the class of an operation. Limits count by class, and an approval can
// be narrowed to one.
type Class string

// ClassStart stands in a LimitState for the orchestrations that begin. No
// operation has it.
const ClassStart Class = "start"

// The classes of operations, in the order in which a run applies them.
const (
	ClassLink   Class = "link" // restores a link by the anchor; writes nothing to the directory
	ClassAdopt  Class = "adopt"
	ClassCreate Class = "create"
	ClassEnable Class = "enable"
	ClassUpdate Class = "update"
	ClassRename Class = "rename"
	ClassMove   Class = "move"
	// ClassReferences writes attributes whose values name other accounts, once
	// those have been created, renamed and moved. It counts as an update.
	ClassReferences Class = "references"
	ClassGroups     Class = "groups"
	ClassDisable    Class = "disable"
	ClassDelete     Class = "delete" // by directory steps of orchestrations only
)

// Classes lists every class in the order of application.
var Classes = []Class{
	ClassLink, ClassAdopt, ClassCreate, ClassEnable, ClassUpdate,
	ClassRename, ClassMove, ClassReferences, ClassGroups, ClassDisable, ClassDelete,
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
	Kind        string       `json:"kind,omitempty"` // of the records; "" is UserKind, as in plans of earlier versions
	DataSource  string       `json:"data_source"`
	Made        time.Time    `json:"made"`
	Config      string       `json:"config"` // digest of the configuration that made it
	Records     RecordCounts `json:"records"`
	// Scope counts the records out of scope for each condition of where, in its
	// order; a record counts for the first that is false.
	Scope []ScopeCount `json:"scope,omitempty"`
	// NobodyMissing says why no link counts as missing; "" when links may.
	NobodyMissing string `json:"nobody_missing,omitempty"`
	// Doubt says why the delivery cannot be trusted, so that some leavers may go
	// unnoticed, or operations that depend on the delivery are held; "" when it
	// can.
	Doubt string `json:"doubt,omitempty"`
	// Refused counts the operations and values that are left out because the
	// directory refused them before, and it is too early to try again.
	Refused     int              `json:"refused,omitempty"`
	Changes     []Change         `json:"changes"`
	Limits      []LimitState     `json:"limits"`
	Quarantined []QuarantineItem `json:"quarantined,omitempty"`
	Notes       []Note           `json:"notes,omitempty"`
	// Follows are the orchestrations that begin with what is to be applied.
	Follows []Follow `json:"follows,omitempty"`
}

// Follow counts how often an orchestration begins with operations of a class.
type Follow struct {
	Orchestration string `json:"orchestration"`
	Class         Class  `json:"class"`
	Count         int    `json:"count"`
}

// Space returns the space of the records' keys.
func (p Plan) Space() Space { return SpaceOf(p.Application, p.Kind) }

// RecordCounts counts the records of a fetch.
type RecordCounts struct {
	Delivered   int `json:"delivered"`
	InScope     int `json:"in_scope"`
	OutOfScope  int `json:"out_of_scope"`
	Quarantined int `json:"quarantined"`
	Unjoined    int `json:"unjoined,omitempty"` // left out by an inner join
	Unchanged   int `json:"unchanged"`          // in scope, linked and nothing to do
	Missing     int `json:"missing"`
	Deleted     int `json:"deleted,omitempty"` // keys that the application reports as deleted, linked or not
}

// ScopeCount is how many records are out of scope because of one condition.
type ScopeCount struct {
	Condition  string `json:"condition"`
	OutOfScope int    `json:"out_of_scope"`
}

// Change is everything that a run would do about one user.
type Change struct {
	Key        Key         `json:"key"`
	GUID       GUID        `json:"guid,omitempty"` // empty for a create
	DN         DN          `json:"dn"`             // where it is now, or will be created
	Name       string      `json:"name"`           // for people: display name or CN
	Operations []Operation `json:"operations"`
}

// Operation is one step of a change. Its class decides which fields are
// set:
//
//	create   To (the DN), Attributes
//	adopt    Attributes (the anchor), To is the object's DN, OU
//	link     To is the object's DN, OU; FormerKey and Attributes (the anchor)
//	         when a link gets another key
//	update   Attributes
//	references  Attributes
//	rename   To (the new DN in the same container); Attributes holds cn
//	move     To (the new DN in another container); Attributes holds cn when the
//	         name changes too
//	enable   To and Attributes as with move, when it is also moved back
//	disable  To and Attributes as with move, when it is also moved away
//	groups   Groups (DNs to be added to) or Left (DNs to be removed from)
//	delete   nothing
type Operation struct {
	Class      Class             `json:"class"`
	Reason     string            `json:"reason"`
	Verdict    Verdict           `json:"verdict"`
	From       DN                `json:"from,omitempty"`
	To         DN                `json:"to,omitempty"`
	Attributes []AttributeChange `json:"attributes,omitempty"`
	Groups     []DN              `json:"groups,omitempty"`
	Left       []DN              `json:"left,omitempty"`
	// GroupIDs name those of Left that the link is to remember, or those of Groups that
	// it need not remember any more, in the same order; "" for others.
	GroupIDs []GUID `json:"group_ids,omitempty"`
	// FormerKey is the key that a link had until now.
	FormerKey Key `json:"former_key,omitempty"`
	// OU is the container that ou names, when the account stays where it is.
	OU DN `json:"ou,omitempty"`
	// Off says why an account is made disabled, or is disabled, although its key is
	// delivered; "" of a disable means that the key is missing.
	Off Off `json:"off,omitempty"`
	// Leaves marks a move of an account away because its key is missing.
	Leaves bool `json:"leaves,omitempty"`
	// After names operations that must be applied before this one: until then
	// another account holds the value or the name that this operation gives.
	After []Step `json:"after,omitempty"`
	// Aside marks the first of two operations of one class: the account gives up
	// a value that another one takes, and gets its own new value by the second.
	Aside  bool   `json:"aside,omitempty"`
	Digest string `json:"digest"` // identifies what the operation does: the same operation in a later run has the same digest
	// Earlier is the run that holds the same operation, or in which it was
	// rejected. It is set with VerdictDecided and VerdictRejected.
	Earlier int64 `json:"earlier_run,omitempty"`
}

// Step names the operation of a class on the user with a key. Where there are
// two, it names the first.
type Step struct {
	Class Class `json:"class"`
	Key   Key   `json:"key"`
}

// AttributeChange is the old and the new values of one attribute.
type AttributeChange struct {
	Name  string   `json:"name"`
	Old   []string `json:"old"`
	New   []string `json:"new"` // empty: cleared
	Add   bool     `json:"add,omitempty"`
	Drift bool     `json:"drift,omitempty"` // somebody changed it by hand; it is put back
	// Conflict says that the application has another value than before, and that
	// somebody changed the old one by hand: both did since rollcall wrote it.
	Conflict bool `json:"conflict,omitempty"`
	Binary   bool `json:"binary,omitempty"` // the values are bytes; in JSON they are base64
	// Reference says that the values are DNs of other objects, which may be
	// renamed or moved before this is written. Then Named and Were say which
	// objects New and Old name, in the same order.
	Reference bool    `json:"reference,omitempty"`
	Named     []Named `json:"named,omitempty"`
	Were      []GUID  `json:"were,omitempty"` // "" for an object that the mirror does not have
}

// Named is the object that a value names.
type Named struct {
	Key  Key  `json:"key,omitempty"`  // of its record, in the space of the change
	GUID GUID `json:"guid,omitempty"` // "" for an account that is yet to be made
}

// LimitState holds the numbers of one class: used, planned and allowed
// operations.
type LimitState struct {
	Class   Class  `json:"class"`
	Limit   string `json:"limit"`   // as configured: "100", "5%", "none"
	Allowed int    `json:"allowed"` // in 24 hours; -1 is unlimited
	Used    int    `json:"used"`    // in the last 24 hours, without approved ones
	Planned int    `json:"planned"`
	Over    int    `json:"over"` // held or refused
	Reason  string `json:"reason,omitempty"`
}

// QuarantineItem is something that needs a person, with its cause and that
// person's next step.
type QuarantineItem struct {
	Key Key `json:"key"`
	// Event is the number of a change in the directory that was set aside, in place of
	// a record; 0: it is about a record.
	Event int64  `json:"event,omitempty"`
	Name  string `json:"name,omitempty"`
	// Part says what was set aside. "" is the whole record: nothing of it is
	// applied. Otherwise it is one part, PartAccount, PartGroups or the LDAP
	// name of an attribute, and the rest of the user is processed as usual.
	Part  string `json:"part,omitempty"`
	Cause string `json:"cause"`
	// Shared is Cause without the details of this user. Items with the same Part
	// and Shared have one cause and are shown as one. "" means the same as
	// Cause.
	Shared string `json:"shared,omitempty"`
	Next   string `json:"next"`
}

// The parts of a user that can be set aside, besides single attributes.
const (
	PartAccount = "account" // its state, place or link
	PartGroups  = "groups"  // a group in which accounts belong
)

// Note is something about one user that is worth knowing and needs no action.
type Note struct {
	Key  Key    `json:"key"`
	Name string `json:"name,omitempty"`
	Text string `json:"text"`
	// Conflict says that both sides changed a value, and that the directory's stays.
	Conflict bool `json:"conflict,omitempty"`
}

// Result is what became of an operation.
type Result string

// The results of an operation.
const (
	ResultApplied  Result = "applied"
	ResultHeld     Result = "held"
	ResultRefused  Result = "refused"
	ResultSkipped  Result = "skipped" // its old values no longer hold, or it has been done already
	ResultFailed   Result = "failed"
	ResultRejected Result = "rejected" // by a person
	ResultDropped  Result = "dropped"  // held, and then planned differently or not at all by a later run
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
	// SettledBy is the run that carried out or dropped this operation, which the
	// first run held.
	SettledBy int64     `json:"settled_by,omitempty"`
	At        time.Time `json:"at"`
}

// DoneAlready reports whether an operation of a saved plan was skipped because
// the directory already had the result. Nothing follows from it, and nobody
// needs to act.
func (o Outcome) DoneAlready() bool { return o.Result == ResultSkipped && o.Next == "" }
