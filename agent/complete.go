package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/completion"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// complete returns the completion of a command's arguments, with one list of
// names per argument. With withFiles, the last argument completes files.
func (c *cli) complete(withFiles bool, places ...completion.Place) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(places) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		files := cobra.ShellCompDirectiveNoFileComp
		if withFiles && len(args) == len(places)-1 {
			files = cobra.ShellCompDirectiveDefault
		}
		return c.words(cmd, args, typed, places[len(args)]), files
	}
}

// completeFlag sets the completion of a flag's value.
func (c *cli) completeFlag(cmd *cobra.Command, flag string, place completion.Place) {
	complete := func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return c.words(cmd, args, typed, place), cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the command has no such flag
	}
}

// words returns the words for a place in cobra's form.
func (c *cli) words(cmd *cobra.Command, args []string, typed string, place completion.Place) []cobra.Completion {
	var out []cobra.Completion
	for _, w := range completion.Words(cmd.Context(), completion.Query{Config: c.configPath, Args: args, Typed: typed}, place) {
		if w.About == "" {
			out = append(out, w.Text)
		} else {
			out = append(out, cobra.CompletionWithDesc(w.Text, w.About))
		}
	}
	return out
}

// completions sets what may stand at each place of a command line.
func (c *cli) completions(root *cobra.Command) {
	arguments := map[string]cobra.CompletionFunc{
		"plan":              c.complete(false, completion.Runnable),
		"apply":             c.complete(true, completion.Runnable),
		"orchestrate":       c.complete(false, completion.Orchestrations),
		"orchestrations":    c.complete(false, completion.Orchestrations),
		"approve":           c.complete(false, completion.Runs(true)),
		"reject":            c.complete(false, completion.Runs(true)),
		"runs":              c.complete(false, completion.Runs(false)),
		"link list":         c.complete(false, completion.Spaces),
		"link add":          c.complete(false, completion.Automations, completion.QuarantinedKeys(true)),
		"link rekey":        c.complete(false, completion.Automations, completion.LinkedKeys, completion.QuarantinedKeys(true)),
		"link remove":       c.complete(false, completion.Spaces, completion.LinkedKeys),
		"quarantine accept": c.complete(false, completion.Automations, completion.QuarantinedKeys(false)),
		"quarantine retry":  c.complete(false, completion.Automations, completion.RefusedKeys),
		"connectors":        c.complete(false, completion.Connectors),
		"connector build": func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		"connector sign":              c.complete(true, completion.Nothing),
		"connector verify":            c.complete(true, completion.Nothing),
		"secret set":                  c.complete(false, completion.Secrets),
		"secret delete":               c.complete(false, completion.Secrets),
		"functions":                   c.complete(false, completion.Functions),
		"macros":                      c.complete(false, completion.Applications),
		"authorize":                   c.complete(false, completion.Applications),
		"webhook-receiver register":   c.complete(false, completion.Applications),
		"webhook-receiver status":     c.complete(false, completion.Applications),
		"webhook-receiver unregister": c.complete(false, completion.Applications),
		"webhooks":                    c.complete(false, completion.Webhooks),
		"test endpoint":               c.complete(false, completion.Endpoints),
		"test mapping":                c.complete(false, completion.DataSources),
		"test webhook":                c.complete(false, completion.Webhooks),
	}
	each(root, func(cmd *cobra.Command) {
		path := strings.TrimPrefix(cmd.CommandPath(), root.Name()+" ")
		switch complete, named := arguments[path]; {
		case named:
			cmd.ValidArgsFunction = complete
		case !cmd.HasSubCommands():
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		for flag, place := range map[string]completion.Place{
			"only": completion.Classes, "limit": completion.Nothing, "port": completion.Nothing, "redirect-url": completion.Nothing,
			"user": completion.Nothing, "group": completion.Nothing, "members-of": completion.Nothing, "where": completion.Nothing,
			"base": completion.Nothing, "since": completion.Nothing,
			"automation": completion.Automations, "key": completion.Nothing,
			"application": completion.Applications, "orchestration": completion.Orchestrations,
			"state": completion.Fixed(service.DeliveryState("").Values()...),
		} {
			if cmd.Flags().Lookup(flag) != nil {
				c.completeFlag(cmd, flag, place)
			}
		}
	})
	c.completeFlag(root, "output", completion.Fixed("text", "json"))
}

// each calls do for every command below one.
func each(cmd *cobra.Command, do func(*cobra.Command)) {
	for _, sub := range cmd.Commands() {
		do(sub)
		each(sub, do)
	}
}
