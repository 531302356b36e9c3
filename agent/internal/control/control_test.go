package control

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type greeting struct{ Name string }

func testMux() *Mux {
	m := NewMux(slog.New(slog.DiscardHandler))
	Handle(m, "greet", func(_ context.Context, who Caller, in greeting) (greeting, error) {
		switch in.Name {
		case "":
			return greeting{}, Usage(errors.New("who is to be greeted?"))
		case "fail":
			return greeting{}, errors.New("directory: down")
		case "held":
			return greeting{}, &Error{Message: "held", Exit: ExitHeld}
		case "panic":
			panic("nobody there")
		}
		return greeting{in.Name + " by " + string(who)}, nil
	})
	Handle(m, "hang", func(ctx context.Context, _ Caller, _ greeting) (greeting, error) {
		<-ctx.Done()
		return greeting{}, ctx.Err()
	})
	return m
}

func serve(t *testing.T) (string, context.CancelFunc, chan error) {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, dir, testMux(), 2*time.Second, slog.New(slog.DiscardHandler)) }()
	for range 500 {
		if c, err := Connect(t.Context(), dir); err == nil {
			_ = c
			return dir, cancel, done
		}
		time.Sleep(2 * time.Millisecond) // the socket has no other sign of being there
	}
	t.Fatal("the socket did not appear")
	return "", nil, nil
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
		{"greet", "", "", "who is to be greeted?", ExitUsage},
		{"greet", "fail", "", "directory: down", ExitFailed},
		{"greet", "held", "", "held", ExitHeld},
		{"greet", "panic", "", "internal error of rollcall: nobody there; next: report it", ExitFailed},
		{"nothing", "Ada", "", `does not know "nothing"`, ExitUsage},
	}
	for way, client := range map[string]Client{"local": &Local{testMux(), Self()}, "socket": remote} {
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
