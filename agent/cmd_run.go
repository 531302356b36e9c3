package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) runCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the agent: automations by their schedules, metrics, commands",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			a, err := runtime.Lock(cmd.Context(), cfg, runtime.Settings{Log: newLogger(cfg.Agent.Log, c.stderr), Version: version})
			if err != nil {
				return err
			}
			defer a.Close()
			if once {
				return runOnce(cmd.Context(), a)
			}
			return serve(cmd.Context(), a)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "run every automation that is due once, send what is due, and end")
	return cmd
}

// stopTime is how long calls and runs may take to reach a safe point after the
// agent was told to stop.
const stopTime = 4 * time.Second

// serve runs the daemon. It accepts commands from the first moment; they wait
// until the agent has started.
func serve(ctx context.Context, a *runtime.Agent) error {
	commands, err := control.Listen(ctx, a.Config().Agent.StateDir)
	if err != nil {
		return err
	}
	return a.Run(ctx, func(ctx context.Context, started func(context.Context) error) error {
		return control.Serve(ctx, commands, control.Calls(service.New(a), a.Log()).Before(started), stopTime, a.Log())
	})
}

// runOnce runs what is due, and chooses the exit code.
func runOnce(ctx context.Context, a *runtime.Agent) error {
	if err := a.Open(ctx); err != nil {
		return err
	}
	ended, err := a.RunDue(ctx)
	if err != nil {
		return err
	}
	worst := exit.Done
	for _, one := range ended {
		worst = worse(worst, resultExit(one.Report.Result), one.Err)
	}
	if worst != exit.Done {
		return exitError(worst)
	}
	return nil
}

// worse returns the exit code that a caller must know about first.
func worse(worst int, result error, failure error) int {
	code := exit.Done
	var silent exitError
	if errors.As(result, &silent) {
		code = int(silent)
	}
	if failure != nil {
		code = exit.Failed
	}
	order := []int{exit.Done, exit.Quarantine, exit.Held, exit.Failed}
	if slices.Index(order, code) > slices.Index(order, worst) {
		return code
	}
	return worst
}
