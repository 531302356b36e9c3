package conn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// settings bind as the agent's account.
func settings(dc *dctest.DC) conn.Settings {
	return conn.Settings{
		URLs: []string{dc.URL}, BaseDN: dc.BaseDN, BindDN: dc.BindDN, CAFile: dc.CAFile,
		Password:    func(context.Context) (string, error) { return dc.BindPassword, nil },
		Timeout:     soak.Patience,
		Connections: 2,
	}
}

func open(t *testing.T, s conn.Settings) *conn.Client {
	t.Helper()
	c, err := conn.Open(t.Context(), s, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// openAdmin binds as the administrator, who may do what the agent may not.
func openAdmin(t *testing.T, dc *dctest.DC) *conn.Client {
	s := settings(dc)
	s.BindDN = string(dc.AdminDN)
	s.Password = func(context.Context) (string, error) { return dc.AdminPassword, nil }
	return open(t, s)
}

func asError(t *testing.T, err error) *conn.Error {
	t.Helper()
	var e *conn.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is not a *conn.Error", err, err)
	}
	return e
}

func TestOpenKnowsTheServer(t *testing.T) {
	dc := dctest.Start(t)
	for _, base := range []ident.DN{dc.BaseDN, "ou=staff, dc=AD, dc=test"} {
		s := settings(dc)
		s.BaseDN = base
		got := open(t, s).Server()
		if got.URL != dc.URL || got.DNSHostName != "dc1.ad.test" || !got.NamingContext.EqualFold(dc.BaseDN) {
			t.Errorf("server %+v", got)
		}
		if !strings.HasPrefix(string(got.ServiceName), "CN=NTDS Settings,CN=DC1,") {
			t.Errorf("service name %q", got.ServiceName)
		}
		domain := dc.Get(t, dc.BaseDN, "objectSid").Attributes.First("objectSid")
		if !strings.HasPrefix(got.DomainSID, "S-1-5-21-") || len(domain) != 24 {
			t.Errorf("domain SID %q", got.DomainSID)
		}
		want, err := ident.GUIDFromBytes([]byte(dc.Get(t, got.ServiceName, "invocationId").Attributes.First("invocationId")))
		if err != nil || got.InvocationID != want {
			t.Errorf("invocation id %q, want %q (%v)", got.InvocationID, want, err)
		}
	}
}

func TestTokenHoldsTheAccountItself(t *testing.T) {
	dc := dctest.Start(t)
	c := open(t, settings(dc))
	self, err := c.Get(t.Context(), conn.ByDN("CN=rollcall,CN=Users,DC=ad,DC=test"), []string{"objectSid"})
	if err != nil {
		t.Fatal(err)
	}
	if sids := c.Server().TokenSIDs; !slices.Contains(sids, self.Attributes.First("objectSid")) {
		t.Errorf("token %v lacks the account's own SID %s", sids, self.Attributes.First("objectSid"))
	}
}

func TestGet(t *testing.T) {
	dc := dctest.Start(t)
	c := open(t, settings(dc))
	dn := dc.OU("Staff").Child("Hana Made")
	byDN, err := c.Get(t.Context(), conn.ByDN(dn), []string{"displayName", "objectSid", "mail"})
	if err != nil {
		t.Fatal(err)
	}
	if byDN.Attributes.First("displayName") != "Hana Made" || !strings.HasPrefix(byDN.Attributes.First("objectsid"), c.Server().DomainSID+"-") {
		t.Errorf("attributes %v", byDN.Attributes)
	}
	byGUID, err := c.Get(t.Context(), conn.ByGUID(byDN.GUID), nil)
	if err != nil || byGUID.DN != dn || byGUID.GUID != byDN.GUID || byGUID.Attributes.First("mail") != "hana.made@example.com" {
		t.Errorf("by GUID: %+v, %v", byGUID, err)
	}
	for _, missing := range []conn.Target{
		conn.ByGUID("00000000-1111-2222-3333-444444444444"), conn.ByDN(dc.OU("Nowhere")), {GUID: "00000000-1111-2222-3333-444444444444", Deleted: true},
	} {
		_, err := c.Get(t.Context(), missing, nil)
		if !errors.Is(err, conn.ErrNotFound) || errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("%+v: %v, want not found", missing, err)
		}
	}
	for _, bad := range []ident.GUID{"x", "00000000-1111-2222-3333-44444444444>"} {
		if _, err := c.Get(t.Context(), conn.ByGUID(bad), nil); err == nil || errors.Is(err, conn.ErrNotFound) {
			t.Errorf("GUID %q: %v, want a refusal", bad, err)
		}
	}
}

