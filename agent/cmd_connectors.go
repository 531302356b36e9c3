package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/host"
)

func (c *cli) connectorsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "connectors [NAME]",
		Short: "The connectors found, and why one was refused",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var modules []host.Module
			if err := c.call(cmd.Context(), "connectors", nothing{}, &modules); err != nil {
				return err
			}
			if len(args) == 0 {
				return c.show(modules, func(w io.Writer) { printModules(w, modules) })
			}
			for _, m := range modules {
				if m.Manifest.Name == args[0] {
					return c.show(m, func(w io.Writer) { printModule(w, m) })
				}
			}
			return &usageError{fmt.Errorf("no connector is named %q: `rollcall connectors` lists them", args[0])}
		},
	}
}

func printModules(w io.Writer, modules []host.Module) {
	if len(modules) == 0 {
		_, _ = fmt.Fprintln(w, "No connector was found: put NAME.wasm files into modules_dir.")
		return
	}
	table(w, "CONNECTOR\tVERSION\tFILE\tSIGNATURE\tSTATE", func(row func(...any)) {
		for _, m := range modules {
			row(m.Manifest.Name, m.Manifest.Version, m.File, m.Signature, stateOf(m))
		}
	})
}

// stateOf tells what became of a file, and what serves in its place.
func stateOf(m host.Module) string {
	state := string(m.State)
	if m.Reason != "" {
		state += ": " + m.Reason
	}
	if m.Before != "" {
		state = fmt.Sprintf("version %s from before is serving; this file is %s", m.Before, state)
	}
	return state
}

func printModule(w io.Writer, m host.Module) {
	f := m.Manifest
	_, _ = fmt.Fprintf(w, "%s %s: %s\n%s\n\nFile: %s, %d bytes, SHA-256 %s\nSignature: %s\n",
		printable(f.Name), printable(f.Version), printable(f.Title), printable(f.Description), printable(m.File), m.Size, m.SHA256, m.Signature)
	_, _ = fmt.Fprintf(w, "State: %s\n", printable(stateOf(m)))
	_, _ = fmt.Fprintln(w, "\nIt may reach:")
	for _, h := range f.Hosts {
		_, _ = fmt.Fprintf(w, "  %s\n", printable(h))
	}
	_, _ = fmt.Fprintln(w)
	table(w, "AUTH\tTITLE", func(row func(...any)) {
		for _, p := range f.Auth {
			row(p.Kind, p.Title)
		}
	})
	printSecrets(w, f.Secrets)
	_, _ = fmt.Fprintln(w)
	table(w, "ENDPOINT\tCALL\tTITLE", func(row func(...any)) {
		for _, e := range f.Endpoints {
			row(e.Name, e.Method+" "+e.Path+e.URL, e.Title)
		}
	})
	_, _ = fmt.Fprintln(w)
	table(w, "ATTRIBUTE\tTYPE\tDESCRIPTION", func(row func(...any)) {
		for _, a := range f.Attributes {
			row("user."+a.Name, a.Type, a.Description)
		}
	})
	if len(f.Cannot) > 0 {
		_, _ = fmt.Fprintln(w, "\nWhat its API cannot do:")
		for _, l := range f.Cannot {
			_, _ = fmt.Fprintf(w, "  %s: %s\n", printable(l.Operation), printable(l.Reason))
		}
	}
}
