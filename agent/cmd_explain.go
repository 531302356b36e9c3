package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// explanation is the answer to explain as a whole.
type explanation struct {
	Person   service.Person          `json:"person"`
	Timeline []service.TimelineEntry `json:"timeline"`
}

func (c *cli) explainCommand() *cobra.Command {
	var since string
	var limit int
	cmd := &cobra.Command{
		Use:   "explain USER",
		Short: "Tell what happened to a user, from all sides, in order of time and with causes",
		Long: "USER is a sAMAccountName, UPN, mail, DN or objectGUID, or an application's key as APPLICATION:KEY (of another kind than user: " +
			"APPLICATION/KIND:KEY). It may be somebody who was deleted, as long as something about them is kept.\n\n" +
			"The newest entry comes last. Times are of this machine's time zone.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := parseSince(since, time.Now())
			if err != nil {
				return err
			}
			e := explanation{Timeline: []service.TimelineEntry{}}
			request := service.ExplainRequest{User: args[0], Since: from, Most: limit}
			err = list(cmd.Context(), c, (*control.Client).Explain, request, func(one service.Explained) error {
				if one.Person != nil {
					e.Person = *one.Person
				}
				if one.Entry != nil {
					e.Timeline = append(e.Timeline, *one.Entry)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return c.show(e, func(w io.Writer) { printExplanation(w, e) })
		},
	}
	cmd.Flags().StringVar(&since, "since", "",
		"nothing before this: a `time` such as 2026-11-30 or \"2026-11-30 14:00\", or how long ago, such as 24h or 7d")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many entries, the newest")
	return cmd
}

// sinceForms are the forms of a time on a command line, in the local time zone
// where they name none.
var sinceForms = []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

// parseSince reads a time, or how long before now it was; zero for "".
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range sinceForms {
		if at, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return at, nil
		}
	}
	if digits, days := strings.CutSuffix(text, "d"); days {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, &usageError{fmt.Errorf("--since %q is no time: write 2026-11-30, \"2026-11-30 14:00\", 24h or 7d", text)}
}
