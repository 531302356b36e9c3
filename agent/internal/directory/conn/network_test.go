package conn_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// behind opens a client with one connection through a proxy. It tries again
// while a short timeout is over before a busy machine has connected.
func behind(t *testing.T, timeout time.Duration) (*dctest.DC, *dctest.Proxy, *conn.Client) {
	t.Helper()
	dc := dctest.Start(t)
	proxy := dc.Proxy(t)
	s := settings(dc)
	s.URLs, s.Connections, s.Timeout = []string{proxy.URL}, 1, timeout
	var c *conn.Client
	soak.Await(t, "the server answers in time", func() bool {
		var err error
		if c, err = conn.Open(t.Context(), s, slog.New(slog.DiscardHandler), nil); err != nil && !errors.Is(err, conn.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
	t.Cleanup(func() { c.Close() })
	return dc, proxy, c
}

// reachable reads an object, again for as long as the short time of a request
// is over before a busy machine answers.
func reachable(t *testing.T, c *conn.Client, target conn.Target, attributes ...string) (e ident.Entry) {
	t.Helper()
	soak.Await(t, "the server answers in time", func() bool {
		var err error
		if e, err = c.Get(t.Context(), target, attributes); err != nil && !errors.Is(err, conn.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
	return e
}

func hana(dc *dctest.DC) conn.Target { return conn.ByDN(dc.OU("Staff").Child("Hana Made")) }

func TestAReadSurvivesABrokenConnection(t *testing.T) {
	dc, proxy, c := behind(t, soak.Patience)
	for i := range 3 {
		proxy.Cut()
		if _, err := c.Get(t.Context(), hana(dc), nil); err != nil {
			t.Fatalf("read %d after a broken connection: %v", i, err)
		}
	}
	proxy.Refuse()
	_, err := c.Get(t.Context(), hana(dc), nil)
	if !errors.Is(err, conn.ErrUnavailable) || errors.Is(err, conn.ErrNotFound) {
		t.Errorf("read from a server that is gone: %v", err)
	}
}

func TestAReadIsRepeatedOnceOnly(t *testing.T) {
	dc, proxy, c := behind(t, soak.Patience)
	before := proxy.Accepted()
	proxy.Silence()
	done := make(chan error, 1)
	go func() {
		_, err := c.Get(t.Context(), hana(dc), nil)
		done <- err
	}()
	for {
		proxy.Cut()
		select {
		case err := <-done:
			if !errors.Is(err, conn.ErrUnavailable) {
				t.Errorf("read on connections that break: %v", err)
			}
			if n := proxy.Accepted() - before; n > 1 {
				t.Errorf("%d more connections were tried, want at most 1", n)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestASearchThatBreaksDeliversNothingTwice(t *testing.T) {
	dc, proxy, c := behind(t, soak.Patience)
	seen := map[ident.DN]int{}
	err := c.Search(t.Context(), conn.Query{Base: dc.BaseDN, Filter: "(objectClass=*)", PageSize: 10}, func(e ident.Entry) error {
		if seen[e.DN]++; len(seen) == 15 {
			proxy.Cut()
		}
		return nil
	})
	if !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("search on a connection that broke in the middle: %v", err)
	}
	for dn, n := range seen {
		if n > 1 {
			t.Errorf("%s was delivered %d times", dn, n)
		}
	}
	if len(seen) > 20 {
		t.Errorf("%d entries were delivered after the connection broke", len(seen))
	}
}

func TestAReadWithoutAnswerEndsAndIsNotConfusedLater(t *testing.T) {
	dc, proxy, c := behind(t, 300*time.Millisecond)
	proxy.Silence()
	_, err := c.Get(t.Context(), hana(dc), []string{"mail"})
	if !errors.Is(err, conn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read without an answer: %v", err)
	}
	proxy.Answer() // the late answer is delivered now
	e := reachable(t, c, conn.ByDN(dc.OU("Staff").Child("Dora Disabled")), "mail")
	if e.Attributes.First("mail") != "dora.disabled@example.com" {
		t.Errorf("the read after it: %v", e)
	}
}

func TestCancellationEndsARequest(t *testing.T) {
	dc, proxy, c := behind(t, soak.Patience)
	proxy.Silence()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := c.Get(ctx, hana(dc), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read: %v", err)
	}
	if _, err := c.Get(ctx, hana(dc), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a read that is cancelled before it begins: %v", err)
	}
	proxy.Answer()
	if _, err := c.Get(t.Context(), hana(dc), nil); err != nil {
		t.Errorf("the read after it: %v", err)
	}
}

func TestCancellationEndsTheWaitForAConnection(t *testing.T) {
	dc, _, c := behind(t, soak.Patience)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := c.Search(t.Context(), conn.Query{Base: dc.BaseDN, Scope: conn.Base, Filter: "(objectClass=*)"}, func(ident.Entry) error {
		_, err := c.Get(ctx, hana(dc), nil)
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a read while the only connection is busy: %v", err)
	}
}

func TestAWriteWithoutAnswerIsUnknownAndNotRepeated(t *testing.T) {
	dc, proxy, c := behind(t, 500*time.Millisecond)
	for _, how := range []string{"timeout", "broken connection"} {
		t.Run(how, func(t *testing.T) {
			reachable(t, c, hana(dc))
			connections := proxy.Accepted()
			dn := dc.OU("Staff").Child("Lost " + how)
			proxy.Silence()
			done := make(chan error, 1)
			go func() {
				done <- c.Add(t.Context(), dn, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"lost" + how[:1]}})
			}()
			soak.Await(t, "the write arrives", func() bool { return len(dc.Find(t, "(cn=Lost "+how+")")) > 0 })
			if how == "broken connection" {
				proxy.Cut()
			}
			err := <-done
			if !errors.Is(err, conn.ErrOutcomeUnknown) || !errors.Is(err, conn.ErrUnavailable) {
				t.Errorf("a write without an answer: %v", err)
			}
			if n := proxy.Accepted() - connections; n != 0 {
				t.Errorf("%d connections were made to repeat the write", n)
			}
			proxy.Answer()
			reachable(t, c, conn.ByDN(dn))
		})
	}
}

func TestAWriteThatCannotBeSentHasAKnownOutcome(t *testing.T) {
	dc, proxy, c := behind(t, soak.Patience)
	if _, err := c.Get(t.Context(), hana(dc), nil); err != nil {
		t.Fatal(err)
	}
	proxy.Refuse()
	// The first failure may still be sent into the dying connection; then the
	// server is known to be gone.
	_, err := c.Get(t.Context(), hana(dc), nil)
	if !errors.Is(err, conn.ErrUnavailable) {
		t.Fatal(err)
	}
	err = c.Modify(t.Context(), hana(dc), []conn.Mod{{Kind: conn.ReplaceValues, Attribute: "title", Values: []string{"x"}}}, false)
	if !errors.Is(err, conn.ErrUnavailable) || errors.Is(err, conn.ErrOutcomeUnknown) {
		t.Errorf("a write to a server that refuses connections: %v, want unavailable with a known outcome", err)
	}
}

func TestClosePutsAnEndToRequests(t *testing.T) {
	dc, proxy, c := behind(t, soak.Patience)
	if _, err := c.Get(t.Context(), hana(dc), nil); err != nil {
		t.Fatal(err)
	}
	proxy.Silence()
	done := make(chan error, 1)
	go func() {
		_, err := c.Get(t.Context(), hana(dc), nil)
		done <- err
	}()
	time.AfterFunc(50*time.Millisecond, func() { c.Close() })
	select {
	case err := <-done:
		if !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("a read on a client that is closed: %v", err)
		}
	case <-time.After(soak.Patience):
		t.Error("a read outlives Close")
	}
}
