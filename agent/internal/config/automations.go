package config

import "github.com/rollcall-agent/rollcall/agent/internal/ident"

// Automation is one [automations.NAME]: what is done in the directory with a
// data source, and when.
type Automation struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	DataSource string   `toml:"data_source"`
	Action     Action   `toml:"action"`
	Schedule   string   `toml:"schedule"` // cron's five fields; "": only by hand
	OU         *Text    `toml:"ou"`       // a template
	Groups     []Text   `toml:"groups"`   // templates
	Password   Password `toml:"password"`
	Match      []string `toml:"match"`
	Adopt      Adopt    `toml:"adopt"`
	Missing    Missing  `toml:"missing"`
	Limits     Limits   `toml:"limits"`
	Approval   Approval `toml:"approval"`
	Owns       Owns     `toml:"owns"`
}

// Action is what an automation does.
type Action string

// The actions.
const (
	ActionCreate    Action = "create"
	ActionUpdate    Action = "update"
	ActionLifecycle Action = "lifecycle"
)

// Password is automations.NAME.password: the initial password of a create.
type Password struct {
	Length     int  `toml:"length"`
	MustChange bool `toml:"must_change"`
}

// Adopt says how accounts that rollcall did not create are linked.
type Adopt string

// The ways to adopt.
const (
	AdoptReview Adopt = "review" // each is held for approval
	AdoptAuto   Adopt = "auto"
	AdoptNever  Adopt = "never"
)

// Missing is automations.NAME.missing.
type Missing struct {
	Action MissingAction `toml:"action"`
	MoveTo ident.DN      `toml:"move_to"` // "": the account stays where it is
}

// MissingAction is what becomes of an account whose user is missing.
type MissingAction string

// What becomes of an account whose user is missing.
const (
	MissingKeep    MissingAction = "keep"
	MissingDisable MissingAction = "disable"
)

// Approval says what waits for a person.
type Approval string

// What waits for a person.
const (
	ApprovalNever     Approval = "never" // what exceeds a limit is refused
	ApprovalOverLimit Approval = "over_limit"
	ApprovalAlways    Approval = "always"
)

// Owns says what an automation decides about an account.
type Owns string

// What an automation decides about an account.
const OwnsAccount Owns = "account"
