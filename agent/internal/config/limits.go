package config

import (
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// Limits is the key automations.NAME.limits: it says how many operations of each
// class an automation may do in 24 hours, and how many orchestrations it may start.
type Limits struct {
	Create       plan.Limit `toml:"create"`
	Adopt        plan.Limit `toml:"adopt"`
	Update       plan.Limit `toml:"update"`
	Rename       plan.Limit `toml:"rename"`
	Move         plan.Limit `toml:"move"`
	Enable       plan.Limit `toml:"enable"`
	Disable      plan.Limit `toml:"disable"`
	Delete       plan.Limit `toml:"delete"`
	Groups       plan.Limit `toml:"groups"`
	SourceShrink plan.Limit `toml:"source_shrink"` // by how much a source may shrink before changes are held
	Start        plan.Limit `toml:"start"`         // how many orchestrations may begin
}

// ByClass returns the limit of each class of operation.
func (l Limits) ByClass() map[ident.Class]plan.Limit {
	return map[ident.Class]plan.Limit{
		ident.ClassCreate: l.Create, ident.ClassAdopt: l.Adopt, ident.ClassUpdate: l.Update,
		ident.ClassRename: l.Rename, ident.ClassMove: l.Move, ident.ClassEnable: l.Enable,
		ident.ClassDisable: l.Disable, ident.ClassDelete: l.Delete, ident.ClassGroups: l.Groups,
	}
}

func (l *Limits) setDefaults() {
	of := plan.DefaultLimits()
	*l = Limits{
		Create: of[ident.ClassCreate], Adopt: of[ident.ClassAdopt], Update: of[ident.ClassUpdate],
		Rename: of[ident.ClassRename], Move: of[ident.ClassMove], Enable: of[ident.ClassEnable],
		Disable: of[ident.ClassDisable], Delete: of[ident.ClassDelete], Groups: of[ident.ClassGroups],
		SourceShrink: plan.DefaultSourceShrink(), Start: plan.DefaultStart(),
	}
}

// StepLimits is the key orchestrations.NAME.limits: it says how many operations of
// each class the directory steps of an orchestration may do in 24 hours. A
// percentage is of the users in the directory's scope.
type StepLimits struct {
	Update  plan.Limit `toml:"update"`
	Rename  plan.Limit `toml:"rename"`
	Move    plan.Limit `toml:"move"`
	Enable  plan.Limit `toml:"enable"`
	Disable plan.Limit `toml:"disable"`
	Delete  plan.Limit `toml:"delete"`
	Groups  plan.Limit `toml:"groups"`
}

// byClass returns the limit of each class of operation.
func (l StepLimits) byClass() map[ident.Class]plan.Limit {
	return map[ident.Class]plan.Limit{
		ident.ClassUpdate: l.Update, ident.ClassRename: l.Rename, ident.ClassMove: l.Move, ident.ClassEnable: l.Enable,
		ident.ClassDisable: l.Disable, ident.ClassDelete: l.Delete, ident.ClassGroups: l.Groups,
	}
}

func (l *StepLimits) setDefaults() {
	of := plan.DefaultLimits()
	*l = StepLimits{
		Update: of[ident.ClassUpdate], Rename: of[ident.ClassRename], Move: of[ident.ClassMove], Enable: of[ident.ClassEnable],
		Disable: of[ident.ClassDisable], Delete: of[ident.ClassDelete], Groups: of[ident.ClassGroups],
	}
}

// StepLimits returns what the directory steps of an orchestration may do, by class.
// One that the configuration does not have any more has the default limits.
func (c *Config) StepLimits(orchestration string) map[ident.Class]plan.Limit {
	limits := c.Orchestrations[orchestration].Limits
	if _, ok := c.Orchestrations[orchestration]; !ok {
		limits.setDefaults()
	}
	return limits.byClass()
}
