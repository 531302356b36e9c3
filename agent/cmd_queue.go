package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) queueCommand() *cobra.Command {
	return group("queue", "What waits to be sent to the applications, and what could not be sent",
		c.queueListCommand(), c.queueShowCommand(), c.queueRetryCommand(), c.queueDropCommand())
}

func (c *cli) queueListCommand() *cobra.Command {
	var req service.QueueRequest
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what is not sent yet, in its order, with the reason",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			known := service.DeliveryState("").Values()
			if state != "" && !slices.Contains(known, state) {
				return &usageError{fmt.Errorf("--state: %w", &ident.UnknownNameError{What: "state of deliveries", Name: state, Known: known})}
			}
			if state != "" {
				req.States = []service.DeliveryState{service.DeliveryState(state)}
			}
			queue := []service.Delivery{} // a table needs all widths, and JSON must be complete
			err := list(cmd.Context(), c, (*control.Client).Queue, req, func(d service.Delivery) error {
				queue = append(queue, d)
				return nil
			})
			if err != nil {
				return err
			}
			return c.show(queue, func(w io.Writer) { printQueue(w, queue) })
		},
	}
	cmd.Flags().StringVar(&req.Application, "application", "", "only what goes to this `application`")
	cmd.Flags().StringVar(&req.Orchestration, "orchestration", "", "only what this `orchestration` sends")
	cmd.Flags().StringVar(&state, "state", "", "only what is in this `state`; without it everything that is open")
	cmd.Flags().BoolVar(&req.Blocked, "blocked", false, "only what waits behind a dead letter")
	return cmd
}

func (c *cli) queueShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show DELIVERY",
		Short: "Show one delivery: the request, each attempt with its answer, and what it waits for",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseNumber(args[0], "a delivery", "queue list")
			if err != nil {
				return err
			}
			d, err := ask(cmd.Context(), c, (*control.Client).Delivery, service.DeliveryRequest{ID: id})
			if err != nil {
				return err
			}
			return c.show(d, func(w io.Writer) { printDelivery(w, d) })
		},
	}
}

func (c *cli) queueRetryCommand() *cobra.Command {
	var same bool
	cmd := &cobra.Command{
		Use:   "retry DELIVERY",
		Short: "Send a dead letter again, or one that waits for its next attempt at once",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseNumber(args[0], "a delivery", "queue list")
			if err != nil {
				return err
			}
			d, err := ask(cmd.Context(), c, (*control.Client).RetryDelivery, service.DeliveryRequest{ID: id, Same: same})
			if err != nil {
				return err
			}
			return c.show(d, func(w io.Writer) {
				pageOf(w).put("", fmt.Sprintf("Delivery %d (%s for %s) is tried again at once. %s shows how it goes.",
					d.ID, d.Webhook, d.Name, ticked(ident.Command("queue show", args[0]))))
			})
		},
	}
	cmd.Flags().BoolVar(&same, "same", false, "send what was rendered before, instead of rendering it anew for the object as it is now")
	return cmd
}

func (c *cli) queueDropCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drop DELIVERY",
		Short: "Give a delivery up, and with it the orchestration that it belongs to; what waits behind it goes on",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseNumber(args[0], "a delivery", "queue list")
			if err != nil {
				return err
			}
			d, err := ask(cmd.Context(), c, (*control.Client).DropDelivery, service.DeliveryRequest{ID: id})
			if err != nil {
				return err
			}
			return c.show(d, func(w io.Writer) {
				pageOf(w).put("", fmt.Sprintf("Delivery %d (%s for %s) is dropped, and orchestration %d ends as failed. "+
					"What waited behind it is sent now. %s begins the orchestration once more.",
					d.ID, d.Webhook, d.Name, d.Instance, ticked(ident.Command("orchestrations replay", strconv.FormatInt(d.Instance, 10)))))
			})
		},
	}
}

// parseNumber reads the number of something that a command lists.
func parseNumber(text, what, lister string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, &usageError{fmt.Errorf("%q is not the number of %s: %s lists them", text, what, ticked(ident.Command(lister)))}
	}
	return id, nil
}

func ticked(command string) string { return "`" + command + "`" }
