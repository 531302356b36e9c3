package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

func (c *cli) orchestrateCommand() *cobra.Command {
	var choice service.Choice
	var base string
	var yes, dryRun bool
	cmd := &cobra.Command{
		Use:   "orchestrate NAME",
		Short: "Begin an orchestration for users or groups of the directory: those that are named, or all that a condition holds for",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			choice.Base = ident.DN(base)
			if err := checkChoice(choice); err != nil {
				return err
			}
			req := service.OrchestrateRequest{OnDisk: c.onDisk(), Orchestration: args[0], Choice: choice, Requests: dryRun}
			if !yes || dryRun {
				if !dryRun && !c.interactive() {
					return &usageError{errors.New("nobody can be asked here: --yes begins it, --dry-run shows what would begin")}
				}
				p, err := ask(cmd.Context(), c, (*control.Client).Choose, req)
				if err != nil {
					return err
				}
				if dryRun {
					return c.showChosen(p)
				}
				agreed, err := c.agree(cmd.Context(), p)
				if err != nil || !agreed {
					return err
				}
				req.Shown = p.Choice
			}
			return report(cmd.Context(), c, (*control.Client).Orchestrate, req, extent{})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&choice.Users, "user", nil, "a `user`: sAMAccountName, UPN, mail, DN or objectGUID; may be repeated")
	flags.StringArrayVar(&choice.Groups, "group", nil, "a `group` itself; may be repeated")
	flags.StringArrayVar(&choice.MembersOf, "members-of", nil, "the users in a `group`, also by way of other groups; may be repeated")
	flags.StringVar(&choice.Where, "where", "", "an `expression` over ad, manager, links and now, such as 'ad.department == \"Sales\"'")
	flags.StringVar(&base, "base", "", "the `OU` under which --where and --members-of look; without it the whole scope")
	flags.BoolVar(&yes, "yes", false, "ask nothing")
	flags.BoolVar(&dryRun, "dry-run", false, "begin nothing: show for whom it would begin, and the first request about each")
	return cmd
}

func checkChoice(c service.Choice) error {
	named := len(c.Users) + len(c.Groups) + len(c.MembersOf)
	switch {
	case named == 0 && c.Where == "":
		return &usageError{errors.New("for whom? --user USER, --group GROUP, --members-of GROUP or --where EXPRESSION says it")}
	case c.Base != "" && c.Where == "" && len(c.MembersOf) == 0:
		return &usageError{errors.New("--base has no effect on objects that are named: it says where --where and --members-of look")}
	}
	if c.Base == "" {
		return nil
	}
	if _, err := ident.ParseDN(string(c.Base)); err != nil {
		return &usageError{fmt.Errorf("--base: %w", err)}
	}
	return nil
}

// showChosen prints a plan. What is held or unclear shows in the exit code, as with
// the plan of an automation.
func (c *cli) showChosen(p service.ChosenAnswer) error {
	err := c.show(p, func(w io.Writer) {
		printBegins(w, p.BeginPlan, p.First, mostListed)
		printDivergence(w, p.RunningAgent, "This is what the file would do.")
	})
	if err != nil {
		return err
	}
	return beginExit(p.BeginPlan)
}

func beginExit(p service.BeginPlan) error {
	switch {
	case p.Held > 0:
		return exitError(exit.Held)
	case p.Unclear > 0:
		return exitError(exit.Quarantine)
	}
	return nil
}

// fewListed is how many objects are named before somebody is asked.
const fewListed = 10

// agree shows for whom an orchestration would begin, and asks whether it shall.
func (c *cli) agree(ctx context.Context, p service.ChosenAnswer) (bool, error) {
	w := openPage(c.stderr)
	printBegins(w, p.BeginPlan, nil, fewListed)
	if p.Begun+p.Held == 0 {
		return false, beginExit(p.BeginPlan)
	}
	prompt := "Begin it for " + counted(p.Begun, "object", "objects")
	if p.Held > 0 {
		prompt += fmt.Sprintf(", and let %d wait for approval", p.Held)
	}
	w.blank()
	switch line, err := c.newAsker().ask(ctx, prompt+"? [y/N] "); {
	case err != nil && !errors.Is(err, io.EOF):
		return false, err
	case text.Same(line, "y") || text.Same(line, "yes"):
		return true, nil
	}
	w.put("", "Nothing has begun.")
	return false, nil
}
