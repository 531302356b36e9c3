package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/engine"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/notify"
	"github.com/rollcall-agent/rollcall/host"
)

// A command works with the configuration as its file is now. A running agent
// reads that file itself: what it would get by a restart is what it shows, with
// its rights, its environment and its secrets. It never changes anything by a
// configuration that it does not run with.

// onDisk names the configuration that a command is about.
type onDisk struct {
	Config string // an absolute path
	// RunningConfig lets a command that changes something do so by the
	// configuration that the agent runs with, whatever is on disk.
	RunningConfig bool
}

// disk is a configuration as it is on disk now.
type disk struct {
	config *config.Config
	agent  *divergence // nil when the agent runs with the same
}

// divergence tells how the configuration on disk is another than that of the
// running agent.
type divergence struct {
	Config  string              `json:"config"`          // the file that the command is about
	File    string              `json:"file"`            // the file that the agent was started with
	Differs []config.Difference `json:"differs"`         // new, changed and removed in Config
	Fault   string              `json:"fault,omitempty"` // why Config cannot be used
	Next    string              `json:"next"`            // what makes Config count
}

// tables lists what differs, for people.
func (d *divergence) tables() string {
	texts := make([]string, len(d.Differs))
	for i, one := range d.Differs {
		texts[i] = one.String()
	}
	return strings.Join(texts, ", ")
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// read reads the configuration that a command names.
func (a *app) read(in onDisk) (*disk, error) {
	cfg, err := config.Load(in.Config)
	if err != nil {
		return nil, control.Usage(a.asSeen(in.Config, err))
	}
	found := &disk{config: cfg}
	if differs := cfg.Differences(a.config); len(differs) > 0 {
		found.agent = a.divergence(in.Config)
		found.agent.Differs = differs
	}
	return found, nil
}

// asSeen explains why the agent cannot read a file that the caller perhaps can.
func (a *app) asSeen(path string, err error) error {
	f, failed := os.Open(path)
	if failed == nil {
		_ = f.Close()
		return err
	}
	if !a.serving {
		return err
	}
	return fmt.Errorf("%w\nThe running agent reads the file itself, as the user %s: let that user read it, in a folder that is not hidden from services, as /home and /tmp mostly are; or stop the agent and try again", err, control.Self())
}

// divergence starts what is said about a file that the agent does not run with.
func (a *app) divergence(path string) *divergence {
	own := absolute(a.config.Files[0])
	restart := "stop the agent and start it again: " + ident.Command("run --config", own)
	if command := notify.Restart(); command != "" {
		restart = "restart the agent: " + command
	}
	if !sameFile(own, path) {
		restart = fmt.Sprintf("bring that into %s, which the agent reads, then %s", own, restart)
	}
	return &divergence{Config: path, File: own, Differs: []config.Difference{}, Next: restart}
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return a == b
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// under is the same agent under another configuration, for as long as a command
// takes.
func (a *app) under(ctx context.Context, cfg *config.Config) (*app, error) {
	h, err := a.host(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.sameGround(cfg); err != nil {
		return nil, control.Usage(err)
	}
	return a.with(cfg, h), nil
}

// with makes what under answers. It belongs to a, which closes what they share.
// Rate limits and budgets stay those of a, whose calls go on meanwhile.
func (a *app) with(cfg *config.Config, h *host.Host) *app {
	changed := *cfg
	changed.Agent.StateDir = a.config.Agent.StateDir
	changed.Applications = maps.Clone(cfg.Applications)
	for name, now := range a.config.Applications {
		if conf, ok := changed.Applications[name]; ok {
			conf.RateLimit, conf.DailyBudget = now.RateLimit, now.DailyBudget
			changed.Applications[name] = conf
		}
	}
	return &app{
		config: &changed, log: a.log, store: a.store, vault: a.vault, secrets: a.secrets, metrics: a.metrics, loadedHost: h,
		serving: a.serving, trial: slices.ContainsFunc(cfg.Differences(a.config), func(d config.Difference) bool { return d.Table == "directory" }),
	}
}

// sameGround refuses a configuration that a running agent cannot try out: it
// has the connectors of one folder, and a copy of one directory.
func (a *app) sameGround(cfg *config.Config) error {
	if here, there := absolute(a.config.Agent.ModulesDir), absolute(cfg.Agent.ModulesDir); here != there {
		return fmt.Errorf("modules_dir is %s, and the running agent has its connectors from %s: restart it, or stop it and try again", there, here)
	}
	here, there := a.config.Modules, cfg.Modules
	if here.AllowUnsigned != there.AllowUnsigned || !slices.Equal(here.TrustedKeys, there.TrustedKeys) || !slices.Equal(here.AllowDowngrade, there.AllowDowngrade) {
		return errors.New("[modules] lets other connectors in than the running agent does: restart it, or stop it and try again")
	}
	if here, there := a.config.Directory.BaseDN, cfg.Directory.BaseDN; !here.Under(there) && !there.Under(here) {
		return fmt.Errorf("base_dn is %s, and the running agent keeps a copy of %s in this state folder: give the other directory a state_dir of its own", there, here)
	}
	return nil
}

// asOnDisk is the agent under the configuration that a command names: itself,
// when it runs with the same. Applications that have not changed keep their
// sessions and tokens.
func (a *app) asOnDisk(ctx context.Context, in onDisk) (*app, *divergence, error) {
	found, err := a.read(in)
	if err != nil || found.agent == nil {
		return a, nil, err
	}
	t, err := a.under(ctx, found.config)
	if err != nil {
		return nil, nil, err
	}
	a.used.mu.Lock()
	defer a.used.mu.Unlock()
	t.used.all = maps.Clone(a.used.all)
	for _, d := range found.agent.Differs {
		if name, ok := strings.CutPrefix(d.Table, "applications."); ok {
			delete(t.used.all, strings.Trim(name, `"'`))
		}
	}
	return t, found.agent, nil
}

// tried is the engine under the configuration that a command names, for what
// only looks.
func (a *app) tried(ctx context.Context, in onDisk) (*engine.Engine, *divergence, error) {
	e, err := a.engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	t, differs, err := a.asOnDisk(ctx, in)
	if err != nil || t == a {
		return e, differs, err
	}
	return e.Under(t.engineSettings(ctx, t.loadedHost)), differs, nil
}

// agreed is the engine for a command that changes something. It refuses when
// the configuration on disk would do something else about the automation than
// the one that the agent runs with, unless the command says that the latter is
// meant. shown is the digest of the configuration of a plan that is to be
// applied; "" for none.
func (a *app) agreed(ctx context.Context, in onDisk, automation, shown string) (*engine.Engine, *divergence, error) {
	e, err := a.engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	if in.RunningConfig && !a.serving {
		return nil, nil, control.Usage(errors.New("--running-config: no agent is running, so the configuration is that of the file"))
	}
	found, err := a.read(in)
	if err != nil {
		if in.RunningConfig {
			d := a.divergence(in.Config)
			d.Fault = err.Error()
			return e, d, nil
		}
		return nil, nil, control.Usage(fmt.Errorf("%w\nNothing was done. %s", err, insist))
	}
	differs := found.config.DifferencesFor(a.config, automation)
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
	return nil, nil, control.Usage(fmt.Errorf("nothing was done: %s. Next: %s. %s", found.agent.says(), found.agent.Next, insist))
}

// differing tells, of what is done already, how the configuration on disk would
// have it otherwise. Whatever became of the file meanwhile, it is done: nothing
// that is said of the file takes the place of the report.
func (a *app) differing(in onDisk, automation string) *divergence {
	if !a.serving {
		return nil // the file was read when the command began
	}
	found, err := a.read(in)
	if err != nil {
		d := a.divergence(in.Config)
		d.Fault = err.Error()
		return d
	}
	differs := found.config.DifferencesFor(a.config, automation)
	if len(differs) == 0 {
		return nil
	}
	found.agent.Differs = differs
	return found.agent
}

// insist is how to say that the agent's configuration is meant.
const insist = "With --running-config the same command goes by what the agent runs with."

// notShown refuses a plan that was made with what is on disk: the agent runs
// with something else. A plan of neither is for the engine to refuse.
func (a *app) notShown(ctx context.Context, found *disk, automation, shown string) error {
	t, err := a.under(ctx, found.config)
	if err != nil {
		return err
	}
	built, err := t.automation(ctx, t.loadedHost, automation)
	if err != nil || built.Settings.Config != shown {
		return nil //nolint:nilerr // the plan is of neither, which the engine says
	}
	return control.Usage(fmt.Errorf("nothing was done: the plan was made with %s as it is now, and %s. Next: %s, then apply the plan", found.agent.Config, found.agent.says(), found.agent.Next))
}

// says tells what differs.
func (d *divergence) says() string {
	if d.Fault != "" {
		return fmt.Sprintf("%s cannot be used as it is now: %s", d.Config, d.Fault)
	}
	return fmt.Sprintf("the running agent has another configuration than %s: %s", d.Config, d.tables())
}

// print tells it below a result; what says which of the two that result is of.
func (d *divergence) print(w io.Writer, what string) {
	if d == nil {
		return
	}
	p := pageOf(w)
	p.blank()
	p.lines(yellow, "Caution: ", d.says()+".")
	p.put("", what+" To make the file count: "+d.Next+".")
}

// cautionConnectors tells when the connectors are those of an agent that finds
// them by another configuration than that on disk.
func (c *cli) cautionConnectors(ctx context.Context) {
	cfg, err := config.Load(c.configPath)
	if err != nil {
		return // the agent was asked all the same, see connectedAnyway
	}
	d, err := c.runningAgent(ctx, cfg)
	if err != nil || d == nil {
		return
	}
	d.Differs = slices.DeleteFunc(d.Differs, func(one config.Difference) bool {
		return one.Table != "modules" && (one.Table != "agent" || !slices.Contains(one.Keys, "modules_dir"))
	})
	if len(d.Differs) > 0 {
		d.print(c.stderr, "These are the connectors of the agent.")
	}
}
