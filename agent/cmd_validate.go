package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/check"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/localfile"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func (c *cli) validateCommand() *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the whole configuration without a connection, or with --online what the accounts may do",
		Long: "It reads the files and environment variables that the configuration names, as the user who runs the command: " +
			"what is not there is an error, what only this user may not read is a warning, and root is told what the owner of the state folder, " +
			"as whom the agent runs, could not read. " +
			"A value of the shipped example that is still marked CHANGE is an error, a mark beside another value a warning. " +
			"Everything is told at once, by place.\n\nWith --online it also binds to the directory and asks every enabled application whether " +
			"it accepts the credentials, and lists for everything that the configuration uses whether the account has the right to it: granted, " +
			"lacking, unknown (nobody tells), or failed (it could not be asked). " +
			"It writes nothing. It ends with 2 when something is lacking, with 1 when something failed and nothing is lacking.",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.validate(cmd.Context(), online) },
	}
	cmd.Flags().BoolVar(&online, "online", false, "connect too, and check the rights in the directory and at the applications")
	return cmd
}

// validation is the result of `rollcall validate`.
type validation struct {
	OK       bool     `json:"ok"`
	Files    []string `json:"files"`
	Warnings []string `json:"warnings"`
	// LookedAs is the user whose rights were used to check files and secrets.
	LookedAs string          `json:"looked_as,omitempty"`
	Online   []check.Finding `json:"online,omitempty"`
	// RunningAgent says how the configuration of the running agent differs.
	RunningAgent *service.Divergence `json:"running_agent,omitempty"`
}

func (c *cli) validate(ctx context.Context, online bool) error {
	cfg, warnings, err := check.Configuration(ctx, c.configPath, online)
	if err != nil {
		return err
	}
	v := validation{OK: true, Files: cfg.Files, Warnings: warnings}
	code := exit.Done
	if !online {
		v.LookedAs = localfile.User()
		if v.RunningAgent, err = c.runningAgent(ctx, cfg); err != nil {
			v.Warnings = append(v.Warnings, fmt.Sprintf("%s: warning: %v", c.configPath, err))
		}
	} else {
		answer, err := ask(ctx, c, (*control.Client).Online, c.onDisk())
		if err != nil {
			return err
		}
		v.Online, v.RunningAgent = answer.Findings, answer.RunningAgent
		code = onlineExit(v.Online)
		v.OK = code == exit.Done
	}
	err = c.show(v, func(w io.Writer) {
		p := pageOf(w)
		for _, text := range v.Warnings {
			p.put("", text)
		}
		p.put("", fmt.Sprintf("%s: the configuration is correct: %s, %s, %s.", c.configPath,
			counted(len(cfg.Applications), "application", "applications"),
			counted(len(cfg.DataSources), "data source", "data sources"),
			counted(len(cfg.Automations)+len(cfg.Triggered), "automation", "automations")))
		if v.LookedAs != "" {
			p.put("", "Files and secrets were looked at as user "+v.LookedAs+".")
		}
		if online {
			printOnline(w, v.Online)
		}
		printDivergence(w, v.RunningAgent, "The file was checked.")
	})
	if err != nil || code == exit.Done {
		return err
	}
	return exitError(code)
}

// onlineExit returns 2 if something is lacking, because asking again would
// change nothing, and 1 if only the asking failed.
func onlineExit(found []check.Finding) int {
	code := exit.Done
	for _, f := range found {
		switch f.State {
		case abi.RightLacking:
			return exit.Usage
		case check.Failed:
			code = exit.Failed
		}
	}
	return code
}

func printOnline(w io.Writer, found []check.Finding) {
	counts := map[abi.RightState]int{}
	_, _ = fmt.Fprintln(w)
	table(w, "WHERE\tFOR\tRIGHT\tSTATE\tREASON", func(row func(...any)) {
		for _, f := range found {
			counts[f.State]++
			row(f.Where, f.Use, orDash(f.Right), f.State, f.Reason)
		}
	})
	p := pageOf(w)
	p.blank()
	p.put("", fmt.Sprintf("%d granted, %d lacking, %d unknown, %d failed.",
		counts[abi.RightGranted], counts[abi.RightLacking], counts[abi.RightUnknown], counts[check.Failed]))
}
