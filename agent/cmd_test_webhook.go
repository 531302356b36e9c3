package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) testCommand() *cobra.Command {
	return group("test", "Try a part of the configuration on its own", c.testEndpointCommand(), c.testMappingCommand(), c.testWebhookCommand())
}

func (c *cli) testWebhookCommand() *cobra.Command {
	var user, groupName string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "webhook WEBHOOK",
		Short: "Send one webhook about one user or group, and show the request, the answer and what it means",
		Long: "Sends the webhook once, as a delivery would, about an object of the directory named by sAMAccountName, userPrincipalName, mail, " +
			"DN or objectGUID. It shows the requests as they are sent, with secrets as asterisks, the answers, and what a delivery would do with " +
			"them. A link that the answer makes is recorded, so that nobody is created a second time. Nothing is written to the directory. " +
			"With --dry-run nothing is sent. Without an object, on a terminal, it asks for one, and again before it sends.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := service.TestWebhookRequest{OnDisk: c.onDisk(), Webhook: args[0], DryRun: dryRun}
			switch {
			case user != "" && groupName != "":
				return &usageError{errors.New("--user and --group exclude each other: a test call is about one object")}
			case user != "":
				in.Kind, in.Object = "user", user
			case groupName != "":
				in.Kind, in.Object = "group", groupName
			case !c.interactive():
				return &usageError{errors.New("whom is it about? --user USER or --group GROUP says it; on a terminal it can be chosen")}
			default:
				chosen, err := c.chooseAndShow(cmd.Context(), in)
				if err != nil || chosen.Object == "" {
					return err
				}
				in = chosen
			}
			return c.tryWebhook(cmd, in)
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "the `user` that it is about")
	cmd.Flags().StringVar(&groupName, "group", "", "the `group` that it is about")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "send nothing: show the request")
	return cmd
}

func (c *cli) tryWebhook(cmd *cobra.Command, in service.TestWebhookRequest) error {
	answer, err := ask(cmd.Context(), c, (*control.Client).TestWebhook, in)
	if err != nil {
		return err
	}
	if err := c.show(answer, func(w io.Writer) { printTrial(w, answer) }); err != nil {
		return err
	}
	if v := answer.Verdict; v != nil && v.Cause != "" || answer.LinkProblem != "" {
		return exitError(exit.Failed)
	}
	return nil
}
