package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/localfile"
)

// A command works with the configuration file as it is now. A running agent
// reads that file itself: it shows what a restart would give, with its own
// rights, environment and secrets. It never changes anything according to a
// configuration that it does not run with.

// OnDisk names the configuration that a command uses.
type OnDisk struct {
	Config string // an absolute path
	// RunningConfig lets a command that changes something use the
	// configuration that the agent runs with, whatever is on disk.
	RunningConfig bool
}

// NewOnDisk names a file for the process that serves a command. Paths are
// relative to the caller's folder, so it makes them absolute.
func NewOnDisk(path string, runningConfig bool) OnDisk {
	return OnDisk{Config: absolute(path), RunningConfig: runningConfig}
}

// disk is a configuration as it is on disk now.
type disk struct {
	config *config.Config
	agent  *Divergence // nil when the agent runs with the same
}

// Divergence reads the configuration that a command names and returns how it
// differs from the agent's; nil if it does not.
func (a *Agent) Divergence(in OnDisk) (*Divergence, error) {
	found, err := a.read(in)
	if err != nil {
		return nil, err
	}
	return found.agent, nil
}

// read reads the configuration that a command names.
func (a *Agent) read(in OnDisk) (*disk, error) {
	cfg, err := config.Load(in.Config)
	if err != nil {
		return nil, exit.Mistake(a.asSeen(in.Config, err))
	}
	found := &disk{config: cfg}
	if differs := cfg.Differences(a.Config()); len(differs) > 0 {
		found.agent = a.divergence(in.Config)
		found.agent.Differs = differs
	}
	return found, nil
}

// asSeen explains why the agent cannot read a file that the caller may be able
// to read.
func (a *Agent) asSeen(path string, err error) error {
	f, failed := os.Open(path)
	if failed == nil {
		_ = f.Close()
		return err
	}
	if !a.serving.Load() {
		return err
	}
	return fmt.Errorf("%w\nThe running agent reads the file itself, as the user %s: let that user read it, in a folder that is not hidden "+
		"from services, as /home and /tmp mostly are; or stop the agent and try again", err, localfile.User())
}

// Checked returns a snapshot of the configuration that a command names, for
// checking it from scratch: it has credentials of its own, even if the agent
// runs with the same configuration. It is valid while the command runs.
func (a *Agent) Checked(ctx context.Context, in OnDisk) (*Snapshot, *Divergence, error) {
	found, err := a.read(in)
	if err != nil {
		return nil, nil, err
	}
	s, err := a.under(ctx, found.config, &credentials{})
	return s, found.agent, err
}

// under returns a snapshot of another configuration. The parts that it shares
// belong to a.
func (a *Agent) under(ctx context.Context, cfg *config.Config, shared *credentials) (*Snapshot, error) {
	h, err := a.connectors(ctx)
	if err != nil {
		return nil, err
	}
	own := a.Config()
	if err := sameGround(own, cfg); err != nil {
		return nil, exit.Mistake(err)
	}
	directory := func(d config.Difference) bool { return d.Table == "directory" }
	s := &Snapshot{
		parts: &a.parts, config: alongside(own, cfg), credentials: shared,
		trial: slices.ContainsFunc(cfg.Differences(own), directory), own: a.now.Load(),
	}
	return s.with(ctx, h), nil
}

// alongside adapts another configuration to calls made next to those of the
// agent: the state folder, rate limits and budgets stay the agent's own.
func alongside(own, other *config.Config) *config.Config {
	changed := *other
	changed.Agent.StateDir = own.Agent.StateDir
	changed.Applications = maps.Clone(other.Applications)
	for name, now := range own.Applications {
		if conf, ok := changed.Applications[name]; ok {
			conf.RateLimit, conf.DailyBudget = now.RateLimit, now.DailyBudget
			changed.Applications[name] = conf
		}
	}
	return &changed
}

// sameGround refuses a configuration that a running agent cannot try out,
// because the agent has the connectors of one folder and a copy of one
// directory.
func sameGround(own, other *config.Config) error {
	if here, there := absolute(own.Agent.ModulesDir), absolute(other.Agent.ModulesDir); here != there {
		return fmt.Errorf("modules_dir is %s, and the running agent has its connectors from %s: "+
			"restart it, or stop it and try again", there, here)
	}
	here, there := own.Modules, other.Modules
	if here.AllowUnsigned != there.AllowUnsigned || !slices.Equal(here.TrustedKeys, there.TrustedKeys) ||
		!slices.Equal(here.AllowDowngrade, there.AllowDowngrade) {
		return errors.New("[modules] lets other connectors in than the running agent does: restart it, or stop it and try again")
	}
	if here, there := own.Directory.BaseDN, other.Directory.BaseDN; !here.Under(there) && !there.Under(here) {
		return fmt.Errorf("base_dn is %s, and the running agent keeps a copy of %s in this state folder: "+
			"give the other directory a state_dir of its own", there, here)
	}
	return nil
}

// Tried returns the engine under the configuration that a command names, for
// dry runs. It is the agent's own engine if the agent runs with the same
// configuration. Unchanged applications keep their sessions and tokens.
func (a *Agent) Tried(ctx context.Context, in OnDisk) (*engine.Engine, *Divergence, error) {
	_, e, differs, err := a.Try(ctx, in)
	return e, differs, err
}

