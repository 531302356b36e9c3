//go:build !windows

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

// running is a command that a test can stop.
type running struct {
	testing.TB
	cmd    *exec.Cmd
	stdout bytes.Buffer
	mu     sync.Mutex
	stderr strings.Builder
	lines  chan string // of stderr
}

// begin starts a command.
func begin(t testing.TB, cmd *exec.Cmd) *running {
	t.Helper()
	r := &running{TB: t, cmd: cmd, lines: make(chan string, 1000)}
	cmd.Stdout = &r.stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.lines)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			r.mu.Lock()
			r.stderr.WriteString(lines.Text() + "\n")
			r.mu.Unlock()
			r.lines <- lines.Text()
		}
	}()
	return r
}

func (r *running) signal(s os.Signal) {
	r.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.Fatal(err)
	}
}

// says waits until the command has said that.
func (r *running) says(text string) {
	r.Helper()
	for line := range r.lines {
		if strings.Contains(line, text) {
			return
		}
	}
	r.Fatalf("the command never said %q:\n%s%s", text, r.stderr.String(), r.stdout.String())
}

// until waits for something that happens while the command runs.
func (r *running) until(happens <-chan struct{}) {
	r.Helper()
	for {
		select {
		case <-happens:
			return
		case _, runs := <-r.lines:
			if !runs {
				r.Fatalf("the command ended before that: %v\n%s%s", r.cmd.Args, r.stderr.String(), r.stdout.String())
			}
		}
	}
}

// ends waits for its end.
func (r *running) ends() answer {
	r.Helper()
	for range r.lines { // until the pipe is closed
	}
	_ = r.cmd.Wait()
	return answer{r.cmd.ProcessState.ExitCode(), r.stdout.String(), r.stderr.String()}
}

// lastRun is the newest run of the history.
func (w *world) lastRun() store.Run {
	w.Helper()
	var runs []store.Run
	if err := json.Unmarshal([]byte(w.want(0, "--output", "json", "runs").stdout), &runs); err != nil {
		w.Fatal(err)
	}
	return runs[0]
}

// TestStoppedApply stops an apply in every way there is, while it writes: the
// command says what was done and what is next, nothing is half done, and the
// next run makes the rest.
func TestStoppedApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 400).race()
	d := w.start()
	meanwhile := func(stop func(*running)) *running {
		t.Helper()
		before := len(w.accounts())
		r := begin(t, w.command("apply", "staff"))
		for ; len(w.accounts()) < before+10; time.Sleep(poll) {
			if strings.Contains(d.said(), "level=ERROR") {
				t.Fatalf("the run failed:\n%s", d.said())
			}
		}
		stop(r)
		return r
	}
	told := func(way string, r *running) {
		t.Helper()
		a := r.ends()
		lines := strings.Split(strings.TrimSpace(a.stdout), "\n")
		if a.code != 1 || !strings.HasPrefix(lines[0], "STOPPED: Run ") || !strings.HasPrefix(lines[len(lines)-1], "STOPPED: Run ") ||
			!strings.Contains(a.stdout, way) || !strings.Contains(a.stdout, "operations are done and recorded; the next run does the rest: rollcall apply staff") {
			t.Errorf("%s: exit %d\n%s%s", way, a.code, a.stdout, a.stderr)
		}
		if !strings.Contains(a.stderr, "rollcall: stopping at the next safe point; Ctrl-C again leaves at once") {
			t.Errorf("%s: the command does not say that it stops: %s", way, a.stderr)
		}
		if accounts, links := len(w.accounts()), len(w.links()); accounts != links {
			t.Errorf("%s: %d accounts and %d links", way, accounts, links)
		}
	}
	me := string(control.Self())
	told("stopped with Ctrl-C by "+me, meanwhile(func(r *running) { r.signal(os.Interrupt) }))
	told("stopped by the signal terminated by "+me, meanwhile(func(r *running) { r.signal(syscall.SIGTERM) }))

	killed := meanwhile(func(r *running) { r.signal(syscall.SIGKILL) })
	killed.ends()
	for ; w.lastRun().Result == store.RunRunning; time.Sleep(poll) {
		if strings.Contains(d.said(), "level=ERROR") {
			t.Fatalf("the agent says:\n%s", d.said())
		}
	}
	if r := w.lastRun(); r.Result != store.RunInterrupted || !strings.Contains(r.Error, "stopped because the command of "+me+" was ended") {
		t.Errorf("after its command was killed the run is %s: %s", r.Result, r.Error)
	}
	for _, line := range []string{`msg="run started" automation=staff run=1 kind=manual by=` + me, `msg="run ended" automation=staff run=1 kind=manual by=` + me + ` result=interrupted`, `msg="the command is gone`} {
		if !strings.Contains(d.said(), line) {
			t.Errorf("the log of the agent lacks %s:\n%s", line, d.said())
		}
	}
	d.stop()
	told("stopped with Ctrl-C: ", meanwhile(func(r *running) { r.signal(os.Interrupt) })) // without an agent
	made := len(w.accounts())
	if r := w.apply(0); r.Counts[ident.ClassCreate][ident.ResultApplied] == 0 || len(w.accounts()) <= made {
		t.Errorf("nothing was left for the next run: %+v", r.Counts)
	}
	w.settled()
}

