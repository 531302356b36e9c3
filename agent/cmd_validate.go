package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
)

func (c *cli) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check the whole configuration without a connection",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(c.configPath)
			if err != nil {
				return err
			}
			found, err := c.checkConnectors(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			warnings := append(texts(cfg.Warnings), found...)
			return c.show(map[string]any{"ok": true, "files": cfg.Files, "warnings": warnings}, func(w io.Writer) {
				for _, text := range warnings {
					_, _ = fmt.Fprintln(w, text)
				}
				_, _ = fmt.Fprintf(w, "%s: the configuration is correct: %d applications, %d data sources, %d automations.\n",
					c.configPath, len(cfg.Applications), len(cfg.DataSources), len(cfg.Automations))
			})
		},
	}
}

func texts(warnings []config.Warning) []string {
	all := make([]string, 0, len(warnings))
	for _, w := range warnings {
		all = append(all, w.String())
	}
	return all
}
