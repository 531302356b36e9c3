package conn_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
)

// notified waits for notifications of a client until the test or the client ends
// them.
func notified(ctx context.Context, c *conn.Client) (changes chan struct{}, ended chan error) {
	changes, ended = make(chan struct{}, 1000), make(chan error, 1)
	go func() { ended <- c.Notify(ctx, func() { changes <- struct{}{} }) }()
	return changes, ended
}

func TestNotify(t *testing.T) {
	dc := dctest.Start(t)
	proxy := dc.Proxy(t)
	s := settings(dc)
	s.URLs, s.Connections = []string{proxy.URL}, 1
	c := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := notified(ctx, c)
	user := dc.OU("Staff").Child("Notified")
	dc.AddUser(t, dc.OU("Staff"), "Notified", "notified", nil)
	for told := false; !told; { // it may not have begun to listen when the object was made
		select {
		case <-changes:
			told = true
		case err := <-ended:
			t.Fatal(err)
		default:
			dc.Replace(t, user, "title", "again")
			dc.Replace(t, user, "title")
		}
	}
	if _, err := c.HighestUSN(t.Context()); err != nil {
		t.Errorf("the only connection of the pool is in use: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	_, ended = notified(t.Context(), c)
	for before := proxy.Accepted(); proxy.Accepted() == before; { // until it is connected
	}
	proxy.Cut()
	if err := <-ended; !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("cut: %v", err)
	}
	_, ended = notified(t.Context(), c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("closed: no error")
	}
	if err := c.Notify(t.Context(), func() {}); err == nil {
		t.Error("a closed client listens")
	}
}
