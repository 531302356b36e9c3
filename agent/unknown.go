package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// wrongFlag adds suggestions for an unknown flag, and the allowed values for a
// flag with a wrong one.
func wrongFlag(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		if needed := map[string]string{"int": "a whole number", "bool": "true or false"}[invalid.GetFlag().Value.Type()]; needed != "" {
			return fmt.Errorf("invalid argument %q for \"--%s\": it must be %s", invalid.GetValue(), invalid.GetFlag().Name, needed)
		}
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if near := text.Nearest(unknown.GetSpecifiedName(), known); near != "" {
		return fmt.Errorf("%w (did you mean --%s?)", err, near)
	}
	return err
}
