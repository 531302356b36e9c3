// Command rollcall keeps the people in business applications and in Active
// Directory in step. See README.md and docs/.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
)

// version is set by the linker.
var version = "dev"

func main() {
	if code, asked := runtime.CompileIfAsked(context.Background()); asked {
		os.Exit(code)
	}
	stderr := newStatus(os.Stderr)
	ctx := untilTold(func() { leaveAtOnce(stderr) })
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, stderr))
}

// run executes one command and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &cli{stdin: stdin, stdout: stdout, stderr: newStatus(stderr)}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(c.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exit.Done
	}
	return c.fail(err)
}

// cli is what all commands share.
type cli struct {
	stdin      io.Reader
	stdout     io.Writer
	stderr     *status
	configPath string
	output     string
	understood bool // the command line was understood; an error before that is wrong usage
}

// exitError ends a command with a code and nothing more to print.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// fail prints the error for people and chooses the exit code.
func (c *cli) fail(err error) int {
	var silent exitError
	if errors.As(err, &silent) {
		return int(silent)
	}
	var conf config.Errors
	if errors.As(err, &conf) { // each line begins with its place
		openPage(c.stderr).lines(plainText, "", err.Error())
		return exit.Usage
	}
	openPage(c.stderr).lines(red, "rollcall: ", err.Error())
	var answer *control.Error
	if errors.As(err, &answer) {
		return answer.Exit
	}
	var wrong *usageError
	var mistake *exit.UsageError
	if errors.As(err, &wrong) || errors.As(err, &mistake) || !c.understood {
		return exit.Usage
	}
	return exit.Failed
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "rollcall",
		Short:         "Keeps the people in business applications and in Active Directory in step",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{wrongFlag(cmd, err)} })
	root.PersistentFlags().StringVar(&c.configPath, "config", config.DefaultPath(), "the configuration `file`")
	root.PersistentFlags().StringVar(&c.output, "output", "text", "what is printed: `text or json`")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if c.output != "text" && c.output != "json" {
			return &usageError{fmt.Errorf("--output %q: it is text or json", c.output)}
		}
		if err := cmd.ValidateRequiredFlags(); err != nil {
			return &usageError{err}
		}
		c.understood = true
		return nil
	}
	root.AddCommand(
		c.runCommand(), c.validateCommand(), c.planCommand(), c.applyCommand(),
		c.approveCommand(), c.rejectCommand(), c.runsCommand(), c.linkCommand(),
		c.connectorsCommand(), c.connectorCommand(), c.secretCommand(), c.quarantineCommand(),
		c.functionsCommand(), c.convertCommand(), c.suggestCommand(), c.macrosCommand(), c.journalCommand(), c.authorizeCommand(),
		c.queueCommand(), c.orchestrationsCommand(), c.webhooksCommand(), c.testCommand(), c.orchestrateCommand(),
		c.explainCommand(), c.eventsCommand(),
		c.webhookReceiverCommand(),
	)
	c.completions(root)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, own := range root.Commands() { // cobra's own commands accept any arguments
		switch own.Name() {
		case "help":
			own.Args = topics(root)
		case "completion":
			own.Args, own.RunE = nil, onlyNamed(own.Commands())
		}
	}
	return root
}

// topics refuses an unknown command.
func topics(root *cobra.Command) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		of, rest, err := root.Find(args)
		if err == nil && of.HasSubCommands() && of != root && len(rest) > 0 {
			err = onlyNamed(of.Commands())(of, rest)
		}
		if err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// group returns a command that only contains others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		RunE: onlyNamed(commands),
	}
	cmd.AddCommand(commands...)
	return cmd
}

// onlyNamed returns the action of a command that only contains others: it
// lists them.
func onlyNamed(commands []*cobra.Command) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		known := make([]string, len(commands))
		for i, c := range commands {
			known[i] = c.Name()
		}
		return &usageError{&ident.UnknownNameError{What: cmd.CommandPath() + " command", Name: args[0], Known: known}}
	}
}

// exactly is like cobra.ExactArgs, with the usage in its message.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

// between requires a number of arguments, and says otherwise how the command is used.
func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return &usageError{fmt.Errorf("usage: %s", cmd.UseLine())}
		}
		return nil
	}
}
