package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/tryout"
)

func (c *cli) testMappingCommand() *cobra.Command {
	var keys, files []string
	var brief bool
	in := service.TestMappingRequest{}
	cmd := &cobra.Command{
		Use:   "mapping DATA_SOURCE",
		Short: "Take records through a mapping, and show how each value comes about; write nothing",
		Long: "Shows for each record whether it is in scope and by which conditions, each attribute with what the source has and what the " +
			"account should have, every expression with the values of its parts, and why the record would be set aside. It asks the " +
			"application for the records, or with --from nobody. OU, groups and match rules are those of the automation that uses the " +
			"data source.\n\n" +
			"Without --directory no directory is asked: whether names are free and whom references name is not checked. With it, both " +
			"are looked up, and so is the account that the record has or would get. It ends with 4 when a record would be set aside.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.OnDisk, in.DataSource, in.Keys = c.onDisk(), args[0], primaryKeys(keys)
			if err := checkMappingTrial(in); err != nil {
				return err
			}
			var err error
			if in.Saved, err = savedRecords(files, in); err != nil {
				return err
			}
			answer, err := ask(cmd.Context(), c, (*control.Client).TestMapping, in)
			if err != nil {
				return err
			}
			if err := c.show(answer, func(w io.Writer) { printTriedMapping(w, answer, brief) }); err != nil {
				return err
			}
			if slices.ContainsFunc(answer.Records, func(m service.Mapped) bool { return len(m.Quarantine) > 0 }) {
				return exitError(exit.Quarantine)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "the record with this primary `key`; may be said several times")
	cmd.Flags().IntVar(&in.Most, "limit", 10, "without --key: so many `records`, the first ones")
	cmd.Flags().StringArrayVar(&files, "from", nil, "take the records from this `file`, a saved answer of the endpoint; "+
		"may be said several times, the endpoint that leads first")
	cmd.Flags().BoolVar(&in.Directory, "directory", false, "look up names, references and accounts in the directory")
	cmd.Flags().StringVar(&in.Automation, "automation", "", "the `automation` whose OU, groups and match rules are taken; "+
		"without it the first one that uses the data source")
	cmd.Flags().BoolVar(&brief, "brief", false, "leave out the expressions")
	return cmd
}

func checkMappingTrial(in service.TestMappingRequest) error {
	switch {
	case in.Most < 1 || in.Most > service.MostMapped:
		return &usageError{fmt.Errorf("--limit %d: it must be from 1 to %d", in.Most, service.MostMapped)}
	case slices.Contains(in.Keys, ""):
		return &usageError{errors.New("--key: the key is empty")}
	}
	return nil
}

// savedRecords reads the records that a trial needs from saved answers: those with a
// wanted key, or the first ones of the first file and what other files have for them.
func savedRecords(files []string, in service.TestMappingRequest) ([]service.SavedRecords, error) {
	wanted := map[ident.Key]bool{}
	for _, k := range in.Keys {
		wanted[k] = true
	}
	open := len(in.Keys) == 0 // the first file says which keys are wanted
	var out []service.SavedRecords
	for _, file := range files {
		one, err := readSaved(file, func(r ident.Record) bool {
			if open && r.Key != "" && !r.Deleted && !r.Partial && len(wanted) < in.Most {
				wanted[r.Key] = true
			}
			return wanted[r.Key] || r.Number != "" && wanted[ident.Key(r.Number)] || open && r.Key == ""
		})
		if err != nil {
			return nil, err
		}
		out = append(out, one)
		open = false
	}
	return out, nil
}

func readSaved(file string, keep func(ident.Record) bool) (service.SavedRecords, error) {
	saved, err := tryout.Open(file)
	if err != nil {
		return service.SavedRecords{}, err
	}
	defer saved.Close()
	out := service.SavedRecords{File: file, Header: saved.Header}
	end, err := saved.Each(func(r ident.Record) error {
		if r.Endpoint = saved.Endpoint; keep(r) {
			out.Records = append(out.Records, r)
		}
		return nil
	})
	if err == nil && end.Problem != "" && len(out.Records) == 0 {
		err = &usageError{fmt.Errorf("%s holds a call that failed: %s", file, end.Problem)}
	}
	return out, err
}
