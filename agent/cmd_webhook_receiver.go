package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) webhookReceiverCommand() *cobra.Command {
	return group("webhook-receiver", "Let an application tell of changes at once, and see whether it does",
		c.registerCommand(), c.receiverStatusCommand(), c.unregisterCommand())
}

func (c *cli) registerCommand() *cobra.Command {
	var anew bool
	cmd := &cobra.Command{
		Use:   "register APPLICATION",
		Short: "Make the subscription at the application",
		Long: "Makes the application send its changes to url of [receiver], with the user name and password of " +
			"[applications.APPLICATION.receiver]. A subscription that is there already is taken over; one of this agent to another address, " +
			"with another user name or password is replaced. From then on the running agent makes the subscription again when the " +
			"application has ended it, until `rollcall webhook-receiver unregister`. It can be repeated at any time.",
		Example: "  rollcall webhook-receiver register pipedrive\n" +
			"  rollcall webhook-receiver register pipedrive --anew   # after the password was changed",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := service.SubscriptionRequest{OnDisk: c.onDisk(), Application: args[0], Anew: anew}
			answer, err := ask(cmd.Context(), c, (*control.Client).Register, in)
			if err != nil {
				return err
			}
			if err := c.show(answer, func(w io.Writer) { printRegistered(w, answer) }); err != nil {
				return err
			}
			if answer.NotEnds != "" || answer.NotListening != "" || answer.Failing {
				return exitError(exit.Quarantine)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&anew, "anew", false, "replace the subscription even if it looks right, as after a change of the password's value")
	return cmd
}

func (c *cli) receiverStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status APPLICATION",
		Short: "Ask the application whether it has the subscription, and what became of its last delivery",
		Long: "Asks the application, and says whether the subscription is there and as the configuration wants it, when it delivered last and " +
			"with which answer, when something was last received, whether the receiver listens, and what to do. The exit code is 4 when " +
			"somebody has to do something, and 1 when the application did not answer.",
		Example: "  rollcall webhook-receiver status pipedrive\n  rollcall webhook-receiver status pipedrive --output json",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := service.SubscriptionRequest{OnDisk: c.onDisk(), Application: args[0]}
			answer, err := ask(cmd.Context(), c, (*control.Client).SubscriptionStatus, in)
			if err != nil {
				return err
			}
			if err := c.show(answer, func(w io.Writer) { printSubscription(w, answer) }); err != nil {
				return err
			}
			switch {
			case answer.State == service.SubscriptionUnknown:
				return exitError(exit.Failed)
			case answer.State.Needs():
				return exitError(exit.Quarantine)
			}
			return nil
		},
	}
}

func (c *cli) unregisterCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unregister APPLICATION",
		Short: "End the subscription at the application",
		Long: "Ends the subscription of this agent, so that the application sends nothing any more and nobody makes it again. " +
			"Subscriptions to other addresses stay. Changes are found by the automations' schedules as before.",
		Example: "  rollcall webhook-receiver unregister pipedrive",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := service.SubscriptionRequest{OnDisk: c.onDisk(), Application: args[0]}
			answer, err := ask(cmd.Context(), c, (*control.Client).Unregister, in)
			if err != nil {
				return err
			}
			return c.show(answer, func(w io.Writer) { printUnregistered(w, answer) })
		},
	}
}