// Try is Tried, with the snapshot of that configuration.
func (a *Agent) Try(ctx context.Context, in OnDisk) (*Snapshot, *engine.Engine, *Divergence, error) {
	e, err := a.Engine(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	found, err := a.read(in)
	if err != nil || found.agent == nil {
		return a.now.Load(), e, nil, err
	}
	s, err := a.beside(ctx, found)
	if err != nil {
		return nil, nil, nil, err
	}
	return s, e.Under(s.engineSettings()), found.agent, nil
}

// beside returns a snapshot of a configuration that differs from the agent's.
// Unchanged applications keep their sessions and tokens.
func (a *Agent) beside(ctx context.Context, found *disk) (*Snapshot, error) {
	changed := map[string]bool{}
	for _, d := range found.agent.Differs {
		if name, ok := strings.CutPrefix(d.Table, "applications."); ok {
			changed[strings.Trim(name, `"'`)] = true
		}
	}
	kept := a.now.Load().credentials.without(func(application string) bool { return changed[application] })
	return a.under(ctx, found.config, kept)
}

// OnDisk returns a snapshot of the configuration that a command names, for calls
// that change nothing in the directory. It is the agent's own if the agent runs
// with the same configuration. It is valid while the command runs.
func (a *Agent) OnDisk(ctx context.Context, in OnDisk) (*Snapshot, *Divergence, error) {
	found, err := a.read(in)
	if err != nil {
		return nil, nil, err
	}
	if found.agent == nil {
		s, err := a.Snapshot(ctx)
		return s, nil, err
	}
	s, err := a.beside(ctx, found)
	return s, found.agent, err
}

// AgreedTo returns the snapshot and the engine for a command that begins an
// orchestration. It refuses if the configuration on disk gives the orchestration
// another meaning than the one that the agent runs with.
func (a *Agent) AgreedTo(ctx context.Context, in OnDisk, orchestration string) (*Snapshot, *engine.Engine, error) {
	e, err := a.Engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := a.read(in)
	if err != nil {
		return nil, nil, exit.Mistake(fmt.Errorf("%w\nNothing was done", err))
	}
	if differs := found.config.DifferencesOf(a.Config(), orchestration); len(differs) > 0 {
		found.agent.Differs = differs
		return nil, nil, exit.Mistake(fmt.Errorf("nothing was done: %s. Next: %s", found.agent.Says(), found.agent.Next))
	}
	return a.now.Load(), e, nil
}

// Agreed returns the engine for a command that changes something. It refuses
// if the configuration on disk differs, for this automation, from the one that
// the agent runs with, unless the command asks for the agent's. shown is the
// digest of the configuration of a plan that is to be applied; "" if there is
// none.
func (a *Agent) Agreed(ctx context.Context, in OnDisk, automation, shown string) (*engine.Engine, *Divergence, error) {
	e, err := a.Engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	if in.RunningConfig && !a.serving.Load() {
		return nil, nil, exit.Mistake(errors.New("--running-config: no agent is running, so the configuration is that of the file"))
	}
	found, err := a.read(in)
	if err != nil {
		if in.RunningConfig {
			return e, a.faulty(in, err), nil
		}
		return nil, nil, exit.Mistake(fmt.Errorf("%w\nNothing was done. %s", err, insist))
	}
	differs := found.config.DifferencesFor(a.Config(), automation)
	if len(differs) == 0 {
		return e, nil, nil
	}
	found.agent.Differs = differs
	if shown != "" && shown != e.Config(automation) {
		return e, found.agent, a.notShown(ctx, found, automation, shown)
	}
	if in.RunningConfig {
		return e, found.agent, nil
	}
	return nil, nil, exit.Mistake(fmt.Errorf("nothing was done: %s. Next: %s. %s", found.agent.Says(), found.agent.Next, insist))
}

// Differing says, after something was done, how the configuration on disk
// would have done it differently. The work is done whatever has become of the
// file, so an error about the file never replaces the report.
func (a *Agent) Differing(in OnDisk, automation string) *Divergence {
	if !a.serving.Load() {
		return nil // the file was read when the command began
	}
	found, err := a.read(in)
	if err != nil {
		return a.faulty(in, err)
	}
	differs := found.config.DifferencesFor(a.Config(), automation)
	if len(differs) == 0 {
		return nil
	}
	found.agent.Differs = differs
	return found.agent
}

func (a *Agent) faulty(in OnDisk, why error) *Divergence {
	d := a.divergence(in.Config)
	d.Fault = why.Error()
	return d
}

// insist tells how to ask for the agent's configuration.
const insist = "With --running-config the same command goes by what the agent runs with."

// notShown refuses a plan that was made with the configuration on disk while
// the agent runs with another. The engine refuses a plan that was made with
// neither.
func (a *Agent) notShown(ctx context.Context, found *disk, automation, shown string) error {
	s, err := a.under(ctx, found.config, &credentials{})
	if err != nil {
		return err
	}
	if s.automations[automation].Settings.Config != shown {
		return nil // the plan was made with neither; the engine says so
	}
	return exit.Mistake(fmt.Errorf("nothing was done: the plan was made with %s as it is now, and %s. Next: %s, then apply the plan",
		found.agent.Config, found.agent.Says(), found.agent.Next))
}
