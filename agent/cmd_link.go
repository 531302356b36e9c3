package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) linkAddCommand() *cobra.Command {
	var withoutRecord, dryRun, running bool
	cmd := &cobra.Command{
		Use:   "add AUTOMATION KEY ACCOUNT",
		Short: "Say which account a record belongs to: DN, objectGUID, sAMAccountName, userPrincipalName or mail",
		Args:  exactly(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := service.LinkRequest{
				OnDisk: service.NewOnDisk(c.configPath, running), Automation: args[0], Key: ident.Key(args[1]), Account: args[2],
				WithoutRecord: withoutRecord, DryRun: dryRun,
			}
			l, err := ask(cmd.Context(), c, (*control.Client).Link, req)
			if err != nil {
				return err
			}
			return c.show(l, func(w io.Writer) {
				printLinked(w, l.Linked)
				printLinkedBy(w, l)
			})
		},
	}
	cmd.Flags().BoolVar(&withoutRecord, "without-record", false,
		"link although the record is not delivered, not in scope or in quarantine: for somebody who is yet to come")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show who would be linked to whom")
	cmd.Flags().BoolVar(&running, "running-config", false, runningUsage)
	return cmd
}

func (c *cli) linkRekeyCommand() *cobra.Command {
	var force, dryRun, running bool
	cmd := &cobra.Command{
		Use:   "rekey AUTOMATION OLD NEW",
		Short: "Give the account of one key to another: somebody was hired again, or has another id in the application",
		Args:  exactly(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := service.RekeyRequest{
				OnDisk: service.NewOnDisk(c.configPath, running), Automation: args[0], Former: ident.Key(args[1]), Key: ident.Key(args[2]),
				Force: force, DryRun: dryRun,
			}
			l, err := ask(cmd.Context(), c, (*control.Client).Rekey, req)
			if err != nil {
				return err
			}
			return c.show(l, func(w io.Writer) {
				printLinked(w, l.Linked)
				printLinkedBy(w, l)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "although the old key is still delivered, or neither name nor mail address is the same")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show who would be linked to whom")
	cmd.Flags().BoolVar(&running, "running-config", false, runningUsage)
	return cmd
}

// printLinkedBy says which configuration decides what the next run does.
func printLinkedBy(w io.Writer, l service.LinkAnswer) {
	by := "This was done by the configuration that the agent runs with."
	if l.DryRun {
		by = "This is what the file would do."
	}
	printDivergence(w, l.RunningAgent, by)
}

// printLinked prints both sides of a link by hand.
func printLinked(w io.Writer, l service.Linked) {
	p := pageOf(w)
	verb := "is linked"
	if l.DryRun {
		verb = "would be linked"
	}
	if l.Former != "" {
		p.put("", fmt.Sprintf("Key %s becomes key %s.", l.Former, l.Key))
	}
	p.put("", fmt.Sprintf("Key %s of application %s %s to %s.", l.Key, l.Space(), verb, l.Account.DN))
	p.blank()
	table(w, "\tNAME\tMAIL\tKNOWN AS", func(row func(...any)) {
		row("record", orNone(l.Record.Name), orNone(l.Record.Mail), "key "+string(l.Record.Key))
		row("account", orNone(l.Account.Name), orNone(l.Account.Mail), l.Account.SAMAccountName+state(l.Account.Enabled))
	})
	for _, warning := range l.Warnings {
		p.blank()
		p.putStyled(yellow, "Caution: ", plainText, warning+".")
	}
	if len(l.Follows) > 0 {
		p.blank()
		p.put("", "The next run then does this:")
		printChange(p, ident.Change{Key: l.Key, Name: l.Account.Name, Operations: l.Follows}, false)
	}
	end := ""
	switch {
	case l.DryRun:
		end = "Nothing has been written."
	case l.Unseen:
		end = "Until a complete delivery has the key, and its record in scope, the account is left alone."
	case len(l.Follows) == 0:
		end = "The account is in step: the next run has nothing to do."
	}
	if end != "" {
		p.blank()
		p.put("", end)
	}
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

func state(enabled bool) string {
	if enabled {
		return ", enabled"
	}
	return ", disabled"
}
