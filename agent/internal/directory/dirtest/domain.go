// Package dirtest defines how a directory must behave to be taken for Active
// Directory, as one suite that runs against the real domain controller of
// package dctest and against package memory. A case says what AD does; if the
// two differ, package memory is corrected, never the case.
//
// It also gives other packages a domain in either form. Tests of our own rules
// run in memory; tests that depend on the server's behaviour run on both. Only
// tests import it.
package dirtest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// Directory is a connection with every method that the packages of the agent
// use.
type Directory interface {
	Server() conn.Server
	HighestUSN(context.Context) (int64, error)
	Get(context.Context, conn.Target, []string) (ident.Entry, error)
	Search(context.Context, conn.Query, func(ident.Entry) error) error
	DirSync(context.Context, conn.SyncQuery) (conn.SyncPage, error)
	Add(context.Context, ident.DN, map[string][]string) error
	Modify(ctx context.Context, t conn.Target, mods []conn.Mod, permissive bool) error
	ModifyDN(ctx context.Context, dn ident.DN, newRDN string, newParent ident.DN) error
	Delete(context.Context, ident.DN) error
}

var _ Directory = (*conn.Client)(nil)

// Administrator acts like people who work in the directory beside the agent.
// Each method fails the test on an error.
type Administrator interface {
	Add(t testing.TB, dn ident.DN, attributes map[string][]string) ident.GUID
	AddUser(t testing.TB, parent ident.DN, cn, sam string, attributes map[string][]string) ident.GUID
	AddGroup(t testing.TB, parent ident.DN, cn string, members ...ident.DN) ident.DN
	Replace(t testing.TB, dn ident.DN, attribute string, values ...string)
	AddMember(t testing.TB, group, member ident.DN)
	Move(t testing.TB, dn ident.DN, rdn string, parent ident.DN)
	Delete(t testing.TB, dn ident.DN)
	DeleteTree(t testing.TB, dn ident.DN)
	Get(t testing.TB, dn ident.DN, attributes ...string) ident.Entry
	Find(t testing.TB, filter string, attributes ...string) []ident.Entry
	CanBind(t testing.TB, dn, password string) error
}

var _ Administrator = (*dctest.DC)(nil)

// Domain is the domain ad.test, seeded as scripts/dc-seed.ldif says.
type Domain struct {
	Administrator
	BaseDN       ident.DN
	BindDN       string // the agent's account
	AdminDN      ident.DN
	UserPassword string

	connect func(testing.TB, Account) Directory
}

// Account names the account that a connection acts as.
type Account string

// The accounts of the seeded domain.
const (
	AsAdministrator Account = "administrator"
	AsAgent         Account = "agent"      // delegated rights, replicates
	AsPlainUser     Account = "plain user" // reads
)

// OU returns the DN of an organizational unit directly below the naming context.
func (d *Domain) OU(name string) ident.DN {
	return ident.DN("OU=" + ident.EscapeValue(name) + "," + string(d.BaseDN))
}

// Connect opens a connection, which is closed when the test ends.
func (d *Domain) Connect(t testing.TB, as Account) Directory {
	t.Helper()
	return d.connect(t, as)
}

// OnDC returns the domain of a domain controller.
func OnDC(dc *dctest.DC) *Domain {
	return &Domain{
		Administrator: dc, BaseDN: dc.BaseDN, BindDN: dc.BindDN, AdminDN: dc.AdminDN, UserPassword: dc.UserPassword,
		connect: func(t testing.TB, as Account) Directory { return dial(t, dc, as) },
	}
}

func dial(t testing.TB, dc *dctest.DC, as Account) *conn.Client {
	t.Helper()
	s := conn.Settings{URLs: []string{dc.URL}, BaseDN: dc.BaseDN, CAFile: dc.CAFile, Connections: 2, Timeout: time.Minute}
	password := dc.BindPassword
	switch s.BindDN = dc.BindDN; as {
	case AsAdministrator:
		s.BindDN, password = string(dc.AdminDN), dc.AdminPassword
	case AsPlainUser:
		s.BindDN, password = "hmade@ad.test", dc.UserPassword
	}
	s.Password = func(context.Context) (string, error) { return password, nil }
	c, err := conn.Open(t.Context(), s, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// InRules runs a test of our own rules in memory, and at full size (see
// package soak) on the domain controller as well.
func InRules(t *testing.T, test func(*testing.T, *Domain)) {
	if soak.Full() {
		OnBoth(t, test)
		return
	}
	test(t, InMemory(t))
}

// OnBoth runs a test in memory and on the shared domain controller of the test
// binary.
func OnBoth(t *testing.T, test func(*testing.T, *Domain)) {
	t.Run("memory", func(t *testing.T) { test(t, InMemory(t)) })
	t.Run("dc", func(t *testing.T) { test(t, OnDC(dctest.Start(t))) })
}
