package mirror

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/store"
)

var _ Store = (*store.Store)(nil)

func TestMain(m *testing.M) { os.Exit(dctest.Main(m)) }

// attributes are what the tests mirror besides what always is. secretary is a
// DN without a back link.
var attributes = []string{"employeeNumber", "title", "description", "manager", "secretary"}

func newStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// subject is a mirror under test.
type subject struct {
	dir   Directory
	store Store
	spec  Spec
	log   bytes.Buffer
}

func newSubject(t *testing.T, dc *dirtest.Domain, dir Directory) *subject {
	return &subject{dir: dir, store: newStore(t), spec: Spec{Base: dc.BaseDN, Attributes: attributes}}
}

func (s *subject) try(ctx context.Context) (Report, error) {
	return Sync(ctx, s.dir, s.store, s.spec, slog.New(slog.NewTextHandler(&s.log, nil)))
}

func (s *subject) sync(t *testing.T) Report {
	t.Helper()
	r, err := s.try(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *subject) state(t *testing.T) (store.MirrorState, cursor) {
	t.Helper()
	state, err := s.store.MirrorState(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := decodeCursor(state.Cookie)
	if err != nil {
		t.Fatal(err)
	}
	return state, c
}

// setCursor changes where the mirror goes on.
func (s *subject) setCursor(t *testing.T, change func(*cursor)) {
	t.Helper()
	state, c := s.state(t)
	change(&c)
	var err error
	if state.Cookie, err = c.encode(); err != nil {
		t.Fatal(err)
	}
	s.setState(t, state)
}

func (s *subject) setState(t *testing.T, state store.MirrorState) {
	t.Helper()
	err := s.store.UpdateMirror(t.Context(), func(tx store.MirrorTx) error { return tx.SetState(state) })
	if err != nil {
		t.Fatal(err)
	}
}

// image is a set of objects in a form to compare.
type image map[ident.GUID]string

func (s *subject) image(t *testing.T) image {
	t.Helper()
	found := image{}
	err := s.store.EachEntry(t.Context(), func(e ident.Entry) error {
		found[e.GUID] = inWords(e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// read takes the image anew, by a search that the package under test has no
// part in.
func read(t *testing.T, dc *dirtest.Domain, c Searcher, spec Spec) image {
	t.Helper()
	wanted := []string{
		"objectSid", "objectClass", "cn", "name", "sAMAccountName", "userPrincipalName", "mail",
		"proxyAddresses", "userAccountControl", "accountExpires", "adminCount", "primaryGroupID", "isCriticalSystemObject", "whenCreated", "member",
	}
	found := image{}
	err := c.Search(t.Context(), conn.Query{
		Base:       dc.BaseDN,
		Filter:     "(|(objectClass=user)(objectClass=group)(objectClass=organizationalUnit)(objectClass=container)(objectClass=contact))",
		Attributes: append(wanted, spec.Attributes...),
	}, func(e ident.Entry) error {
		delete(e.Attributes, "objectguid")
		found[e.GUID] = inWords(e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func inWords(e ident.Entry) string {
	lines := []string{string(e.DN)}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		if values := slices.Sorted(slices.Values(e.Attributes[name])); len(values) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %q", name, values))
		}
	}
	return strings.Join(lines, "\n")
}

// wantSame fails unless the mirror is what a read of the directory shows.
func (s *subject) wantSame(t *testing.T, dc *dirtest.Domain, reader Searcher) {
	t.Helper()
	if diff := cmp.Diff(read(t, dc, reader, s.spec), s.image(t)); diff != "" {
		t.Fatalf("mirror (+) differs from the directory (-):\n%s", diff)
	}
	if state, _ := s.state(t); !state.Full {
		t.Fatal("the mirror is the directory's image and not marked as full")
	}
}

// faulty is a directory that can be told to misbehave.
type faulty struct {
	Directory
	server  func(conn.Server) conn.Server
	usn     func(int64) int64
	dirSync func(conn.SyncQuery) error                     // before the call
	page    func(conn.SyncPage) conn.SyncPage              // after it
	search  func(q conn.Query, n int, e ident.Entry) error // before the n-th entry; errHide leaves it out
	asked   []conn.SyncQuery
	looked  []conn.Query
}

var errHide = errors.New("hidden")

func (f *faulty) Server() conn.Server {
	if f.server != nil {
		return f.server(f.Directory.Server())
	}
	return f.Directory.Server()
}

func (f *faulty) HighestUSN(ctx context.Context) (int64, error) {
	usn, err := f.Directory.HighestUSN(ctx)
	if f.usn != nil {
		usn = f.usn(usn)
	}
	return usn, err
}

func (f *faulty) DirSync(ctx context.Context, q conn.SyncQuery) (conn.SyncPage, error) {
	f.asked = append(f.asked, q)
	if f.dirSync != nil {
		if err := f.dirSync(q); err != nil {
			return conn.SyncPage{}, err
		}
	}
	page, err := f.Directory.DirSync(ctx, q)
	if err == nil && f.page != nil {
		page = f.page(page)
	}
	return page, err
}

func (f *faulty) Search(ctx context.Context, q conn.Query, each func(ident.Entry) error) error {
	f.looked = append(f.looked, q)
	n := 0
	return f.Directory.Search(ctx, q, func(e ident.Entry) error {
		n++
		if f.search != nil {
			if err := f.search(q, n, e); errors.Is(err, errHide) {
				return nil
			} else if err != nil {
				return err
			}
		}
		return each(e)
	})
}

// refuse answers every DirSync with an LDAP result code.
func refuse(code int) func(conn.SyncQuery) error {
	return func(conn.SyncQuery) error { return &conn.Error{Op: "dirsync", Code: code, Err: errors.New("refused")} }
}

// adminConn is a connection for what dctest cannot do or would not let fail.
func adminConn(t *testing.T, dc *dctest.DC) *ldap.Conn {
	t.Helper()
	pem, err := os.ReadFile(dc.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := ldap.DialURL(dc.URL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	if err == nil {
		err = c.Bind(string(dc.AdminDN), dc.AdminPassword)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func withoutTombstones(p conn.SyncPage) conn.SyncPage {
	p.Entries = slices.DeleteFunc(p.Entries, func(e conn.SyncEntry) bool { return e.Deleted })
	return p
}

// likeWindows is a directory that answers DirSync in pages, every third of them
// empty, and with the first of several members only.
type likeWindows struct {
	Directory
	calls int
	rest  map[string]conn.SyncPage // by cookie
}

func (w *likeWindows) DirSync(ctx context.Context, q conn.SyncQuery) (conn.SyncPage, error) {
	w.calls++
	page, ok := w.rest[string(q.Cookie)]
	if !ok {
		var err error
		if page, err = w.Directory.DirSync(ctx, q); err != nil {
			return page, err
		}
		for _, e := range page.Entries {
			if members := e.Changed["member"]; len(members) > 1 {
				delete(e.Changed, "member")
				e.Changed["member;range=0-0"] = members[:1]
			}
		}
	}
	n := min(w.calls%3, len(page.Entries))
	if n == len(page.Entries) {
		return page, nil
	}
	now := conn.SyncPage{Entries: page.Entries[:n], More: true, Cookie: fmt.Appendf(nil, "page %d", w.calls)}
	page.Entries = page.Entries[n:]
	w.rest[string(now.Cookie)] = page
	return now, nil
}
