package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) secretCommand() *cobra.Command {
	set := &cobra.Command{
		Use:   "set NAME",
		Short: "Store a secret that is read from standard input",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := service.CheckSecretName(args[0]); err != nil { // check before anybody types a secret
				return &usageError{err}
			}
			value, err := c.readSecret(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			done, err := ask(cmd.Context(), c, (*control.Client).SetSecret, service.SecretRequest{Name: args[0], Value: value})
			if err != nil {
				return err
			}
			return c.show(done, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Stored. Use it as \"@{store:%s}\".\n", args[0]) })
		},
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List the names, never the values",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := ask(cmd.Context(), c, (*control.Client).Secrets, service.Nothing{})
			if err != nil {
				return err
			}
			return c.show(names, func(w io.Writer) {
				for _, n := range names {
					pageOf(w).put("", n)
				}
			})
		},
	}
	remove := &cobra.Command{
		Use:   "delete NAME",
		Short: "Remove a secret",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			done, err := ask(cmd.Context(), c, (*control.Client).DeleteSecret, service.SecretRequest{Name: args[0]})
			if err != nil {
				return err
			}
			return c.show(done, func(w io.Writer) { _, _ = fmt.Fprintln(w, "Removed.") })
		},
	}
	return group("secret", "The encrypted store of secrets, for @{store:NAME}", set, list, remove, c.secretResetCommand())
}

// maxSecret is the largest size of a secret in bytes.
const maxSecret = 64 << 10

// readSecret reads the value from a pipe, or from a terminal without showing
// it. It removes one line end. It returns when ctx ends, and leaves the
// terminal as it was.
func (c *cli) readSecret(ctx context.Context, name string) ([]byte, error) {
	read := c.readPiped
	f, ok := c.stdin.(*os.File)
	if ok && term.IsTerminal(int(f.Fd())) {
		before, err := term.GetState(int(f.Fd()))
		if err != nil {
			return nil, fmt.Errorf("read the secret: %w", err)
		}
		defer func() { _ = term.Restore(int(f.Fd()), before) }()
		_, _ = fmt.Fprintf(c.stderr, "Value of %s: ", name)
		defer func() { _, _ = fmt.Fprintln(c.stderr) }()
		read = func() ([]byte, error) { return term.ReadPassword(int(f.Fd())) }
	}
	type result struct {
		value []byte
		err   error
	}
	got := make(chan result, 1)
	go func() { // may outlive the context, because nothing can interrupt a read from a terminal
		value, err := read()
		got <- result{value, err}
	}()
	select {
	case r := <-got:
		return r.value, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("read the secret: %w", context.Cause(ctx))
	}
}

func (c *cli) readPiped() ([]byte, error) {
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
