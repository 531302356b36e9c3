package config

import (
	"runtime"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/mapping"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// setDefaults sets the defaults of every section, including those that no file
// mentions.
func (c *Config) setDefaults() {
	c.Agent.setDefaults()
	c.Modules.setDefaults()
	c.Store.setDefaults()
	c.Directory.setDefaults()
	c.Receiver.setDefaults()
}

func (a *Agent) setDefaults() {
	*a = Agent{
		StateDir:   "/var/lib/rollcall",
		ModulesDir: "/usr/lib/rollcall/modules",
		Listen:     "127.0.0.1:9480",
		Log:        Log{Level: LogInfo, Format: LogText},
	}
	if runtime.GOOS == "windows" {
		a.StateDir = `C:\ProgramData\rollcall\state`
		a.ModulesDir = `C:\Program Files\rollcall\modules`
	}
}

func (m *Modules) setDefaults() {
	*m = Modules{
		MemoryMiB: 64, CallTimeout: 30 * time.Second, FetchTimeout: 6 * time.Hour,
		CompileTimeout: time.Minute, CompileMemoryMiB: 512,
	}
}

func (s *Store) setDefaults() { *s = Store{KeepRuns: Keep(400 * 24 * time.Hour), StagingMiB: 2048} }

func (d *Directory) setDefaults() {
	*d = Directory{Auth: DirectorySimple, Connections: 4, Anchor: "employeeNumber", Timeout: 10 * time.Second}
}

func (a *Application) setDefaults() { *a = Application{Enabled: true} }

func (r *Repeat) setDefaults() { *r = Repeat{Style: RepeatNone} }

func (a *Attribute) setDefaults() {
	*a = Attribute{Apply: ident.ApplyAlways, OnMissing: mapping.OnMissingKeep, Merge: MergeReplace, Authoritative: AuthorityApplication}
}

func (a *Attribute) setText(t Text) { a.Value = &t }

func (a *Automation) setDefaults() {
	*a = Automation{
		Missing:  Missing{Action: plan.MissingKeep},
		Approval: plan.ApprovalOverLimit,
		Owns:     OwnsAccount,
	}
	a.Adopt.setDefaults()
	a.Password.setDefaults()
	a.Limits.setDefaults()
}

func (o *Orchestration) setDefaults() {
	*o = Orchestration{OnError: OnError{Do: orchestration.OnErrorStop}, Within: orchestration.DefaultWithin}
	o.Limits.setDefaults()
}

func (s *Step) setDefaults() { s.Retry.setDefaults() }

func (r *Retry) setDefaults() {
	*r = Retry{Attempts: orchestration.DefaultAttempts, Backoff: orchestration.DefaultBackoff, Max: orchestration.DefaultMax}
}

func (v *Verify) setDefaults() { *v = Verify{Method: MethodGet} }

func (a *Adopt) setDefaults() { *a = Adopt{Mode: plan.AdoptReview} }

func (a *Adopt) setText(t Text) { a.Mode = plan.Adopt(t.Text) }

func (p *Password) setDefaults() { *p = Password{Length: 24, MustChange: true} }

func (a *Application) setName(name string, pos Pos) { a.Name, a.Pos = name, pos }
func (e *Endpoint) setName(name string, pos Pos)    { e.Name, e.Pos = name, pos }
func (d *DataSource) setName(name string, pos Pos)  { d.Name, d.Pos = name, pos }
func (a *Attribute) setName(name string, pos Pos)   { a.Name, a.Pos = name, pos }
func (a *Automation) setName(name string, pos Pos)  { a.Name, a.Pos = name, pos }
func (w *Webhook) setName(name string, pos Pos)     { w.Name, w.Pos = name, pos }

func (o *Orchestration) setName(name string, pos Pos) { o.Name, o.Pos = name, pos }
