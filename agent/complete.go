package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/regular"
)

// completeWithin is how long the completion of a command may take: somebody
// waits at the keyboard, and no names are better than late ones.
const completeWithin = 500 * time.Millisecond

// completing is what names for a command line are taken from: the
// configuration as it is on disk, and the state as it is. No agent is asked.
type completing struct {
	config.Outline
	ctx    context.Context //nolint:containedctx // it lives for one completion only
	prefix string          // what has been typed of the word
}

// names yields the names that may stand at one place.
type names func(o *completing, args []string) []store.Named

// complete makes the completion of a command's arguments: one list of names for
// each of them, and for the last one files where withFiles says so.
func (c *cli) complete(withFiles bool, places ...names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(places) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		files := cobra.ShellCompDirectiveNoFileComp
		if withFiles && len(args) == len(places)-1 {
			files = cobra.ShellCompDirectiveDefault
		}
		return c.within(cmd, typed, func(o *completing) []store.Named { return places[len(args)](o, args) }), files
	}
}

// completeFlag makes the completion of a flag's value.
func (c *cli) completeFlag(cmd *cobra.Command, flag string, place names) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return c.within(cmd, typed, func(o *completing) []store.Named { return place(o, args) }), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the command has no such flag
	}
}

// within finds names, as far as that is done in time. Whatever goes wrong is
// not for a shell that draws its prompt: there are no names then.
func (c *cli) within(cmd *cobra.Command, typed string, find func(*completing) []store.Named) []cobra.Completion {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	found := make(chan []store.Named, 1)
	go func() {
		defer func() {
			if recover() != nil {
				found <- nil
			}
		}()
		found <- find(&completing{Outline: config.ReadOutline(c.configPath), ctx: ctx, prefix: typed})
	}()
	select {
	case list := <-found:
		return offered(list, typed)
	case <-ctx.Done():
		return nil
	}
}

// offered are the names that begin with what was typed. Keys and names of people
// are foreign texts, and the shell takes what is offered into its line: only
// what needs no quoting is.
func offered(list []store.Named, typed string) []cobra.Completion {
	var out []cobra.Completion
	for _, n := range list {
		if !strings.HasPrefix(n.Name, typed) || !plainWord(n.Name) {
			continue
		}
		about := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(" .,-'", r) {
				return r
			}
			return -1
		}, n.About)
		if about = strings.TrimSpace(about); about != "" {
			out = append(out, cobra.CompletionWithDesc(n.Name, about))
		} else {
			out = append(out, n.Name)
		}
	}
	return out
}

func plainWord(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._+/@-", r)
	})
}

func asNamed(list []string) []store.Named {
	out := make([]store.Named, len(list))
	for i, name := range list {
		out[i].Name = name
	}
	return out
}

// glimpse asks the state, as far as it can be read at once.
func (o *completing) glimpse(ask func(context.Context, *store.Glimpse) ([]store.Named, error)) []store.Named {
	g, err := store.OpenGlimpse(o.StateDir)
	if err != nil {
		return nil
	}
	defer func() { _ = g.Close() }()
	list, err := ask(o.ctx, g)
	if err != nil {
		return nil
	}
	return list
}

func automationNames(o *completing, _ []string) []store.Named { return asNamed(o.Automations) }

func applicationNames(o *completing, _ []string) []store.Named { return asNamed(o.Applications) }

func noNames(*completing, []string) []store.Named { return nil }

func runNumbers(held bool) names {
	return func(o *completing, _ []string) []store.Named {
		return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) { return g.Runs(ctx, held) })
	}
}

// classNames are those that the run in question holds, or all when nobody knows.
func classNames(o *completing, args []string) []store.Named {
	if len(args) > 0 {
		held := o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) { return g.Classes(ctx, args[0]) })
		if len(held) > 0 {
			return held
		}
	}
	var all []store.Named
	for _, class := range ident.Classes {
		all = append(all, store.Named{Name: string(class)})
	}
	return all
}

