package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) runsCommand() *cobra.Command {
	var limit int
	var verbose bool
	cmd := &cobra.Command{
		Use:   "runs [RUN]",
		Short: "The history of runs, or what became of each change of one",
		Args:  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.oneRun(cmd, args[0], verbose)
			}
			if limit < 1 {
				return &usageError{fmt.Errorf("--limit is %d; it must be 1 or more", limit)}
			}
			runs, err := ask(cmd.Context(), c, (*control.Client).Runs, service.RunsRequest{Limit: limit})
			if err != nil {
				return err
			}
			return c.show(runs, func(w io.Writer) { printRuns(w, runs) })
		},
	}
	cmd.Flags().BoolVar(&verbose, "verbose", false, "of one run, show all limits, not only those that it counted against")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many runs, the newest first")
	return cmd
}

func (c *cli) oneRun(cmd *cobra.Command, text string, verbose bool) error {
	id, err := parseRun(text)
	if err != nil {
		return err
	}
	r, err := ask(cmd.Context(), c, (*control.Client).Run, service.RunRequest{Run: id})
	if err != nil {
		return err
	}
	return c.show(r, func(w io.Writer) { printReport(w, r, extent{verbose: verbose}) })
}

func (c *cli) linkCommand() *cobra.Command {
	all := &cobra.Command{
		Use:   "list [APPLICATION[/KIND]]",
		Short: "List the links, of every kind or of one",
		Args:  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var req service.LinksRequest
			if len(args) == 1 {
				req.Application, req.Kind, _ = strings.Cut(args[0], "/")
			}
			links := []service.ListedLink{} // a table needs all widths, and JSON must be complete
			err := list(cmd.Context(), c, (*control.Client).Links, req, func(l service.ListedLink) error {
				links = append(links, l)
				return nil
			})
			if err != nil {
				return err
			}
			return c.show(links, func(w io.Writer) { printLinks(w, links) })
		},
	}
	remove := &cobra.Command{
		Use:   "remove APPLICATION[/KIND] KEY",
		Short: "Forget which account a record belongs to; the account stays as it is",
		Args:  exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := service.UnlinkRequest{Key: ident.Key(args[1])}
			req.Application, req.Kind, _ = strings.Cut(args[0], "/")
			gone, err := ask(cmd.Context(), c, (*control.Client).Unlink, req)
			if err != nil {
				return err
			}
			return c.show(gone, func(w io.Writer) {
				p := pageOf(w)
				p.put("", fmt.Sprintf("The link of %s key %s to %s is gone. While that account carries the anchor, "+
					"the next run that finds the record in scope proposes to adopt it again. "+
					"Until then nothing is done about that account: a leaver stays enabled.", args[0], args[1], gone.GUID))
				for _, h := range gone.Dropped {
					p.put("", fmt.Sprintf("Dropped with it: %s of %s, which run %d held.", h.Operation.Class, h.Name, h.Run))
				}
			})
		},
	}
	return group("link", "Which record belongs to which account", all, c.linkAddCommand(), c.linkRekeyCommand(), remove)
}

func (c *cli) journalCommand() *cobra.Command {
	return group("journal", "What rollcall did, in a chain that shows tampering", &cobra.Command{
		Use:   "verify",
		Short: "Check the chain of hashes",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := ask(cmd.Context(), c, (*control.Client).VerifyJournal, service.Nothing{})
			if err != nil {
				return err
			}
			return c.show(answer, func(w io.Writer) {
				text := counted(answer.Lines, "line", "lines") + ", the chain is whole."
				if answer.Lines > 0 {
					text += fmt.Sprintf(" The last one is line %d with the hash %s.", answer.Last, answer.Hash)
				}
				if answer.Removed > 0 {
					text += fmt.Sprintf(" The lines up to %d are no longer kept, as a checkpoint in the chain says.", answer.Removed)
				}
				pageOf(w).put("", text)
			})
		},
	}, &cobra.Command{
		Use:   "export",
		Short: "Print it as JSON lines, with all that is needed to verify it elsewhere",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := bufio.NewWriterSize(c.stdout, 64<<10)
			err := list(cmd.Context(), c, (*control.Client).ExportJournal, service.Nothing{}, func(line json.RawMessage) error {
				if _, err := out.WriteString(escaped(string(line), "") + "\n"); err != nil {
					return fmt.Errorf("print the journal: %w", err)
				}
				return nil
			})
			if flushed := out.Flush(); err == nil && flushed != nil {
				err = fmt.Errorf("print the journal: %w", flushed)
			}
			return err
		},
	})
}

func (c *cli) functionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "functions [NAME]",
		Short: "The functions of expressions, with examples",
		Args:  between(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			var chosen []expr.Function
			var known []string
			for _, f := range expr.Functions() {
				known = append(known, f.Name)
				if len(args) == 0 || f.Name == args[0] {
					chosen = append(chosen, f)
				}
			}
			if len(chosen) == 0 {
				return &usageError{&ident.UnknownNameError{What: "function", Name: args[0], Known: known, List: "rollcall functions"}}
			}
			return c.show(chosen, func(w io.Writer) {
				p := pageOf(w)
				for _, f := range chosen {
					p.putStyled(plainText, "", bold, f.Signature)
					p.put("    ", f.Description)
					p.put("    ", f.Example)
				}
			})
		},
	}
}
