// Command cmd runs the simulator of Pipedrive's API on a loopback address until
// it is stopped.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
	"github.com/rollcall-agent/rollcall/plugins/pipedrive/sim"
)

func main() { os.Exit(simkit.Main(run)) }

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	listen, opts, err := options(args, stderr)
	if err != nil {
		return err
	}
	simulator := sim.New(opts)
	return simkit.Run(ctx, listen, simulator, func(address string) { usage(stdout, address, opts, simulator.Count()) })
}

func options(args []string, stderr io.Writer) (listen string, o sim.Options, err error) {
	f := flag.NewFlagSet("simulator", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&listen, "listen", "127.0.0.1:9490", "loopback address and port; port 0 takes a free one")
	f.Uint64Var(&o.Seed, "seed", 1, "of the generated people")
	f.IntVar(&o.People, "people", 500, "number of generated people")
	f.IntVar(&o.Persons, "persons", 500, "number of generated contacts of API v2")
	f.IntVar(&o.NoEmail, "no-email", 6, "how many of them have a null, absent or empty e-mail address")
	f.IntVar(&o.Seats, "seats", 0, "active users that are paid for; 0 is no limit")
	f.StringVar(&o.APIToken, "api-token", "sim-api-token", "for the header x-api-token")
	f.StringVar(&o.ClientID, "client-id", "sim-client", "of the OAuth app")
	f.StringVar(&o.ClientSecret, "client-secret", "sim-secret", "of the OAuth app")
	f.StringVar(&o.RefreshToken, "refresh-token", "1:1:sim-refresh", "a refresh token that is valid from the start")
	scopes := f.String("scopes", "base,users:read", "of OAuth tokens")
	f.BoolVar(&o.Rotate, "rotate", false, "answer each refresh with a new refresh token")
	f.DurationVar(&o.TokenLife, "token-life", time.Hour, "of access tokens")
	paging := f.String("paging", "none", "form of GET /v1/users: none, offset or cursor")
	f.IntVar(&o.PageSize, "page-size", 100, "when the client names none")
	f.StringVar(&o.Plan, "plan", "lite", "rate limits: lite, growth, premium or ultimate")
	f.IntVar(&o.Burst, "burst", 0, "requests in 2 seconds, instead of the plan's")
	f.IntVar(&o.Budget, "budget", 0, "tokens a day, instead of the plan's")
	f.BoolVar(&o.Unlimited, "unlimited", false, "no rate limits")
	f.BoolVar(&o.NoAdmin, "no-admin", false, "the caller may not write")
	f.BoolVar(&o.NoAccountSettings, "no-account-settings", false, "the caller does not see `modified`")
	f.BoolVar(&o.LoopbackWebhooks, "loopback-webhooks", false, "accept webhooks to loopback addresses, and deliver to them")
	f.IntVar(&o.WebhookSpeed, "webhook-speed", 1,
		"divides the waits between attempts of a delivery, and the time of a ban and until a removal")
	f.Func("webhook-ca", "`file` with the certificates that deliveries to https trust, instead of the system's", func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		o.WebhookRoots = x509.NewCertPool()
		if !o.WebhookRoots.AppendCertsFromPEM(text) {
			return errors.New("there is no certificate in it")
		}
		return nil
	})
	o.Readings = map[string]string{}
	f.Func("reading", "`name=value`: what to do where the documentation is open; can be repeated", simkit.Flag(o.Readings))
	verbose := f.Bool("verbose", false, "log each request to stderr")
	if err := f.Parse(args); err != nil {
		return "", o, err
	}
	o.Scopes = strings.Split(*scopes, ",")
	o.Paging = sim.Paging(*paging)
	if *verbose {
		o.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return listen, o, check(f, o)
}

func check(f *flag.FlagSet, o sim.Options) error {
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	case o.People < 1:
		return errors.New("--people must be at least 1")
	case o.WebhookSpeed < 1:
		return errors.New("--webhook-speed must be at least 1")
	case o.Persons < 0:
		return errors.New("--persons must not be negative")
	case !o.Paging.Valid():
		return fmt.Errorf("--paging must be none, offset or cursor, not %q", o.Paging)
	case !sim.ValidPlan(o.Plan):
		return fmt.Errorf("--plan must be lite, growth, premium or ultimate, not %q", o.Plan)
	}
	if _, err := simkit.NewReadings(sim.Readings(), o.Readings); err != nil {
		return fmt.Errorf("--reading: %w", err)
	}
	return nil
}

func usage(w io.Writer, address string, o sim.Options, c sim.Counts) {
	_, _ = fmt.Fprintf(w, `Pipedrive simulator on http://%[1]s
people: %[2]d (active %[3]d, deactivated %[4]d, invited %[5]d, deleted %[6]d, without e-mail address %[7]d)

  curl -H 'x-api-token: %[8]s' http://%[1]s/v1/users/me
  curl -u '%[9]s:%[10]s' -d grant_type=refresh_token -d refresh_token=%[11]s http://%[1]s/oauth/token
  curl -X PATCH -d '{"name":"Ada King"}' http://%[1]s/_sim/users/1
  curl http://%[1]s/_sim/            all that can be changed while it runs

ctrl-C or SIGTERM stops it.
`, address, c.Total, c.Active, c.Inactive, c.Invited, c.Deleted, c.NoEmail, o.APIToken, o.ClientID, o.ClientSecret, o.RefreshToken)
}
