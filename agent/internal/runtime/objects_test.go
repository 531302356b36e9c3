package runtime

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// answering is a connection that answers each Get with an error.
type answering struct {
	reader
	url    string
	takes  time.Duration
	err    error
	closed bool
}

func (a *answering) Server() conn.Server { return conn.Server{URL: a.url} }

func (a *answering) Get(context.Context, conn.Target, []string) (ident.Entry, error) {
	time.Sleep(a.takes)
	return ident.Entry{}, a.err
}

func (a *answering) Close() error {
	a.closed = true
	return nil
}

// TestObjectsAreReadWhereTheMirrorIsFrom: another domain controller may not have heard of
// what began an orchestration. It is asked only when that one cannot be reached, and when
// the mirror goes on elsewhere, so does this connection.
func TestObjectsAreReadWhereTheMirrorIsFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := "ldaps://dc2"
		var asked []string
		var opened []*answering
		o := newObjects(access{source: func(context.Context) (string, error) { return from, nil }, dial: func(_ context.Context, prefer string) (reader, error) {
			asked = append(asked, prefer)
			opened = append(opened, &answering{url: prefer})
			return opened[len(opened)-1], nil
		}})
		get := func() {
			t.Helper()
			if _, found, err := o.Object(t.Context(), "guid", nil); err != nil || !found {
				t.Fatal(found, err)
			}
			time.Sleep(2 * lookAgain)
		}
		get()
		get()
		from = "ldaps://dc1"
		get()
		get()
		if want := []string{"ldaps://dc2", "ldaps://dc1"}; !slices.Equal(asked, want) {
			t.Errorf("connected to %q, want %q", asked, want)
		}
		if !opened[0].closed || opened[1].closed {
			t.Errorf("the first is closed: %v, the second: %v", opened[0].closed, opened[1].closed)
		}
	})
}

// TestAnAnswerAboutOneObjectKeepsTheConnection: that an object is elsewhere or nowhere
// says nothing about the connection.
func TestAnAnswerAboutOneObjectKeepsTheConnection(t *testing.T) {
	for _, c := range []struct {
		err   error
		again int
	}{{conn.ErrNotFound, 1}, {conn.ErrReferral, 1}, {errors.New("reset"), 2}} {
		opened := 0
		o := newObjects(access{source: unknownSource, dial: func(context.Context, string) (reader, error) {
			opened++
			return &answering{err: c.err}, nil
		}})
		for range 2 {
			_, _, _ = o.Named(t.Context(), "CN=x", nil)
		}
		if opened != c.again {
			t.Errorf("%v: opened %d times, want %d", c.err, opened, c.again)
		}
	}
}

func unknownSource(context.Context) (string, error) { return "", nil }

// TestObjectsGoBackToWhereTheMirrorIsFrom: after another domain controller was taken, it
// is tried once a minute to leave it, while whoever reads goes on there.
func TestObjectsGoBackToWhereTheMirrorIsFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tried []time.Duration
		began, down := time.Now(), true
		first, preferred := &answering{url: "ldaps://dc2"}, &answering{url: "ldaps://dc1"}
		o := newObjects(access{
			source: func(context.Context) (string, error) { return "ldaps://dc1", nil },
			dial:   func(context.Context, string) (reader, error) { return first, nil },
			only: func(ctx context.Context, url string) (reader, error) {
				tried = append(tried, time.Since(began).Round(time.Minute))
				if url != "ldaps://dc1" {
					t.Errorf("connected to %s", url)
				}
				time.Sleep(10 * time.Second) // the attempt
				if down {
					return nil, errors.New("no route")
				}
				return preferred, ctx.Err()
			},
		})
		read := func(lasts time.Duration, want reader) {
			t.Helper()
			for end := time.Now().Add(lasts); time.Now().Before(end); time.Sleep(5 * time.Second) {
				now := time.Now()
				if _, found, err := o.Object(t.Context(), "guid", nil); err != nil || !found || time.Since(now) != 0 {
					t.Fatalf("%v, %v after %s", found, err, time.Since(now))
				}
			}
			if o.client != want {
				t.Errorf("read from %s", o.client.Server().URL)
			}
		}
		read(150*time.Second, first)
		down = false
		read(70*time.Second, preferred)
		read(10*time.Minute, preferred)
		if want := []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}; !slices.Equal(tried, want) {
			t.Errorf("tried after %v, want %v", tried, want)
		}
		if !first.closed || preferred.closed {
			t.Errorf("the other one is closed: %v, the preferred one: %v", first.closed, preferred.closed)
		}
		o.close()
	})
}

// TestTheEndDoesNotWaitForAWayBack that hangs, and closes what it brings all the same.
func TestTheEndDoesNotWaitForAWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, late := &answering{url: "ldaps://dc2"}, &answering{url: "ldaps://dc1"}
		o := newObjects(access{
			source: func(context.Context) (string, error) { return "ldaps://dc1", nil },
			dial:   func(context.Context, string) (reader, error) { return first, nil },
			only:   func(ctx context.Context, _ string) (reader, error) { <-ctx.Done(); return late, nil },
		})
		for range 2 {
			if _, _, err := o.Object(t.Context(), "guid", nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * returnAgain)
		}
		began := time.Now()
		o.close()
		if !first.closed || !late.closed || time.Since(began) != 0 {
			t.Errorf("closed: %v, %v, after %s", first.closed, late.closed, time.Since(began))
		}
	})
}

// TestADirectoryThatCannotBeReachedIsLeftAlone: many who need it are told at once that it
// failed a moment ago, and longer when that took long.
func TestADirectoryThatCannotBeReachedIsLeftAlone(t *testing.T) {
	unavailable := &conn.Error{Op: "search", Server: "ldaps://dc1", Code: conn.CodeNetwork, Err: errors.New("no answer")}
	for name, c := range map[string]struct {
		open, get time.Duration // that a failure takes; 0: that does not fail
		pause     time.Duration
	}{
		"a connection that is refused":    {time.Millisecond, 0, failedFast},
		"one that hangs":                  {20 * time.Second, 0, failedSlow},
		"requests that are not answered":  {0, 20 * time.Second, failedSlow},
		"a connection that has been lost": {0, time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened, works := 0, false
				o := newObjects(access{source: unknownSource, dial: func(context.Context, string) (reader, error) {
					opened++
					a := &answering{takes: c.get}
					if c.get > 0 {
						a.err = unavailable
					}
					if works {
						return &answering{}, nil
					}
					time.Sleep(c.open)
					if c.open > 0 {
						return nil, unavailable
					}
					return a, nil
				}})
				fails := func(want int) {
					t.Helper()
					if _, _, err := o.Named(t.Context(), "CN=x", nil); !errors.Is(err, conn.ErrUnavailable) || opened != want {
						t.Errorf("%v after %d connections, want %d", err, opened, want)
					}
				}
				fails(1)
				if c.pause == 0 {
					fails(2)
					return
				}
				for range 100 {
					fails(1)
				}
				o.forget()
				fails(2)
				time.Sleep(c.pause - time.Millisecond)
				fails(2)
				time.Sleep(time.Millisecond)
				works = true
				if _, found, err := o.Named(t.Context(), "CN=x", nil); !found || err != nil || opened != 3 {
					t.Errorf("%v, %v after %d connections", found, err, opened)
				}
			})
		})
	}
}
