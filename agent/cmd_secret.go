package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (c *cli) secretCommand() *cobra.Command {
	set := &cobra.Command{
		Use:   "set NAME",
		Short: "Store a secret that is read from standard input",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := c.readSecret(args[0])
			if err != nil {
				return err
			}
			if err := c.call(cmd.Context(), "secret-set", secretRequest{Name: args[0], Value: value}, &nothing{}); err != nil {
				return err
			}
			return c.show(nothing{}, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Stored. Use it as \"@{store:%s}\".\n", args[0]) })
		},
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List the names, never the values",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var names []string
			if err := c.call(cmd.Context(), "secret-list", nothing{}, &names); err != nil {
				return err
			}
			return c.show(names, func(w io.Writer) {
				for _, n := range names {
					_, _ = fmt.Fprintln(w, n)
				}
			})
		},
	}
	remove := &cobra.Command{
		Use:   "delete NAME",
		Short: "Remove a secret",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.call(cmd.Context(), "secret-delete", secretRequest{Name: args[0]}, &nothing{}); err != nil {
				return err
			}
			return c.show(nothing{}, func(w io.Writer) { _, _ = fmt.Fprintln(w, "Removed.") })
		},
	}
	return group("secret", "The encrypted store of secrets, for @{store:NAME}", set, list, remove, c.secretResetCommand())
}

// maxSecret bounds a secret in bytes.
const maxSecret = 64 << 10

// readSecret takes the value from a pipe, or from a terminal without showing
// it. One line end is cut off.
func (c *cli) readSecret(name string) ([]byte, error) {
	if f, ok := c.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		_, _ = fmt.Fprintf(c.stderr, "Value of %s: ", name)
		value, err := term.ReadPassword(int(f.Fd()))
		_, _ = fmt.Fprintln(c.stderr)
		if err != nil {
			return nil, fmt.Errorf("read the secret: %w", err)
		}
		return value, nil
	}
	value, err := io.ReadAll(io.LimitReader(c.stdin, maxSecret+1))
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
	switch {
	case len(value) == 0:
		return nil, &usageError{fmt.Errorf("no secret came on standard input")}
	case len(value) > maxSecret:
		return nil, &usageError{fmt.Errorf("a secret of over %d bytes is not stored", maxSecret)}
	}
	return value, nil
}
