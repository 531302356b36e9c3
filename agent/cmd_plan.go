package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/planfile"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

const runningUsage = "go by the configuration that the agent runs with, although the file is another or cannot be used"

const shrinkUsage = "believe the directory although it shows far fewer objects than before"

func (c *cli) planCommand() *cobra.Command {
	var out string
	var how extent
	var acceptShrink bool
	var keys []string
	cmd := &cobra.Command{
		Use:   "plan AUTOMATION",
		Short: "Show what a run would change, to whom and why; write nothing",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			save := func(ident.Plan) error { return nil }
			if out != "" {
				file, err := planfile.New(out)
				if err != nil {
					return err
				}
				defer file.Discard()
				save = file.Save
			}
			req := service.PlanRequest{OnDisk: c.onDisk(), Automation: args[0], AcceptShrink: acceptShrink, Keys: primaryKeys(keys)}
			p, err := ask(cmd.Context(), c, (*control.Client).Plan, req)
			if err != nil {
				return err
			}
			if p.Begins != nil {
				return c.showBegins(p, out != "")
			}
			if err := save(p.Plan); err != nil {
				return err
			}
			err = c.show(p, func(w io.Writer) {
				printPlan(w, p.Plan, how)
				printDivergence(w, p.RunningAgent, "This is what the file would do.")
			})
			if err != nil {
				return err
			}
			return planExit(p.Plan)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "save the plan to a `file` for `rollcall apply FILE`")
	cmd.Flags().BoolVar(&how.brief, "brief", false, "one line an operation")
	cmd.Flags().BoolVar(&how.verbose, "verbose", false, "show all limits, not only those that the plan counts against")
	cmd.Flags().BoolVar(&acceptShrink, "accept-shrink", false, shrinkUsage)
	cmd.Flags().StringArrayVar(&keys, "key", nil, "only the user with this primary `key`; may be said several times")
	return cmd
}

func primaryKeys(texts []string) []ident.Key {
	var keys []ident.Key
	for _, text := range texts {
		keys = append(keys, ident.Key(text))
	}
	return keys
}

// showBegins prints what an automation would begin for objects of the directory.
func (c *cli) showBegins(p service.PlanAnswer, toSave bool) error {
	if toSave {
		return &usageError{fmt.Errorf("--out: automation %s begins an orchestration, and such a plan cannot be saved: apply the automation",
			p.Begins.Automation)}
	}
	err := c.show(p, func(w io.Writer) {
		printBegins(w, *p.Begins, nil, mostListed)
		printDivergence(w, p.RunningAgent, "This is what the file would do.")
	})
	if err != nil {
		return err
	}
	return beginExit(*p.Begins)
}

func planExit(p ident.Plan) error {
	_, held, refused := countVerdicts(p)
	switch {
	case held+refused > 0, p.Doubt != "", slices.ContainsFunc(p.Limits, startHolds):
		return exitError(exit.Held)
	case len(p.Quarantined) > 0:
		return exitError(exit.Quarantine)
	}
	return nil
}

// startHolds reports whether a limit is that of orchestrations that begin, and
// would hold some.
func startHolds(l ident.LimitState) bool { return l.Class == ident.ClassStart && l.Over > 0 }

const verboseUsage = "list every operation and every limit, not only what did not go as planned"

func (c *cli) applyCommand() *cobra.Command {
	var verbose, acceptShrink, running bool
	var keys []string
	cmd := &cobra.Command{
		Use:   "apply AUTOMATION|FILE",
		Short: "Run an automation, or apply a saved plan as it stands",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			named := service.NewOnDisk(c.configPath, running)
			req := service.ApplyRequest{OnDisk: named, Automation: args[0], AcceptShrink: acceptShrink, Keys: primaryKeys(keys)}
			info, err := os.Stat(args[0])
			if err != nil && (filepath.Ext(args[0]) == ".json" || filepath.Base(args[0]) != args[0]) {
				return &usageError{fmt.Errorf("there is no file %s: `rollcall plan AUTOMATION --out FILE` makes one", args[0])}
			}
			if err == nil && info.Mode().IsRegular() {
				if len(keys) > 0 {
					return &usageError{errors.New("--key: a saved plan is applied as it stands: " +
						"make it with `rollcall plan AUTOMATION --key KEY --out FILE`")}
				}
				p, err := planfile.Load(args[0])
				if err != nil {
					return err
				}
				req = service.ApplyRequest{OnDisk: named, Plan: &p}
			}
			return report(cmd.Context(), c, (*control.Client).Apply, req, extent{brief: !verbose, verbose: verbose})
		},
	}
	cmd.Flags().BoolVar(&verbose, "verbose", false, verboseUsage)
	cmd.Flags().BoolVar(&acceptShrink, "accept-shrink", false, shrinkUsage)
	cmd.Flags().StringArrayVar(&keys, "key", nil, "try it for the user with this primary `key` only; may be said several times")
	cmd.Flags().BoolVar(&running, "running-config", false, runningUsage)
	return cmd
}

