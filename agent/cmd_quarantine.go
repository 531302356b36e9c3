package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) quarantineCommand() *cobra.Command {
	var all bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List records and changes in the directory that were set aside, and what else needs a person, with the cause and the next step",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			lists, err := ask(cmd.Context(), c, (*control.Client).Quarantine, service.Nothing{})
			if err != nil {
				return err
			}
			names := "`rollcall quarantine list --all` names them"
			if all {
				names = ""
			}
			return c.show(lists, func(w io.Writer) {
				for i, q := range lists {
					if i > 0 {
						pageOf(w).blank()
					}
					printQuarantineList(w, q, names)
				}
			})
		},
	}
	list.Flags().BoolVar(&all, "all", false, "name everybody who has a cause in common with others, with what is their own")
	return group("quarantine", "Records that were set aside, and what else needs a person", list, c.acceptCommand(), c.retryCommand())
}

func (c *cli) acceptCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "accept AUTOMATION [KEY]",
		Short: "Say that what is reported about somebody is meant to be so: it becomes a note until its cause changes; " +
			"or drop a change in the directory that was set aside, by its number, or with --all every one of them",
		Args: between(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 2) {
				return &usageError{fmt.Errorf("usage: %s: name a KEY, or say --all", cmd.UseLine())}
			}
			request := service.AcceptRequest{Automation: args[0], All: all}
			if !all {
				request.Key = ident.Key(args[1])
			}
			items, err := ask(cmd.Context(), c, (*control.Client).Accept, request)
			if err != nil {
				return err
			}
			return c.show(items, func(w io.Writer) {
				p := pageOf(w)
				if len(items) == 0 || items[0].Event != 0 {
					printDropped(p, items)
					return
				}
				for _, q := range items {
					p.put("Accepted: ", who(q.Name, q.Key)+about(q)+q.Cause)
				}
				p.put("", "Later runs report it as a note. With another cause, or when it has gone and come back, it needs a person again.")
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "drop all changes in the directory that the automation has set aside")
	return cmd
}

func (c *cli) retryCommand() *cobra.Command {
	var overtaken bool
	cmd := &cobra.Command{
		Use: "retry AUTOMATION [KEY]",
		Short: "Let the next run try again what the directory refused, of one person or of all, without waiting for its time; " +
			"or judge anew the changes in the directory that were set aside",
		Args: between(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			request := service.AcceptRequest{Automation: args[0], All: len(args) == 1, Overtaken: overtaken}
			if len(args) > 1 {
				request.Key = ident.Key(args[1])
			}
			answer, err := ask(cmd.Context(), c, (*control.Client).Retry, request)
			switch {
			case err != nil:
				return err
			case answer.Events != nil:
				err := c.show(answer.Events, func(w io.Writer) { printJudgedAgain(pageOf(w), answer.Events) })
				return cmp.Or(err, judgedExit(answer.Events))
			}
			return c.show(answer.Refused, func(w io.Writer) {
				pageOf(w).put("", fmt.Sprintf("The next run tries %s again.",
					counted(answer.Refused, "refused value or operation", "refused values and operations")))
			})
		},
	}
	cmd.Flags().BoolVar(&overtaken, "overtaken", false, overtakenUsage)
	return cmd
}
