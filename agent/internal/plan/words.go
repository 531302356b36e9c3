package plan

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// Action says what an automation does with the records of its data source.
type Action string

// These actions plan accounts. The action update writes only attributes: it
// neither renames nor moves, enables or disables.
const (
	ActionCreate    Action = "create"
	ActionUpdate    Action = "update"
	ActionLifecycle Action = "lifecycle"
)

// Values lists the actions by their names in the configuration.
func (Action) Values() []string {
	return []string{string(ActionCreate), string(ActionUpdate), string(ActionLifecycle)}
}

// MakesAccounts reports whether the action creates accounts for records that
// have none.
func (a Action) MakesAccounts() bool { return a == ActionCreate || a == ActionLifecycle }

// Adopt says how accounts that rollcall did not create are linked.
type Adopt string

// The ways to adopt.
const (
	AdoptReview Adopt = "review" // each is held for approval
	AdoptAuto   Adopt = "auto"
	AdoptNever  Adopt = "never" // the record is quarantined
)

// Values lists the ways to adopt by their names in the configuration.
func (Adopt) Values() []string {
	return []string{string(AdoptReview), string(AdoptAuto), string(AdoptNever)}
}

// Approval says which operations wait for approval.
type Approval string

// Which operations wait for approval.
const (
	ApprovalNever     Approval = "never" // none: what exceeds a limit is refused
	ApprovalOverLimit Approval = "over_limit"
	ApprovalAlways    Approval = "always" // every operation is held, except for a restored link
)

// Values lists the settings of approval by their names in the configuration.
func (Approval) Values() []string {
	return []string{string(ApprovalNever), string(ApprovalOverLimit), string(ApprovalAlways)}
}

// MissingAction says what happens to the account of a missing key.
type MissingAction string

// What happens to the account of a missing key.
const (
	MissingKeep    MissingAction = "keep"
	MissingDisable MissingAction = "disable"
)

// Values lists the actions for missing keys by their names in the
// configuration.
func (MissingAction) Values() []string {
	return []string{string(MissingKeep), string(MissingDisable)}
}

// Missing says what happens to accounts whose key is missing.
type Missing struct {
	Action MissingAction
	MoveTo ident.DN // the container for disabled accounts; "" leaves them where they are
	// StripGroups takes accounts that rollcall has disabled out of their groups.
	StripGroups bool
}
