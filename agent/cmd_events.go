package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// seenEvents is the answer to events as a whole.
type seenEvents struct {
	Earlier int                 `json:"earlier"` // that are not listed
	Events  []service.SeenEvent `json:"events"`
}

func (c *cli) eventsCommand() *cobra.Command {
	var request service.EventsRequest
	var since string
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List what the directory showed, whoever changed it, and what automations made of it",
		Long: "The newest event comes last; when there are more than --limit, the first line says how many others there are. " +
			"An event is there once the agent has read it, while an automation asks for changes of the directory. " +
			"A verdict of an automation says why nothing began: filtered (its condition is false), echo (the change came " +
			"from where it would go), aside (a person must look: `rollcall quarantine list`).",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if request.Since, err = parseSince(since, time.Now()); err != nil {
				return err
			}
			seen := seenEvents{Events: []service.SeenEvent{}} // a table needs all widths, and JSON must be complete
			err = list(cmd.Context(), c, (*control.Client).Events, request, func(one service.ListedEvent) error {
				seen.Earlier += one.Earlier
				if one.Event != nil {
					seen.Events = append(seen.Events, *one.Event)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return c.show(seen, func(w io.Writer) { printEvents(w, seen) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&request.User, "user", "", "only about this `user`: sAMAccountName, UPN, mail, DN, objectGUID or APPLICATION:KEY")
	flags.StringVar(&since, "since", "", "nothing before this `time`, or this long ago, such as 24h or 7d")
	flags.BoolVar(&request.Open, "open", false, "only those that no automation has judged yet")
	flags.IntVar(&request.Most, "limit", 100, "how many, the newest")
	return cmd
}
