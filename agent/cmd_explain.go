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
	Person       service.Person          `json:"person"`
	Now          []service.Prospect      `json:"now"` // what runs would do
	Timeline     []service.TimelineEntry `json:"timeline"`
	RunningAgent *service.Divergence     `json:"running_agent,omitempty"`
}

func (c *cli) explainCommand() *cobra.Command {
	var since string
	var limit int
	var fetch, brief bool
	cmd := &cobra.Command{
		Use:   "explain USER",
		Short: "Tell what a run would do about a user and why, and what happened to them, with causes",
		Long: "USER is a sAMAccountName, UPN, mail, DN or objectGUID, or an application's key as APPLICATION:KEY (of another kind than user: " +
			"APPLICATION/KIND:KEY). It may be somebody who was deleted, as long as something about them is kept.\n\n" +
			"It fetches the user's records and shows for each automation that reads them: scope with its conditions, each attribute with " +
			"the expressions and the values of their parts, the account and what found it, and what a run would change now; nothing is " +
			"written. Where a single record cannot be asked for, that is left out unless --fetch says to fetch everybody; so is what is not " +
			"found out within 30 seconds. --fetch=false asks neither application nor directory.\n\n" +
			"The newest entry comes last. Times are of this machine's time zone.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := parseSince(since, time.Now())
			if err != nil {
				return err
			}
			e := explanation{Now: []service.Prospect{}, Timeline: []service.TimelineEntry{}}
			request := service.ExplainRequest{User: args[0], Since: from, Most: limit, OnDisk: c.onDisk(), Outlook: service.OutlookQuick}
			if cmd.Flags().Changed("fetch") {
				request.Outlook = map[bool]service.Outlook{true: service.OutlookWhole, false: service.OutlookNone}[fetch]
			}
			err = list(cmd.Context(), c, (*control.Client).Explain, request, func(one service.Explained) error {
				if one.Person != nil {
					e.Person = *one.Person
				}
				if one.Prospect != nil {
					e.Now = append(e.Now, *one.Prospect)
				}
				if one.RunningAgent != nil {
					e.RunningAgent = one.RunningAgent
				}
				if one.Entry != nil {
					e.Timeline = append(e.Timeline, *one.Entry)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return c.show(e, func(w io.Writer) { printExplanation(w, e, brief) })
		},
	}
	cmd.Flags().StringVar(&since, "since", "",
		"nothing before this: a `time` such as 2026-11-30 or \"2026-11-30 14:00\", or how long ago, such as 24h or 7d")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many entries, the newest")
	cmd.Flags().BoolVar(&fetch, "fetch", false, "look at the records now, although everybody must be fetched or it takes long; "+
		"with =false look at none")
	cmd.Flags().BoolVar(&brief, "brief", false, "leave out the expressions")
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
