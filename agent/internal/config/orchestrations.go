package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// Orchestration is one table [orchestrations.NAME]: steps in sequence about one
// object.
type Orchestration struct {
	Name string `toml:"-"`
	Pos  Pos    `toml:"-"`

	Description string        `toml:"description"`
	OnError     OnError       `toml:"on_error"`    // of steps that have none of their own
	CancelWhen  *Text         `toml:"cancel_when"` // an expression
	Within      time.Duration `toml:"within"`      // bound on the whole
	Limits      StepLimits    `toml:"limits"`      // of its directory steps
	Steps       []Step        `toml:"steps"`
}

// Step is one table [[orchestrations.NAME.steps]]. Exactly one of the keys from
// webhook to wait_until is set.
type Step struct {
	Name      string         `toml:"name"` // "": the second step is called step2
	If        *Text          `toml:"if"`   // an expression
	Webhook   string         `toml:"webhook"`
	Directory *DirectoryStep `toml:"directory"`
	Mail      *MailStep      `toml:"mail"`
	Command   []Text         `toml:"command"` // templates: the program and its arguments
	Delay     time.Duration  `toml:"delay"`
	WaitUntil *Text          `toml:"wait_until"` // an expression
	Deadline  time.Duration  `toml:"deadline"`   // of wait_until
	OnError   *OnError       `toml:"on_error"`   // nil: as the orchestration says
	Retry     Retry          `toml:"retry"`
}

// DirectoryStep is the key directory of a step.
type DirectoryStep struct {
	Action     orchestration.Action `toml:"action"`
	Attributes map[string]Text      `toml:"attributes"` // of update: templates
	OU         *Text                `toml:"ou"`         // of move: a template
	Groups     []Text               `toml:"groups"`     // of add_groups and remove_groups: templates
}

// MailStep is the key mail of a step. Its texts are templates.
type MailStep struct {
	To      Texts `toml:"to"`
	Cc      Texts `toml:"cc"`
	Subject *Text `toml:"subject"`
	Text    *Text `toml:"text"`
	HTML    *Text `toml:"html"`
}

// Texts is a list of templates that may also be written as one text.
type Texts []Text

// Retry is the key retry of a step.
type Retry struct {
	Attempts int           `toml:"attempts"`
	Backoff  time.Duration `toml:"backoff"`
	Max      time.Duration `toml:"max"`
}

// OnError is the key on_error: a word, or a table with goto.
type OnError orchestration.OnError

func (o *OnError) parse(v any) error {
	switch v := v.(type) {
	case string:
		if v == string(orchestration.OnErrorStop) || v == string(orchestration.OnErrorContinue) {
			*o = OnError{Do: orchestration.OnErrorDo(v)}
			return nil
		}
		return fmt.Errorf("is %q; it must be %s", v, onErrorForm)
	case map[string]any:
		step, ok := v["goto"].(string)
		if ok && len(v) == 1 && step != "" {
			*o = OnError{Do: orchestration.OnErrorGoto, Goto: step}
			return nil
		}
	}
	return errors.New("must be " + onErrorForm)
}

const onErrorForm = `"stop", "continue" or { goto = "STEP" }`

// getsPassword reports whether an automation delivers initial passwords by an
// orchestration.
func (c *Config) getsPassword(orchestration string) bool {
	for _, a := range c.Automations {
		if a.Password.Deliver == orchestration {
			return true
		}
	}
	return false
}

// usedOrchestrations returns the orchestrations that an automation names.
func (c *Config) usedOrchestrations() map[string]bool {
	used := map[string]bool{}
	for _, a := range c.Automations {
		used[a.Password.Deliver] = true
		for _, name := range a.After.byKey() {
			used[name] = true
		}
	}
	for _, a := range c.Triggered {
		used[a.Orchestration] = true
	}
	return used
}

// DisabledOf returns an application that an orchestration sends to and that is not
// enabled; "" when there is none.
func (c *Config) DisabledOf(orchestration string) string {
	for _, step := range c.Orchestrations[orchestration].Steps {
		if step.Webhook == "" {
			continue
		}
		if a, ok := c.Applications[c.ApplicationOf(step.Webhook)]; ok && !a.Enabled {
			return a.Name
		}
	}
	return ""
}

// UsedWebhooks returns the webhooks that steps name, sorted.
func (c *Config) UsedWebhooks() []string { return sortedKeys(c.usedWebhooks()) }

// usedWebhooks returns the webhooks that a step names.
func (c *Config) usedWebhooks() map[string]bool {
	used := map[string]bool{}
	for _, o := range c.Orchestrations {
		for _, ref := range o.webhookRefs() {
			used[ref] = true
		}
	}
	return used
}

// webhookRefs returns the webhooks that the steps name.
func (o Orchestration) webhookRefs() []string {
	var refs []string
	for _, s := range o.Steps {
		if s.Webhook != "" {
			refs = append(refs, s.Webhook)
		}
	}
	return refs
}
