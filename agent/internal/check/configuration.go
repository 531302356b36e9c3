package check

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
)

// Configuration checks everything that can be known of a configuration without
// a connection, and reports all of it at once. The error is a config.Errors if
// the texts are wrong, otherwise an exit.UsageError. With remote, it leaves
// the files and secrets to an agent, which may run as another user in another
// environment.
func Configuration(ctx context.Context, path string, remote bool) (*config.Config, []string, error) {
	cfg, errs := config.Check(path)
	if cfg == nil {
		return nil, nil, errs
	}
	left, more := cfg.Leftovers()
	warnings := texts(slices.Concat(cfg.Warnings, more))
	var wrong []string
	for _, err := range slices.Concat(errs, left) {
		wrong = append(wrong, err.Error())
	}
	if len(errs) == 0 {
		misfits, doubts := connectors(ctx, cfg)
		wrong, warnings = append(wrong, misfits...), append(warnings, doubts...)
	}
	if !remote {
		n := lookNearby(ctx, cfg)
		wrong, warnings = append(wrong, n.wrong...), append(warnings, n.warnings...)
	}
	slices.SortStableFunc(warnings, byPlace)
	if len(wrong) == 0 {
		return cfg, slices.Compact(warnings), nil
	}
	all := append(wrong, warnings...)
	slices.SortStableFunc(all, byPlace)
	all = slices.Compact(all)
	if len(errs) == 0 {
		return nil, nil, exit.Mistake(errors.New(strings.Join(all, "\n")))
	}
	lines := make(config.Errors, len(all))
	for i, text := range all {
		lines[i].Message = text
	}
	return nil, nil, lines
}

var placeForm = regexp.MustCompile(`^(.*?):([0-9]+):([0-9]+): `)

// byPlace orders lines by the place in the configuration at their beginning.
func byPlace(a, b string) int {
	x, y := placeForm.FindStringSubmatch(a), placeForm.FindStringSubmatch(b)
	if x == nil || y == nil {
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	line, column := cmp.Compare(number(x[2]), number(y[2])), cmp.Compare(number(x[3]), number(y[3]))
	return cmp.Or(cmp.Compare(x[1], y[1]), line, column, cmp.Compare(a, b))
}

func texts(warnings []config.Warning) []string {
	all := make([]string, 0, len(warnings))
	for _, w := range warnings {
		all = append(all, w.String())
	}
	return all
}
