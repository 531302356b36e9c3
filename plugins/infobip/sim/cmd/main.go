// Command cmd runs the simulator of Infobip's API on a loopback
// address until it is told to stop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
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
	f.StringVar(&listen, "listen", "127.0.0.1:9491", "loopback address and port; port 0 takes a free one")
	f.Uint64Var(&o.Seed, "seed", 1, "of the generated people and agents")
	f.IntVar(&o.People, "people", 500, "number of generated people")
	f.IntVar(&o.Agents, "agents", 50, "number of generated agents")
	f.StringVar(&o.APIKey, "api-key", "sim-api-key", "for Authorization: App")
	f.StringVar(&o.Username, "username", "sim-user", "for Basic, sessions and OAuth (client_id)")
	f.StringVar(&o.Password, "password", "sim-password", "for Basic, sessions and OAuth (client_secret)")
	scopes := f.String("scopes", strings.Join(sim.AllScopes(), ","), "what every credential allows")
	f.DurationVar(&o.TokenLife, "token-life", time.Hour, "of sessions and access tokens")
	f.IntVar(&o.PerSecond, "per-second", 0, "requests a second for each limited endpoint, instead of the vendor's numbers")
	f.BoolVar(&o.Unlimited, "unlimited", false, "no rate limits")
	o.Readings = map[string]string{}
	f.Func("reading", "`name=value`: the answer to an open question; may be repeated:\n"+readings(), simkit.Flag(o.Readings))
	verbose := f.Bool("verbose", false, "log each request to stderr")
	if err := f.Parse(args); err != nil {
		return "", o, err
	}
	o.Scopes = strings.FieldsFunc(*scopes, func(r rune) bool { return r == ',' })
	if *verbose {
		o.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return listen, o, errors.Join(check(f, o), sim.CheckReadings(o.Readings))
}

func readings() string {
	var b strings.Builder
	for _, r := range sim.Readings() {
		_, _ = fmt.Fprintf(&b, "  %s=%s  %s\n", r.Name, strings.Join(r.Values, "|"), r.Question)
	}
	return b.String()
}

func check(f *flag.FlagSet, o sim.Options) error {
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	case o.People < 0 || o.Agents < 0:
		return errors.New("--people and --agents must not be negative")
	case o.PerSecond < 0:
		return errors.New("--per-second must not be negative")
	}
	return nil
}

func usage(w io.Writer, address string, o sim.Options, c sim.Counts) {
	_, _ = fmt.Fprintf(w, `Infobip simulator on http://%[1]s
people: %[2]d, agents: %[3]d

  curl -H 'Authorization: App %[4]s' 'http://%[1]s/people/2/persons?limit=2&includeTotalCount=true'
  curl -H 'Authorization: App %[4]s' 'http://%[1]s/people/2/persons?identifier=hr-1&type=EXTERNAL_ID'
  curl -u '%[5]s:%[6]s' http://%[1]s/ccaas/1/agents
  curl -d grant_type=client_credentials -d client_id=%[5]s -d client_secret=%[6]s http://%[1]s/auth/1/oauth2/token
  curl -X PATCH -d '{"firstName":"Ada"}' http://%[1]s/_sim/persons/1
  curl http://%[1]s/_sim/            all that can be changed while it runs

ctrl-C or SIGTERM stops it.
`, address, c.People, c.Agents, o.APIKey, o.Username, o.Password)
}
