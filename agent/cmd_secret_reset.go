package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) secretResetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Start with a new master key, when the former one is lost",
		Long: "It removes the stored secrets, which nobody can read without the master key that they were encrypted with, " +
			"and starts a new key. " +
			"Without --yes it only names them. It refuses as long as the master key opens them. " +
			"If a backup of the master key exists, put that back instead: nothing is lost then.",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.resetSecrets(cmd.Context(), yes) },
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "remove the secrets that are named without it")
	return cmd
}

func (c *cli) resetSecrets(ctx context.Context, yes bool) error {
	cfg, err := config.Load(c.configPath)
	if err != nil {
		return err
	}
	if _, err := control.Connect(ctx, cfg.Agent.StateDir); err == nil {
		return &usageError{errors.New("the running agent has its master key: there is nothing to reset")}
	}
	a, err := runtime.Lock(ctx, cfg, runtime.Settings{Log: c.logger(cfg.Agent.Log), Version: version})
	if err != nil {
		return err
	}
	defer a.Close()
	reset, err := service.New(a).ResetSecrets(ctx, control.Self(), service.ResetRequest{Yes: yes})
	if err != nil {
		return err
	}
	return c.show(reset, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "A new master key is in use. Enter again what was stored under the former one:")
		for _, command := range reset.Again {
			_, _ = fmt.Fprintf(w, "  %s\n", command)
		}
		if reset.BackUp != "" {
			_, _ = fmt.Fprintf(w, "Back up %s.\n", reset.BackUp)
		}
	})
}
