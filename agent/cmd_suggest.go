package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/suggest"
	"github.com/rollcall-agent/rollcall/agent/internal/tryout"
)

func (c *cli) suggestCommand() *cobra.Command {
	return group("suggest", "Propose a part of the configuration", c.suggestMappingCommand())
}

func (c *cli) suggestMappingCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "mapping APPLICATION/ENDPOINT",
		Short: "A data source from what an endpoint delivers, as TOML to paste",
		Long: "Proposes a data source: primary key, where, names, mail, phone and what else the names of the fields tell, each " +
			"line with its reason as a comment. What a name does not tell is left as a comment. It goes by the connector's list of " +
			"fields; with --from also by what really came, in a saved answer of the endpoint. The application is not asked, and " +
			"nothing is written: read the lines, paste what is right, and look at rollcall plan.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := service.SuggestRequest{Place: args[0]}
			if from != "" {
				if err := seenIn(from, &in); err != nil {
					return err
				}
			}
			answer, err := ask(cmd.Context(), c, (*control.Client).Suggest, in)
			if err != nil {
				return err
			}
			return c.show(answer, func(w io.Writer) { _, _ = fmt.Fprint(w, escaped(answer.TOML, "\n")) })
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "an answer of the endpoint that was saved in this `file`")
	return cmd
}

// seenIn adds to a request what the records of a saved answer hold.
func seenIn(path string, in *service.SuggestRequest) error {
	saved, err := tryout.Open(path)
	if err != nil {
		return err
	}
	defer saved.Close()
	if name := saved.Application + "/" + saved.Endpoint; in.Place != name {
		return &usageError{fmt.Errorf("%s holds an answer of %s, not of %s", path, name, in.Place)}
	}
	var sample suggest.Sample
	end, err := saved.Each(func(r ident.Record) error { sample.Add(r); return nil })
	if err != nil {
		return err
	}
	in.Seen, in.Incomplete = sample.Seen(), !end.Complete
	return nil
}
