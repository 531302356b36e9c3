package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) macrosCommand() *cobra.Command {
	var user, group string
	cmd := &cobra.Command{
		Use:   "macros [APPLICATION[/ENDPOINT|WEBHOOK]]",
		Short: "What may stand in a template at a place",
		Long: "What may stand between {{ and }} in a template of an endpoint or a webhook: names with their type, meaning and an example. " +
			"Without one it lists the places. With --user or --group the examples are the values of that object, found by sAMAccountName, " +
			"userPrincipalName, mail, DN or objectGUID, and all its attributes are listed. The functions are in rollcall functions.",
		Args: between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var in service.MacrosRequest
			if len(args) > 0 {
				in.Place = args[0]
			}
			if user != "" && group != "" {
				return &usageError{errors.New("--user and --group exclude each other: the values are those of one object")}
			}
			in.User, in.Group = user, group
			answer, err := ask(cmd.Context(), c, (*control.Client).Macros, in)
			if err != nil {
				return err
			}
			return c.show(answer, func(w io.Writer) { printMacros(w, answer) })
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "show the values of this user")
	cmd.Flags().StringVar(&group, "group", "", "show the values of this group")
	return cmd
}

func printMacros(w io.Writer, answer service.MacrosAnswer) {
	if len(answer.Choices) > 0 {
		table(w, "NAME\tTYPE\tMEANING\tEXAMPLE", func(row func(...any)) {
			for _, one := range answer.Choices {
				row(one.Name, orDash(one.Type), one.Meaning, one.Example)
			}
		})
		p := pageOf(w)
		p.blank()
		p.put("", "A value that is missing is an error, unless default() is used. The functions: rollcall functions.")
		return
	}
	table(w, "PLACE\tKIND\tWHAT", func(row func(...any)) {
		for _, one := range answer.Places {
			row(one.Name, one.Kind, one.What)
		}
	})
}
