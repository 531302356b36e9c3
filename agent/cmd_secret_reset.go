package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
)

// resetAnswer is what a new master key costs.
type resetAnswer struct {
	Forgotten []string `json:"forgotten"`
}

func (c *cli) secretResetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Start with a new master key, when the former one is lost",
		Long: "It removes the stored secrets, which nobody can read without the master key that they were encrypted with, and starts a new key. " +
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
	a, err := lockApp(ctx, cfg, c.logger(cfg.Agent.Log))
	if err != nil {
		return err
	}
	defer a.close()
	if err := a.openStore(ctx); err != nil {
		return err
	}
	var lost *secrets.LostKeyError
	switch _, err := a.openKeeper(ctx); {
	case err == nil:
		return &usageError{errors.New("the master key opens the stored secrets: there is nothing to reset; `rollcall secret delete NAME` removes one of them")}
	case !errors.As(err, &lost):
		return err
	}
	if !yes {
		return &usageError{fmt.Errorf("the master key %s %s: these secrets would be lost, and must be entered again: %s; nothing was changed; if no backup has the key, go on with `rollcall secret reset --yes`",
			lost.Where, lost.Problem, strings.Join(lost.Names, ", "))}
	}
	if err := a.store.SecretsBy(string(control.Self()), "").ForgetSecrets(ctx, lost.Names); err != nil {
		return err
	}
	if _, err := a.openKeeper(ctx); err != nil {
		return err
	}
	return c.show(resetAnswer{lost.Names}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "A new master key is in use. Enter again what was stored under the former one:")
		for _, name := range lost.Names {
			_, _ = fmt.Fprintf(w, "  %s\n", secrets.Again(name))
		}
		if cfg.Secrets.MasterKey.IsZero() {
			_, _ = fmt.Fprintf(w, "Back up %s.\n", filepath.Join(absolute(cfg.Agent.StateDir), secrets.KeyFileName))
		}
	})
}
