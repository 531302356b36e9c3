package feed

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// visitor brings a mirror up to date over one connection.
type visitor struct {
	*conn.Client
	store *store.Store
	log   *slog.Logger
}

func (v visitor) Sync(ctx context.Context) (mirror.Report, error) {
	return mirror.Sync(ctx, v.Client, v.store, mirror.Spec{Base: v.Server().NamingContext, Attributes: []string{"title"}}, v.log)
}

// What is changed at the domain controller reaches the mirror by itself, also after
// the connections have broken, and after that domain controller is gone for good.
func TestTheMirrorFollowsADomainController(t *testing.T) {
	dc := dctest.Start(t)
	first, second := dc.Proxy(t), dc.Proxy(t)
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	log := slog.New(slog.DiscardHandler)
	f := New(Settings{
		Wanted: func() bool { return true }, Observer: &gauges{}, Log: log,
		Connect: func(ctx context.Context) (Connection, error) {
			c, err := conn.Open(ctx, conn.Settings{
				URLs: []string{first.URL, second.URL}, BaseDN: dc.BaseDN, BindDN: dc.BindDN, CAFile: dc.CAFile, Timeout: soak.Patience,
				Password: func(context.Context) (string, error) { return dc.BindPassword, nil },
			}, log, nil)
			if err != nil {
				return nil, err
			}
			return visitor{c, st, log}, nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); f.Run(ctx) }()
	defer func() { cancel(); <-ended }()

	guid := dc.AddUser(t, dc.OU("Staff"), "Followed", "followed", map[string][]string{"title": {"first"}})
	user := dc.OU("Staff").Child("Followed")
	shows := func(title string) {
		t.Helper()
		for deadline := time.Now().Add(soak.Patience); ; time.Sleep(10 * time.Millisecond) {
			e, _, err := st.EntryByGUID(t.Context(), guid)
			if err != nil {
				t.Fatal(err)
			}
			if e.Attributes.First("title") == title {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the mirror shows %v, want the title %s", e.Attributes, title)
			}
		}
	}
	shows("first")
	dc.Replace(t, user, "title", "second")
	shows("second")
	first.Cut()
	dc.Replace(t, user, "title", "third")
	shows("third")
	first.Refuse()
	dc.Replace(t, user, "title", "fourth")
	shows("fourth")
	if second.Accepted() == 0 {
		t.Error("the other domain controller was not asked")
	}
}