func TestSearchPagesAndStops(t *testing.T) {
	dc := dctest.Start(t)
	ou := dc.OU("Paged")
	dc.Add(t, ou, map[string][]string{"objectClass": {"organizationalUnit"}})
	const many = 57
	for i := range many {
		dc.Add(t, ou.Child(fmt.Sprintf("contact %02d", i)), map[string][]string{"objectClass": {"contact"}, "sn": {fmt.Sprint(i)}})
	}
	s := settings(dc)
	s.Connections = 1
	c := open(t, s)
	query := conn.Query{Base: ou, Scope: conn.Children, Filter: "(objectClass=contact)", Attributes: []string{"sn"}, PageSize: 10}
	seen := map[string]int{}
	if err := c.Search(t.Context(), query, func(e ident.Entry) error { seen[e.Attributes.First("sn")]++; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != many {
		t.Errorf("%d contacts seen, want %d", len(seen), many)
	}
	enough := errors.New("enough")
	calls := 0
	err := c.Search(t.Context(), query, func(ident.Entry) error {
		if calls++; calls == 15 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || calls != 15 {
		t.Errorf("stopped search: %v after %d entries, want the caller's own error after 15", err, calls)
	}
	if _, err := c.Get(t.Context(), conn.ByDN(ou), nil); err != nil {
		t.Errorf("the connection is unusable after a stopped search: %v", err)
	}
	query.Base = dc.OU("Nowhere")
	if err := c.Search(t.Context(), query, nil); !errors.Is(err, conn.ErrNotFound) {
		t.Errorf("search below nothing: %v", err)
	}
	query.Base, query.Filter = ou, "(sn=1"
	if err := c.Search(t.Context(), query, nil); err == nil || errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("broken filter: %v, want an error that is not the network's", err)
	}
}

func TestEscapeFilterDisarms(t *testing.T) {
	dc := dctest.Start(t)
	c := open(t, settings(dc))
	for _, value := range []string{"*", "*)(cn=*", "x)(|(cn=*", "\\", "\x00", "(", "Hana*", "\\2a", "Zoë*"} {
		count := 0
		err := c.Search(t.Context(), conn.Query{Base: dc.BaseDN, Filter: "(cn=" + conn.EscapeFilter(value) + ")"},
			func(ident.Entry) error { count++; return nil })
		if err != nil || count != 0 {
			t.Errorf("cn %q: %d entries, %v", value, count, err)
		}
	}
	dc.Add(t, dc.OU("Elsewhere").Child("star * (sic) \\"), map[string][]string{"objectClass": {"contact"}})
	count := 0
	err := c.Search(t.Context(), conn.Query{Base: dc.BaseDN, Filter: "(cn=" + conn.EscapeFilter("star * (sic) \\") + ")"},
		func(ident.Entry) error { count++; return nil })
	if err != nil || count != 1 {
		t.Errorf("a name of special characters: %d entries, %v", count, err)
	}
}

func TestRangesAreCompleted(t *testing.T) {
	dc := dctest.Start(t)
	var members []ident.DN
	for i := range 25 {
		dn := dc.OU("Elsewhere").Child(fmt.Sprintf("member %02d", i))
		dc.Add(t, dn, map[string][]string{"objectClass": {"contact"}})
		members = append(members, dn)
	}
	group := dc.AddGroup(t, dc.OU("Elsewhere"), "ranged", members...)
	c := open(t, settings(dc))
	e, err := c.Get(t.Context(), conn.ByDN(group), []string{"member;range=0-9"})
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Attributes.Values("member"); len(got) != len(members) || len(e.Attributes) != 2 {
		t.Errorf("%d members in %d attributes, want %d in member and objectGUID", len(got), len(e.Attributes), len(members))
	}
}

func TestHighestUSNMovesWithAWrite(t *testing.T) {
	dc := dctest.Start(t)
	c := open(t, settings(dc))
	before, err := c.HighestUSN(t.Context())
	if err != nil || before == 0 {
		t.Fatalf("%d, %v", before, err)
	}
	dc.Replace(t, dc.OU("Elsewhere").Child("Olga Outside"), "description", "touched")
	if after, err := c.HighestUSN(t.Context()); err != nil || after <= before {
		t.Errorf("%d after a write, %d before, %v", after, before, err)
	}
}

func TestConcurrentRequestsShareThePool(t *testing.T) {
	dc := dctest.Start(t)
	proxy := dc.Proxy(t)
	s := settings(dc)
	s.URLs, s.Connections = []string{proxy.URL}, 3
	watch := &observer{}
	c, err := conn.Open(t.Context(), s, slog.New(slog.DiscardHandler), watch)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for range 24 {
		work.Go(func() {
			if _, err := c.Get(t.Context(), conn.ByDN(dc.BaseDN), []string{"objectSid"}); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if n := proxy.Accepted(); n > 3 {
		t.Errorf("%d connections were opened, want at most 3", n)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(t.Context(), conn.ByDN(dc.BaseDN), nil); err == nil {
		t.Error("a closed client answers")
	}
	watch.mu.Lock()
	defer watch.mu.Unlock()
	if watch.requests["search 0"] < 24 || watch.requests["bind 0"] == 0 || !watch.up[proxy.URL] {
		t.Errorf("observer saw %v, connected %v", watch.requests, watch.up)
	}
}

type observer struct {
	mu       sync.Mutex
	requests map[string]int
	up       map[string]bool // by URL
}

func (o *observer) Request(op string, code int, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.requests == nil {
		o.requests = map[string]int{}
	}
	o.requests[fmt.Sprintf("%s %d", op, code)]++
}

func (o *observer) Connected(server string, up bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.up == nil {
		o.up = map[string]bool{}
	}
	o.up[server] = up
}

// want compares what the last contacts showed.
func (o *observer) want(t *testing.T, when string, up map[string]bool) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !maps.Equal(o.up, up) {
		t.Errorf("%s: connected is %v, want %v", when, o.up, up)
	}
}

// TestConnectedIsWhatTheLastContactShowed goes through what can become of two
// domain controllers.
func TestConnectedIsWhatTheLastContactShowed(t *testing.T) {
	dc := dctest.Start(t)
	first := dc.Proxy(t)
	watch := &observer{}
	s := settings(dc)
	s.URLs = []string{first.URL, dc.URL}
	connect := func(ctx context.Context, s conn.Settings) (*conn.Client, error) {
		return conn.Open(ctx, s, slog.New(slog.DiscardHandler), watch)
	}
	c, err := connect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	watch.want(t, "after a good run", map[string]bool{first.URL: true})

	// Who gives up says nothing about the server.
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := connect(stopped, s); err == nil {
		t.Error("a cancelled run connects")
	}
	watch.want(t, "after a cancelled run", map[string]bool{first.URL: true})
	if c, err = connect(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	first.Silence()
	late, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := c.Get(late, conn.ByDN(dc.BaseDN), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read: %v", err)
	}
	watch.want(t, "after a cancelled read", map[string]bool{first.URL: true})
	first.Answer()

	first.Refuse()
	if _, err := c.Get(t.Context(), conn.ByDN(dc.BaseDN), nil); err == nil {
		t.Error("a server that is gone answers")
	}
	c.Close()
	watch.want(t, "after it was lost", map[string]bool{first.URL: false})
	if c, err = connect(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	c.Close()
	watch.want(t, "after a failover", map[string]bool{first.URL: false, dc.URL: true})
	s.Password = func(context.Context) (string, error) { return "wrong", nil }
	if _, err := connect(t.Context(), s); err == nil {
		t.Error("a wrong password is accepted")
	}
	watch.want(t, "after a refused password", map[string]bool{first.URL: false, dc.URL: false})
}

func TestOpenPassesOverDeadServers(t *testing.T) {
	dc := dctest.Start(t)
	dead := dc.Proxy(t)
	dead.Refuse()
	s := settings(dc)
	s.URLs = []string{dead.URL, dc.URL}
	var logs bytes.Buffer
	c, err := conn.Open(t.Context(), s, slog.New(slog.NewTextHandler(&logs, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Server().URL != dc.URL || !strings.Contains(logs.String(), dead.URL) {
		t.Errorf("connected to %s, log:\n%s", c.Server().URL, &logs)
	}
}