// linkedKeys are the keys of the application, or of the automation, that the
// first argument names.
func linkedKeys(o *completing, args []string) []store.Named {
	application := args[0]
	if of, known := o.ApplicationOf[application]; known {
		application = of
	}
	return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) {
		return g.Links(ctx, application, o.prefix)
	})
}

// quarantinedKeys are keys of records that are set aside as a whole, or of
// accounts with a part that needs a person.
func quarantinedKeys(whole bool) names {
	return func(o *completing, args []string) []store.Named {
		return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) {
			return g.Quarantined(ctx, args[0], o.prefix, whole)
		})
	}
}

func refusedKeys(o *completing, args []string) []store.Named {
	return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) {
		return g.Refused(ctx, args[0], o.prefix)
	})
}

func secretNames(o *completing, _ []string) []store.Named {
	return o.glimpse(func(ctx context.Context, g *store.Glimpse) ([]store.Named, error) { return g.Secrets(ctx) })
}

// largestModule is how much of a file is read to find the name of a connector.
const largestModule = 64 << 20

// connectorNames are those of the applications, and those of the files in the
// modules folder.
func connectorNames(o *completing, _ []string) []store.Named {
	known := slices.Clone(o.Connectors)
	files, _ := filepath.Glob(filepath.Join(o.ModulesDir, "*.wasm"))
	for _, file := range files {
		if o.ctx.Err() != nil {
			break
		}
		body, err := regular.Read(file, largestModule)
		if err != nil {
			continue
		}
		if m, err := host.ReadManifest(body); err == nil && !slices.Contains(known, m.Name) {
			known = append(known, m.Name)
		}
	}
	slices.Sort(known)
	return asNamed(known)
}

func functionNames(*completing, []string) []store.Named {
	var all []store.Named
	for _, f := range expr.Functions() {
		all = append(all, store.Named{Name: f.Name, About: f.Description})
	}
	return all
}

// completions says what may stand at each place of a command line.
func (c *cli) completions(root *cobra.Command) {
	arguments := map[string]cobra.CompletionFunc{
		"plan":              c.complete(false, automationNames),
		"apply":             c.complete(true, automationNames),
		"approve":           c.complete(false, runNumbers(true)),
		"reject":            c.complete(false, runNumbers(true)),
		"runs":              c.complete(false, runNumbers(false)),
		"link list":         c.complete(false, applicationNames),
		"link add":          c.complete(false, automationNames, quarantinedKeys(true)),
		"link rekey":        c.complete(false, automationNames, linkedKeys, quarantinedKeys(true)),
		"link remove":       c.complete(false, applicationNames, linkedKeys),
		"quarantine accept": c.complete(false, automationNames, quarantinedKeys(false)),
		"quarantine retry":  c.complete(false, automationNames, refusedKeys),
		"connectors":        c.complete(false, connectorNames),
		"connector build": func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		"connector sign":   c.complete(true, noNames),
		"connector verify": c.complete(true, noNames),
		"secret set":       c.complete(false, secretNames),
		"secret delete":    c.complete(false, secretNames),
		"functions":        c.complete(false, functionNames),
		"authorize":        c.complete(false, applicationNames),
	}
	each(root, func(cmd *cobra.Command) {
		path := strings.TrimPrefix(cmd.CommandPath(), root.Name()+" ")
		switch complete, named := arguments[path]; {
		case named:
			cmd.ValidArgsFunction = complete
		case !cmd.HasSubCommands():
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		for flag, place := range map[string]names{"only": classNames, "limit": noNames, "port": noNames, "redirect-url": noNames} {
			if cmd.Flags().Lookup(flag) != nil {
				c.completeFlag(cmd, flag, place)
			}
		}
	})
	c.completeFlag(root, "output", func(*completing, []string) []store.Named { return asNamed([]string{"text", "json"}) })
}

// each calls do for every command below one.
func each(cmd *cobra.Command, do func(*cobra.Command)) {
	for _, sub := range cmd.Commands() {
		do(sub)
		each(sub, do)
	}
}
