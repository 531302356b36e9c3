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
	err    error
	closed bool
}

func (a *answering) Get(context.Context, conn.Target, []string) (ident.Entry, error) {
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
		o := newObjects(func(context.Context) (string, error) { return from, nil }, func(_ context.Context, prefer string) (reader, error) {
			asked = append(asked, prefer)
			opened = append(opened, &answering{})
			return opened[len(opened)-1], nil
		})
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
		o := newObjects(func(context.Context) (string, error) { return "", nil }, func(context.Context, string) (reader, error) {
			opened++
			return &answering{err: c.err}, nil
		})
		for range 2 {
			_, _, _ = o.Named(t.Context(), "CN=x", nil)
		}
		if opened != c.again {
			t.Errorf("%v: opened %d times, want %d", c.err, opened, c.again)
		}
	}
}