// report makes a call that returns a run, prints the run and chooses the exit
// code.
func report[In any](
	ctx context.Context, c *cli, question func(*control.Client, context.Context, In) (service.ReportAnswer, error), req In, how extent,
) error {
	r, err := ask(ctx, c, question, req)
	if err != nil {
		return err
	}
	err = c.show(r, func(w io.Writer) {
		printReport(w, r.Report, how)
		if r.Begun > 0 {
			begin := counted(r.Begun, "orchestration that it held begins or goes on", "orchestrations that it held begin or go on")
			pageOf(w).put("", begin+" now: `rollcall orchestrations`.")
		}
		printStillWaiting(pageOf(w), r)
		printDivergence(w, r.RunningAgent, "This was done by the configuration that the agent runs with.")
	})
	if err != nil {
		return err
	}
	return answerExit(r)
}

// answerExit returns the exit code of a call that returns a run. A run whose held
// orchestrations begin now was made before: its own end, good or bad, is no news
// of this call.
func answerExit(r service.ReportAnswer) error {
	switch {
	case !r.Earlier:
		return resultExit(r.Result)
	case r.Held+r.HeldStarts > 0:
		return exitError(exit.Held)
	}
	return nil
}

func resultExit(result service.RunResult) error {
	switch result {
	case service.RunFailed, service.RunPartial, service.RunInterrupted:
		return exitError(exit.Failed)
	case service.RunHeld, service.RunDoubtful:
		return exitError(exit.Held)
	case service.RunQuarantined:
		return exitError(exit.Quarantine)
	case service.RunOK, service.RunRunning:
	}
	return nil
}

const overtakenUsage = "also begin what a later change of the same object has overtaken"

func (c *cli) approveCommand() *cobra.Command {
	var only string
	var verbose, overtaken bool
	cmd := &cobra.Command{
		Use:   "approve RUN",
		Short: "Apply what a run holds, checked against the directory as it is now, and let the orchestrations go on that it holds",
		Long: "What a run of the schedule or of a command holds is compared with the directory once more; a change whose old values no " +
			"longer hold is skipped and reported. Of a run that holds what changes in the directory would begin, which grows while it " +
			"waits, only what you were shown by runs or orchestrations is approved; the answer counts the rest. What a later change " +
			"of the same object has overtaken, such as a leaver who is enabled again, stays held and is named; --overtaken begins it " +
			"all the same.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := decision(args[0], only)
			if err != nil {
				return err
			}
			req.OnDisk, req.Overtaken = c.onDisk(), overtaken
			return report(cmd.Context(), c, (*control.Client).Approve, req, extent{brief: !verbose, verbose: verbose})
		},
	}
	cmd.Flags().BoolVar(&verbose, "verbose", false, verboseUsage)
	cmd.Flags().StringVar(&only, "only", "", "approve only this `class` of operations: create, disable, ...")
	cmd.Flags().BoolVar(&overtaken, "overtaken", false, overtakenUsage)
	return cmd
}

func (c *cli) rejectCommand() *cobra.Command {
	var only string
	cmd := &cobra.Command{
		Use:   "reject RUN",
		Short: "Decide against what a run holds; the same is not asked again",
		Long: "What is rejected is not done, and a later run does not ask for the same again until the wish or the account has changed. " +
			"Of a run that holds what changes in the directory would begin, which grows while it waits, only what you were shown by runs or " +
			"orchestrations is rejected; the answer counts the rest.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := decision(args[0], only)
			if err != nil {
				return err
			}
			answer, err := ask(cmd.Context(), c, (*control.Client).Reject, req)
			if err != nil {
				return err
			}
			return c.show(answer, func(w io.Writer) { printRejected(w, req.Run, answer) })
		},
	}
	cmd.Flags().StringVar(&only, "only", "", "reject only this `class` of operations: create, disable, ...")
	return cmd
}

func printRejected(w io.Writer, run int64, answer service.RejectAnswer) {
	if answer.Rejected > 0 || answer.Orchestrations == 0 {
		verb := "are"
		if answer.Rejected == 1 {
			verb = "is"
		}
		pageOf(w).put("", fmt.Sprintf("%s of run %d %s rejected and will not be asked again.", operations(answer.Rejected), run, verb))
	}
	if answer.Orchestrations > 0 {
		verb := "are"
		if answer.Orchestrations == 1 {
			verb = "is"
		}
		pageOf(w).put("", fmt.Sprintf("%s that run %d held %s cancelled.",
			counted(answer.Orchestrations, "orchestration", "orchestrations"), run, verb))
	}
	printUnseen(pageOf(w), run, answer.Unseen)
}

func decision(run, only string) (service.DecideRequest, error) {
	id, err := parseRun(run)
	if err != nil {
		return service.DecideRequest{}, err
	}
	class := ident.Class(only)
	if only != "" && !slices.Contains(ident.Classes, class) {
		known := make([]string, len(ident.Classes))
		for i, c := range ident.Classes {
			known[i] = string(c)
		}
		return service.DecideRequest{}, &usageError{fmt.Errorf("--only: %w",
			&ident.UnknownNameError{What: "class of operations", Name: only, Known: known})}
	}
	return service.DecideRequest{Run: id, Only: class}, nil
}

func parseRun(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, &usageError{fmt.Errorf("%q is not the number of a run: `rollcall runs` lists them", text)}
	}
	return id, nil
}
