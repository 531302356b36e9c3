// Package orchestration decides what happens after a change of one object: which
// step comes next, when it is tried again, and when the whole ends. A Definition
// is what an administrator wrote; Compile checks it as a whole; an Instance is
// one run of it for one object, and State is all that it remembers.
//
// The package is pure. It sends nothing, reads no directory and keeps nothing:
// package dispatch carries steps out, and package store remembers instances.
package orchestration

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Definition is a complete orchestration with the webhooks that its steps name.
// It is kept as JSON with the instances that began with it, so that a change of
// the configuration leaves them on the steps that they began with.
type Definition struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Steps       []Step   `json:"steps"`
	OnError     OnError  `json:"on_error"`              // of steps that have none of their own
	CancelWhen  string   `json:"cancel_when,omitempty"` // an expression; "" never cancels
	Within      Duration `json:"within,omitempty"`      // bound on the whole; 0 means DefaultWithin
	Password    bool     `json:"password,omitempty"`    // password.deliver names it, so that password is in scope

	Lookups map[string]map[string]string `json:"lookups,omitempty"` // the tables of lookup(); see NeedsLookups
}

// NeedsLookups reports whether a text of the definition may use lookup(). Then the
// definition must have the tables of that time.
func (d Definition) NeedsLookups() bool {
	text, err := json.Marshal(d)
	return err != nil || bytes.Contains(text, []byte("lookup"))
}

// Step is one step. Exactly one of the pointers, Command, Delay and WaitUntil is
// set.
type Step struct {
	Name    string   `json:"name"`               // "" means step1, step2, ...
	If      string   `json:"if,omitempty"`       // an expression; a false one skips the step
	OnError *OnError `json:"on_error,omitempty"` // nil: as the orchestration says
	Retry   Retry    `json:"retry"`

	Webhook   *Webhook   `json:"webhook,omitempty"`
	Directory *Directory `json:"directory,omitempty"`
	Mail      *Mail      `json:"mail,omitempty"`
	Command   []string   `json:"command,omitempty"` // templates: the program and its arguments
	Delay     Duration   `json:"delay,omitempty"`
	WaitUntil string     `json:"wait_until,omitempty"` // an expression
	Deadline  Duration   `json:"deadline,omitempty"`   // of wait_until
}

// Kind is what a step does.
type Kind string

// The kinds of steps.
const (
	KindWebhook   Kind = "webhook"
	KindDirectory Kind = "directory"
	KindMail      Kind = "mail"
	KindCommand   Kind = "command"
	KindDelay     Kind = "delay"
	KindWaitUntil Kind = "wait_until"
)

// Kinds returns the kinds of which the step has a member. A step must have one.
func (s Step) Kinds() []Kind {
	var out []Kind
	for _, k := range []struct {
		kind Kind
		set  bool
	}{
		{KindWebhook, s.Webhook != nil},
		{KindDirectory, s.Directory != nil},
		{KindMail, s.Mail != nil},
		{KindCommand, len(s.Command) > 0},
		{KindDelay, s.Delay != 0},
		{KindWaitUntil, s.WaitUntil != ""},
	} {
		if k.set {
			out = append(out, k.kind)
		}
	}
	return out
}

// Webhook is a step that calls an application.
type Webhook struct {
	Ref         string      `json:"ref"` // as the configuration names it: "new_agent", "pipedrive/deactivate_user"
	Application string      `json:"application"`
	LinkKind    string      `json:"link_kind,omitempty"` // kind of the link that link means and link_key makes
	Call        abi.Webhook `json:"call"`                // complete, with its templates
	Macros      []abi.Macro `json:"macros,omitempty"`    // those of the application's connector, when the templates use any
}

// Action is what a directory step does.
type Action string

// The actions of directory steps.
const (
	ActionUpdate       Action = "update"
	ActionMove         Action = "move"
	ActionEnable       Action = "enable"
	ActionDisable      Action = "disable"
	ActionAddGroups    Action = "add_groups"
	ActionRemoveGroups Action = "remove_groups"
	ActionDelete       Action = "delete"
)

// Values lists the actions.
func (Action) Values() []string {
	return []string{"update", "move", "enable", "disable", "add_groups", "remove_groups", "delete"}
}

// Directory is a step that writes to the object in the directory.
type Directory struct {
	Action     Action            `json:"action"`
	Attributes map[string]string `json:"attributes,omitempty"` // of update: templates by LDAP attribute name
	OU         string            `json:"ou,omitempty"`         // of move: a template
	Groups     []string          `json:"groups,omitempty"`     // of add_groups and remove_groups: templates
}

// Mail is a step that sends a mail. Its members are templates; those of HTML
// are escaped for HTML.
type Mail struct {
	To      []string `json:"to"`
	Cc      []string `json:"cc,omitempty"`
	Subject string   `json:"subject"`
	Text    string   `json:"text,omitempty"`
	HTML    string   `json:"html,omitempty"`
}

// Retry says how often and when a step that failed is tried again: after
// Backoff, then after twice as long each time up to Max, each with jitter.
type Retry struct {
	Attempts int      `json:"attempts"`
	Backoff  Duration `json:"backoff"`
	Max      Duration `json:"max"`
}

// OnErrorDo says what follows a step that is out of attempts.
type OnErrorDo string

// What follows a failed step.
const (
	OnErrorStop     OnErrorDo = "stop"     // the instance waits for a person
	OnErrorContinue OnErrorDo = "continue" // with the next step
	OnErrorGoto     OnErrorDo = "goto"     // with the step Goto
)

// OnError is the key on_error.
type OnError struct {
	Do   OnErrorDo `json:"do"`
	Goto string    `json:"goto,omitempty"`
}

// Duration is a time.Duration that JSON spells as "24h0m0s".
type Duration time.Duration

// MarshalText writes a duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// Bounds and defaults.
const (
	MaxSteps        = 100                 // of one orchestration
	MaxTurns        = 15                  // how often one step may run in an instance
	DefaultWithin   = 90 * 24 * time.Hour // how long an instance may take
	DefaultAttempts = 8
	DefaultBackoff  = 30 * time.Second
	DefaultMax      = 6 * time.Hour
)
