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
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/infobip/sim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	listen, opts, err := options(args, stderr)
	if err != nil {
		return err
	}
	listener, err := loopback(ctx, listen)
	if err != nil {
		return err
	}
	simulator := sim.New(opts)
	server := &http.Server{Handler: simulator, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	usage(stdout, listener.Addr().String(), opts, simulator.Count())

	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", listen, err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close() // requests that hang do not keep the command alive
	}
	return nil
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
	f.Func("reading", "`name=value`: the answer to an open question; may be repeated, --reading help lists them", func(v string) error {
		name, value, _ := strings.Cut(v, "=")
		if err := sim.CheckReading(name, value); err != nil {
			return fmt.Errorf("%w\n%s", err, readings())
		}
		o.Readings[name] = value
		return nil
	})
	verbose := f.Bool("verbose", false, "log each request to stderr")
	if err := f.Parse(args); err != nil {
		return "", o, err
	}
	o.Scopes = strings.FieldsFunc(*scopes, func(r rune) bool { return r == ',' })
	if *verbose {
		o.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return listen, o, check(f, o)
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

// loopback listens, and refuses an address that others could reach: the
// control API has no password.
func loopback(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("--listen: %s is not a loopback address", host)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
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