// TestSecondCtrlC leaves a command whose work does not stop.
func TestSecondCtrlC(t *testing.T) {
	s := newStateFolder(t)
	s.must(os.Mkdir(s.state, 0o700))
	begun, release := make(chan struct{}), make(chan struct{})
	m := control.NewMux(slog.New(slog.DiscardHandler))
	control.Handle(m, "runs", func(context.Context, service.Caller, service.RunsRequest) (service.Nothing, error) {
		close(begun)
		<-release
		return service.Nothing{}, nil
	})
	listener, err := control.Listen(t.Context(), s.state)
	s.must(err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- control.Serve(ctx, listener, m, time.Minute, slog.New(slog.DiscardHandler)) }()
	r := begin(t, exec.CommandContext(t.Context(), s.binary, "--config", s.config(), "runs"))
	<-begun
	r.signal(os.Interrupt)
	r.says("stopping at the next safe point")
	r.signal(os.Interrupt)
	a := r.ends()
	close(release)
	stop()
	s.must(<-served)
	if a.code != 1 || !strings.Contains(a.stderr, "rollcall: left at once; `rollcall runs` shows what was done") || a.stdout != "" {
		t.Errorf("exit %d %s%s", a.code, a.stdout, a.stderr)
	}
}

// mute is an application that takes requests and never answers them.
func mute(t *testing.T) (url string, asked <-chan struct{}) {
	asks := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asks <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return server.URL, asks
}

// stalls is the way to a domain controller that answers so many times and then
// no more.
func stalls(t *testing.T, url string, answers int) (proxy string, stalled <-chan struct{}) {
	listener, err := net.Listen("tcp", "127.0.0.43:0") // which the certificate names
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	still := make(chan struct{}, 100)
	var conns sync.WaitGroup
	t.Cleanup(func() { cancel(); _ = listener.Close(); conns.Wait() })
	forward := func(client net.Conn) {
		defer func() { _ = client.Close() }()
		dc, err := net.Dial("tcp", strings.TrimPrefix(url, "ldaps://"))
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = dc.Close() }()
		go func() { _, _ = io.Copy(dc, client); _ = dc.Close() }()
		chunk := make([]byte, 64<<10)
		for range answers {
			n, err := dc.Read(chunk)
			if err != nil {
				return
			}
			_, _ = client.Write(chunk[:n])
		}
		still <- struct{}{}
		<-ctx.Done()
	}
	conns.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { forward(c) })
		}
	})
	return "ldaps://" + listener.Addr().String(), still
}

// TestStoppedPlan: a plan and a check that wait for somebody who never answers
// end when they are told to, with an agent and without one. Their own patience
// is that of hours.
func TestStoppedPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	application, asked := mute(t)
	ad := w.dc.URL
	if !strings.Contains(strings.TrimPrefix(ad, "ldaps://"), ":") {
		ad += ":636"
	}
	for name, c := range map[string]struct {
		replace []string
		waits   func() <-chan struct{}
	}{
		"the application":            {[]string{`base_url = "` + w.api.URL + `"`, `base_url = "` + application + `"`, `[modules]`, "[modules]\ncall_timeout = \"5h\""}, func() <-chan struct{} { return asked }},
		"the directory's connection": {nil, nil},
		"the directory's answers":    {nil, nil},
	} {
		replace, waits := c.replace, c.waits
		if waits == nil {
			answers := 0
			if name == "the directory's answers" {
				answers = 4
			}
			proxy, still := stalls(t, ad, answers)
			replace, waits = []string{`"` + w.dc.URL + `"`, `"` + proxy + `"`, `[directory]`, "[directory]\ntimeout = \"5h\""}, func() <-chan struct{} { return still }
		}
		w.configure(replace...)
		for _, served := range []bool{false, true} {
			var d *daemon
			if served {
				d = w.start()
			}
			for _, args := range [][]string{{"plan", "staff"}, {"apply", "staff"}, {"validate", "--online"}} {
				for len(waits()) > 0 { // what the command before has left
					<-waits()
				}
				r := begin(t, w.command(args...))
				r.until(waits())
				r.signal(os.Interrupt)
				a := r.ends()
				says, where := "stopped with Ctrl-C", a.stderr
				switch args[0] {
				case "plan":
					says = "the plan of automation staff was not made: stopped with Ctrl-C"
				case "apply":
					where = a.stdout
				case "validate":
					says = "the check was not finished: stopped with Ctrl-C"
				}
				if a.code != 1 || !strings.Contains(where, says) {
					t.Errorf("%s, with an agent %v: %v ended with %d\n%s%s", name, served, args, a.code, a.stdout, a.stderr)
				}
			}
			if served {
				d.stop()
			}
		}
	}
	if n := len(w.accounts()); n != 0 {
		t.Errorf("%d accounts were made", n)
	}
}
