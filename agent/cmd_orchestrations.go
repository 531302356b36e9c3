package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) orchestrationsCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "orchestrations [NAME]",
		Short: "List orchestrations that have begun and not ended: for whom, at which step, since when",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return onlyNamed(cmd.Commands())(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			req := service.InstancesRequest{All: all}
			if len(args) == 1 {
				req.Orchestration = args[0]
			}
			instances := []service.Instance{} // a table needs all widths, and JSON must be complete
			err := list(cmd.Context(), c, (*control.Client).Instances, req, func(i service.Instance) error {
				instances = append(instances, i)
				return nil
			})
			if err != nil {
				return err
			}
			return c.show(instances, func(w io.Writer) { printInstances(w, instances) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that have ended")
	cmd.AddCommand(c.orchestrationShowCommand(),
		c.decideCommand("cancel", "End an orchestration before its time; what of it waits to be sent is dropped",
			(*control.Client).CancelInstance, "is cancelled"),
		c.decideCommand("resume", "Let an orchestration that is blocked or has failed go on, from the step that failed",
			(*control.Client).ResumeInstance, "goes on"),
		c.decideCommand("replay", "Begin an orchestration that has ended once more, from its first step",
			(*control.Client).ReplayInstance, "has begun"))
	return cmd
}

func (c *cli) orchestrationShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Tell the story of one orchestration, step by step, with requests and answers",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseNumber(args[0], "an orchestration", "orchestrations")
			if err != nil {
				return err
			}
			i, err := ask(cmd.Context(), c, (*control.Client).Instance, service.InstanceRequest{ID: id})
			if err != nil {
				return err
			}
			return c.show(i, func(w io.Writer) { printInstance(w, i) })
		},
	}
}

// decideCommand is a decision of a person about one orchestration.
func (c *cli) decideCommand(
	verb, short string, question func(*control.Client, context.Context, service.InstanceRequest) (service.Instance, error), done string,
) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " ID",
		Short: short,
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseNumber(args[0], "an orchestration", "orchestrations")
			if err != nil {
				return err
			}
			i, err := ask(cmd.Context(), c, question, service.InstanceRequest{ID: id})
			if err != nil {
				return err
			}
			return c.show(i, func(w io.Writer) {
				pageOf(w).put("", fmt.Sprintf("Orchestration %d (%s for %s) %s: %s.", i.ID, i.Orchestration, i.Name, done, i.Status))
			})
		},
	}
}
