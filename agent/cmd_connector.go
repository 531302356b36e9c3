package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
)

func (c *cli) connectorCommand() *cobra.Command {
	var out string
	build := &cobra.Command{
		Use:   "build DIR",
		Short: "Compile a connector and embed its manifest.toml",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			size, err := connector.Build(cmd.Context(), args[0], out, c.stderr)
			if err != nil {
				return err
			}
			return c.show(map[string]any{"file": out, "bytes": size}, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "%s: %d bytes\n", out, size)
			})
		},
	}
	build.Flags().StringVar(&out, "out", "", "the `file` to write, NAME.wasm")
	_ = build.MarkFlagRequired("out")
	return group("connector", "For authors of connectors", build, c.keygenCommand(), c.signCommand(), c.verifyCommand())
}
