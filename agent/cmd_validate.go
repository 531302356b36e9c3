package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func (c *cli) validateCommand() *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the whole configuration without a connection, or with --online what the accounts may do",
		Long: "With --online it also binds to the directory and asks every enabled application whether it accepts the credentials, and lists for everything that the configuration uses whether the account has the right to it: granted, lacking, unknown (nobody tells), or failed (it could not be asked). " +
			"It writes nothing. It ends with 2 when something is lacking, with 1 when something failed and nothing is lacking.",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.validate(cmd.Context(), online) },
	}
	cmd.Flags().BoolVar(&online, "online", false, "connect too, and check the rights in the directory and at the applications")
	return cmd
}

// validation is what `rollcall validate` found out.
type validation struct {
	OK       bool            `json:"ok"`
	Files    []string        `json:"files"`
	Warnings []string        `json:"warnings"`
	Online   []onlineFinding `json:"online,omitempty"`
	// RunningAgent tells that it has another configuration.
	RunningAgent *divergence `json:"running_agent,omitempty"`
}

func (c *cli) validate(ctx context.Context, online bool) error {
	cfg, err := config.Load(c.configPath)
	if err != nil {
		return err
	}
	found, err := c.checkConnectors(ctx, cfg)
	if err != nil {
		return err
	}
	v := validation{OK: true, Files: cfg.Files, Warnings: append(texts(cfg.Warnings), found...)}
	code := control.ExitDone
	if !online {
		if v.RunningAgent, err = c.runningAgent(ctx, cfg); err != nil {
			v.Warnings = append(v.Warnings, fmt.Sprintf("%s: warning: %v", c.configPath, err))
		}
	} else {
		var answer onlineAnswer
		if err := c.call(ctx, "online", onDisk{Config: absolute(c.configPath)}, &answer); err != nil {
			return err
		}
		v.Online, v.RunningAgent = answer.Findings, answer.RunningAgent
		code = onlineExit(v.Online)
		v.OK = code == control.ExitDone
	}
	err = c.show(v, func(w io.Writer) {
		for _, text := range v.Warnings {
			_, _ = fmt.Fprintln(w, text)
		}
		_, _ = fmt.Fprintf(w, "%s: the configuration is correct: %d applications, %d data sources, %d automations.\n",
			c.configPath, len(cfg.Applications), len(cfg.DataSources), len(cfg.Automations))
		if online {
			printOnline(w, v.Online)
		}
		v.RunningAgent.print(w, "The file was checked.")
	})
	if err != nil || code == control.ExitDone {
		return err
	}
	return exitError(code)
}

// onlineExit is 2 when something is lacking, since asking again changes
// nothing, and 1 when only the asking failed.
func onlineExit(found []onlineFinding) int {
	code := control.ExitDone
	for _, f := range found {
		switch f.State {
		case abi.RightLacking:
			return control.ExitUsage
		case rightFailed:
			code = control.ExitFailed
		}
	}
	return code
}

func printOnline(w io.Writer, found []onlineFinding) {
	counts := map[abi.RightState]int{}
	_, _ = fmt.Fprintln(w)
	table(w, "WHERE\tFOR\tRIGHT\tSTATE\tREASON", func(row func(...any)) {
		for _, f := range found {
			counts[f.State]++
			row(f.Where, f.Use, orDash(f.Right), f.State, f.Reason)
		}
	})
	_, _ = fmt.Fprintf(w, "\n%d granted, %d lacking, %d unknown, %d failed.\n",
		counts[abi.RightGranted], counts[abi.RightLacking], counts[abi.RightUnknown], counts[rightFailed])
}

func texts(warnings []config.Warning) []string {
	all := make([]string, 0, len(warnings))
	for _, w := range warnings {
		all = append(all, w.String())
	}
	return all
}
