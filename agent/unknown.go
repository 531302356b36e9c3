package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

func (a *app) unknownApplication(name string) error {
	return &ident.UnknownNameError{What: "application", Name: name, Known: slices.Collect(maps.Keys(a.config.Applications))}
}

// knownApplication refuses a name that neither the configuration nor a link has:
// an application that was taken out of the configuration leaves its links.
func (a *app) knownApplication(ctx context.Context, name string) error {
	if _, configured := a.config.Applications[name]; configured || name == "" {
		return nil
	}
	keys, err := a.linkedKeys(ctx, name)
	if err == nil && len(keys) == 0 {
		err = control.Usage(a.unknownApplication(name))
	}
	return err
}

func (a *app) linkedKeys(ctx context.Context, application string) ([]string, error) {
	var keys []string
	err := a.store.Links(ctx, application, func(l ident.Link) error { keys = append(keys, string(l.Key)); return nil })
	return keys, err
}

// unknownLink tells which links there are instead of one that there is not.
func (a *app) unknownLink(ctx context.Context, application string, key ident.Key) error {
	keys, err := a.linkedKeys(ctx, application)
	if err != nil {
		return err
	}
	return &ident.UnknownNameError{
		What: "link of application " + application + " for the key", Name: string(key), Known: keys,
		List: ident.Command("link list", application),
	}
}

func (a *app) unknownSecret(ctx context.Context, name string) error {
	known, err := a.vault.List(ctx)
	if err != nil {
		return err
	}
	return control.Usage(&ident.UnknownNameError{What: "secret", Name: name, Known: known, List: "rollcall secret list"})
}

// wrongFlag adds what may have been meant by a flag that there is not, and what
// the value of another must be.
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
