package control

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

type greeting struct{ Name string }

func testMux() *Mux {
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "greet", func(_ context.Context, who service.Caller, in greeting) (greeting, error) {
		switch in.Name {
		case "":
			return greeting{}, exit.Mistake(errors.New("who is to be greeted?"))
		case "fail":
			return greeting{}, errors.New("directory: down")
		case "held":
			return greeting{}, &Error{Message: "held", Exit: exit.Held}
		case "panic":
			panic("nobody there")
		}
		return greeting{in.Name + " by " + string(who)}, nil
	})
	Handle(m, "hang", func(ctx context.Context, _ service.Caller, _ greeting) (greeting, error) {
		<-ctx.Done()
		return greeting{}, ctx.Err()
	})
	HandleStream(m, "count", func(ctx context.Context, who service.Caller, in counting, each func(any) error) error {
		for i := range in.To {
			if err := each(greeting{strings.Repeat("<ä>", in.Size) + string(who)}); err != nil {
				return err
			}
			if in.Hang != "" && i == in.To/2 {
				if in.Hang == "deaf" {
					select {} // until the agent dies under it
				}
				<-ctx.Done()
				return ctx.Err()
			}
		}
		switch in.Fail {
		case "usage":
			return exit.Mistake(errors.New("count to what?"))
		case "panic":
			panic("out of fingers")
		}
		return nil
	})
	return m
}

type counting struct {
	To, Size int
	Fail     string
	Hang     string
}

func TestStreams(t *testing.T) {
	dir, _, _ := serve(t)
	remote, err := Connect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	for way, client := range map[string]Transport{"local": &Local{testMux(), Self()}, "socket": remote} {
		for _, c := range []struct {
			name  string
			call  string
			in    counting
			stop  int // after so many
			items int
			fails string
			exit  int
		}{
			{"all", "count", counting{To: 3, Size: 2}, 0, 3, "", 0},
			{"none", "count", counting{}, 0, 0, "", 0},
			{"a failure after some", "count", counting{To: 2, Fail: "usage"}, 0, 2, "count to what?", exit.Usage},
			{"a panic after some", "count", counting{To: 2, Fail: "panic"}, 0, 2, "out of fingers", exit.Failed},
			{"nobody listens", "count", counting{To: 1_000_000, Size: 100}, 2, 2, "enough", -1},
			{"unknown", "nothing", counting{}, 0, 0, `does not know "nothing"`, exit.Usage},
		} {
			items := 0
			err := client.Stream(t.Context(), c.call, c.in, func(raw json.RawMessage) error {
				var g greeting
				if err := json.Unmarshal(raw, &g); err != nil || g.Name != strings.Repeat("<ä>", c.in.Size)+string(Self()) {
					t.Errorf("%s %s: %s %v", way, c.name, raw, err)
				}
				if items++; items == c.stop {
					return enough
				}
				return nil
			})
			var e *Error
			if items != c.items || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s %s: %d items, %v", way, c.name, items, err)
			}
			if c.exit > 0 && (!errors.As(err, &e) || e.Exit != c.exit) || c.exit < 0 && !errors.Is(err, enough) {
				t.Errorf("%s %s: %v", way, c.name, err)
			}
		}
	}
}

// Half of a list is never taken for all of it, however it was cut off.
func TestStopEndsStreamsUnderWay(t *testing.T) {
	// A server that is too slow to say why it stops cuts the answer off.
	for hang, says := range map[string]string{"until told": "context canceled|cut off", "deaf": "cut off"} {
		dir, cancel, done := serve(t)
		remote, err := Connect(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan error, 1)
		go func() {
			answered <- remote.Stream(context.WithoutCancel(t.Context()), "count", counting{To: 1_000, Size: 1_000, Hang: hang}, func(json.RawMessage) error {
				cancel()
				return nil
			})
		}()
		if err := <-answered; err == nil || !regexp.MustCompile(says).MatchString(err.Error()) {
			t.Errorf("%s: %v", hang, err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

// TestStreamsStayInMemory: a list of 20 MB takes a few of them, at both ends
// of the socket together.
func TestStreamsStayInMemory(t *testing.T) {
	dir, _, _ := serve(t)
	remote, err := Connect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, items := heap(), 0
	err = remote.Stream(t.Context(), "count", counting{To: 20_000, Size: 250}, func(json.RawMessage) error {
		if items++; items%5_000 == 0 {
			if now := heap(); now > before+4<<20 {
				t.Errorf("after %d items %d bytes more than before", items, now-before)
			}
		}
		return nil
	})
	if err != nil || items != 20_000 {
		t.Errorf("%d items, %v", items, err)
	}
}

func serve(t *testing.T) (string, context.CancelFunc, chan error) {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	listener, err := Listen(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	go func() { done <- Serve(ctx, listener, testMux(), 2*time.Second, slog.New(slog.DiscardHandler)) }()
	return dir, cancel, done
}

func TestBothWaysAnswerAlike(t *testing.T) {
	dir, cancel, done := serve(t)
	remote, err := Connect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	me := string(Self())
	cases := []struct {
		call, name, want, fails string
		exit                    int
	}{
		{"greet", "Ada", "Ada by " + me, "", 0},
		{"greet", "", "", "who is to be greeted?", exit.Usage},
		{"greet", "fail", "", "directory: down", exit.Failed},
		{"greet", "held", "", "held", exit.Held},
		{"greet", "panic", "", "internal error of rollcall: nobody there; next: report it", exit.Failed},
		{"nothing", "Ada", "", `does not know "nothing"`, exit.Usage},
	}
	for way, client := range map[string]Transport{"local": &Local{testMux(), Self()}, "socket": remote} {
		for _, tc := range cases {
			var out greeting
			err := client.Call(t.Context(), tc.call, greeting{tc.name}, &out)
			if tc.fails == "" {
				if err != nil || out.Name != tc.want {
					t.Errorf("%s %s(%s): %q, %v", way, tc.call, tc.name, out.Name, err)
				}
				continue
			}
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, tc.fails) || e.Exit != tc.exit {
				t.Errorf("%s %s(%s): %v, want exit %d and %q", way, tc.call, tc.name, err, tc.exit, tc.fails)
			}
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestOnlyTheOwnerCanOpenTheSocket(t *testing.T) {
	dir, _, _ := serve(t)
	info, err := os.Stat(filepath.Join(dir, "rollcall.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}

func TestStopEndsCallsUnderWay(t *testing.T) {
	dir, cancel, done := serve(t)
	remote, err := Connect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() { answered <- remote.Call(context.WithoutCancel(t.Context()), "hang", greeting{}, &greeting{}) }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("a call that was cut off was reported as done")
	}
}

func TestNoAgent(t *testing.T) {
	if _, err := Connect(t.Context(), t.TempDir()); !errors.Is(err, ErrNoAgent) {
		t.Fatalf("got %v", err)
	}
}
