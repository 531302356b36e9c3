package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/tryout"
)

// triedEndpoint is what test endpoint prints: what was called, how it went and
// what the records hold.
type triedEndpoint struct {
	tryout.Header
	Call tryout.End `json:"call"`
	tryout.Summary
	Saved        string              `json:"saved,omitempty"` // the file that the answer is in
	RunningAgent *service.Divergence `json:"running_agent,omitempty"`
}

// endpointTrial holds the flags of test endpoint.
type endpointTrial struct {
	limit      int
	save, from string
	values     bool
}

func (c *cli) testEndpointCommand() *cobra.Command {
	var t endpointTrial
	cmd := &cobra.Command{
		Use:   "endpoint APPLICATION/ENDPOINT",
		Short: "Call an endpoint, and show what its records hold",
		Long: "Makes the call of an endpoint as a run would, and shows the requests with secrets as asterisks, and every " +
			"attribute of the records: " +
			"its types, how many records have a value, null, an empty value or nothing there, some values, and the template that gives the value " +
			"in a mapping. Nothing is written to the directory or the state.\n\n" +
			"--save keeps the records in a file that only you can read, and --from shows such a file again without a call. " +
			"With --output json values are shown only with --show-values, unless the records stand for no people.",
		Args: func(cmd *cobra.Command, args []string) error {
			if t.from != "" && len(args) == 0 {
				return nil
			}
			return exactly(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("show-values") {
				t.values = c.output != "json"
			}
			if t.from != "" {
				return c.showSavedEndpoint(t, args, cmd.Flags().Changed("show-values"))
			}
			application, endpoint, ok := strings.Cut(args[0], "/")
			if !ok || application == "" || endpoint == "" {
				return &usageError{fmt.Errorf("%q names no endpoint: write APPLICATION/ENDPOINT, such as pipedrive/users", args[0])}
			}
			in := service.TestEndpointRequest{OnDisk: c.onDisk(), Application: application, Endpoint: endpoint, Pages: t.limit}
			return c.tryEndpoint(cmd.Context(), in, t, cmd.Flags().Changed("show-values"))
		},
	}
	cmd.Flags().IntVar(&t.limit, "limit", 0, "at most so many `pages`; without it all")
	cmd.Flags().StringVar(&t.save, "save", "", "keep the records in this `file`")
	cmd.Flags().StringVar(&t.from, "from", "", "show what this `file` keeps, and call nobody")
	cmd.Flags().BoolVar(&t.values, "show-values", false, "show some values of each attribute (in text output they are "+
		"shown unless this is false)")
	return cmd
}

// checkTrial refuses flags that mean nothing together.
func checkTrial(t endpointTrial) error {
	switch {
	case t.limit < 0:
		return &usageError{fmt.Errorf("--limit %d is no number of pages", t.limit)}
	case t.from != "" && (t.save != "" || t.limit != 0):
		return &usageError{errors.New("--from reads a file and calls nobody: --save and --limit are about a call")}
	}
	return nil
}

// tryEndpoint makes the call, counts what comes and keeps it where that is wanted.
func (c *cli) tryEndpoint(ctx context.Context, in service.TestEndpointRequest, t endpointTrial, chosen bool) error {
	if err := checkTrial(t); err != nil {
		return err
	}
	to, err := newSaver(t.save)
	if err != nil {
		return err
	}
	defer to.Discard()
	var out triedEndpoint
	var counts *tryout.Collector
	err = list(ctx, c, (*control.Client).TestEndpoint, in, func(part service.Tried) error {
		if part.Header != nil {
			out.Header = *part.Header
			counts = tryout.NewCollector(showsValues(t, chosen, out.Header))
			if err := to.Begin(out.Header); err != nil {
				return err
			}
		}
		for _, r := range part.Records {
			counts.Add(r)
			if err := to.Record(r); err != nil {
				return err
			}
		}
		if part.End != nil {
			out.Call, out.RunningAgent = *part.End, part.RunningAgent
			return to.Finish(*part.End)
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Summary, out.Saved = counts.Summary(), t.save
	return c.showTriedEndpoint(out)
}

// showsValues reports whether values of people's records are shown.
func showsValues(t endpointTrial, chosen bool, h tryout.Header) bool {
	return t.values || !chosen && h.Audience == "objects"
}

func (c *cli) showSavedEndpoint(t endpointTrial, args []string, chosen bool) error {
	if err := checkTrial(t); err != nil {
		return err
	}
	s, err := tryout.Open(t.from)
	if err != nil {
		return err
	}
	defer s.Close()
	out := triedEndpoint{Header: s.Header}
	if name := s.Application + "/" + s.Endpoint; len(args) == 1 && args[0] != name {
		return &usageError{fmt.Errorf("%s holds an answer of %s, not of %s", t.from, name, args[0])}
	}
	counts := tryout.NewCollector(showsValues(t, chosen, s.Header))
	out.Call, err = s.Each(func(r ident.Record) error {
		counts.Add(r)
		return nil
	})
	if err != nil {
		return err
	}
	out.Summary = counts.Summary()
	return c.showTriedEndpoint(out)
}

func (c *cli) showTriedEndpoint(out triedEndpoint) error {
	if err := c.show(out, func(w io.Writer) { printTriedEndpoint(w, out) }); err != nil {
		return err
	}
	if out.Call.Problem != "" {
		return exitError(exit.Failed)
	}
	return nil
}

// saver keeps records, or nothing.
type saver interface {
	Begin(tryout.Header) error
	Record(ident.Record) error
	Finish(tryout.End) error
	Discard()
}

// newSaver returns what keeps records in a file; without one nothing is kept.
func newSaver(path string) (saver, error) {
	if path == "" {
		return nowhere{}, nil
	}
	return tryout.Create(path)
}

type nowhere struct{}

func (nowhere) Begin(tryout.Header) error { return nil }
func (nowhere) Record(ident.Record) error { return nil }
func (nowhere) Finish(tryout.End) error   { return nil }
func (nowhere) Discard()                  {}
