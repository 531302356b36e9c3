package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/plan"
)

// A new account does not get the name of a deleted one, which may come back with
// it, nor that of a disabled one. Whoever has an account keeps their name.
func TestNamesOfDeletedAndDisabledAccounts(t *testing.T) {
	f := &feed{records: []ident.Record{person("1", "Stays")}}
	s := onDC(t, map[string]*feed{"dnames": f})
	s.run("dnames")
	s.dc.AddUser(t, s.ou, "Gone", "dnames2", nil)
	s.dc.Delete(t, s.ou.Child("Gone"))
	s.dc.AddUser(t, s.ou, "Off", "dnames3", map[string][]string{"userAccountControl": {"514"}})
	f.records = append(f.records, person("2", "After Gone"), person("3", "After Off"), person("4", "Free"))
	r := s.run("dnames")
	causes := map[ident.Key]string{}
	for _, q := range r.Summary.Quarantined {
		causes[q.Key] = q.Cause
	}
	if want := `"dnames2" is in use by a deleted account, which can be restored: Gone of ` + string(s.ou); !strings.Contains(causes["2"], want) {
		t.Errorf("after the deleted account: %q, want %q", causes["2"], want)
	}
	if !strings.Contains(causes["3"], `"dnames3" is in use by CN=Off,`) || len(causes) != 2 {
		t.Errorf("in quarantine: %q", causes)
	}
	if got := s.account("dnames:4", "sAMAccountName").Attributes.First("sAMAccountName"); got != "dnames4" {
		t.Errorf("the free name: %q", got)
	}
	f.records[0].Fields["name"] = "Stays Here"
	s.run("dnames")
	if got := s.account("dnames:1").Attributes.First("displayName"); got != "Stays Here" {
		t.Errorf("who has an account: %q", got)
	}
}

// All names are found, however many there are, and none that nobody has.
func TestManyNamesOfDeletedAccounts(t *testing.T) {
	s := newScene(t, nil)
	s.dc.AddUser(t, s.ou, "Gone", "manynames", nil)
	s.dc.Delete(t, s.ou.Child("Gone"))
	client, err := s.Connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	v := &view{ctx: t.Context(), client: client}
	names := make([]plan.Name, 2*namesASearch)
	for i := range names {
		names[i] = plan.Name{Attribute: "sAMAccountName", Value: "nobody" + strings.Repeat("x", i%10)}
	}
	last := len(names) - 1
	names[last] = plan.Name{Attribute: "sAMAccountName", Value: "ManyNames"}
	got, err := v.HoldersElsewhere(names)
	if err != nil || len(got) != len(names) || got[0].Holder != "" || !strings.Contains(got[last].Holder, "Gone of "+string(s.ou)) {
		t.Errorf("%q, %v", got, err)
	}
}

// archive is a directory with one deleted account.
type archive struct {
	Directory
	deleted  ident.Attributes
	features []string // of the forest
	fails    error    // each search for deleted objects
	hides    bool     // the Partitions container
	searches int
}

func (*archive) Server() conn.Server {
	return conn.Server{NamingContext: "DC=eu,DC=x", ServiceName: "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Sites,CN=Configuration,DC=x"}
}

func (a *archive) Search(_ context.Context, q conn.Query, each func(ident.Entry) error) error {
	if a.searches++; a.fails != nil {
		return a.fails
	}
	if q.Base != "CN=Deleted Objects,DC=eu,DC=x" || !q.Deleted {
		return fmt.Errorf("asked for %q", q.Base)
	}
	return each(ident.Entry{DN: "CN=Ada\\0ADEL:1,CN=Deleted Objects,DC=eu,DC=x", Attributes: a.deleted})
}

func (a *archive) Get(_ context.Context, t conn.Target, _ []string) (ident.Entry, error) {
	if a.hides || t.DN != "CN=Partitions,CN=Configuration,DC=x" {
		return ident.Entry{}, conn.ErrNotFound
	}
	return ident.Entry{Attributes: ident.Attributes{"msds-enabledfeature": a.features}}, nil
}

// Where the Recycle Bin is off, each deleted object is marked as recycled, and can be
// brought back all the same.
func TestWhichDeletedAccountsCanBeRestored(t *testing.T) {
	bin := []string{"CN=Recycle Bin Feature,CN=Optional Features,CN=Directory Service,CN=Configuration,DC=x"}
	recycled := []string{"TRUE"}
	for _, c := range []struct {
		name       string
		features   []string
		isRecycled []string
		hides      bool
		taken      bool
	}{
		{"the bin is on", bin, nil, false, true},
		{"the bin is on, and the account has left it", bin, recycled, false, false},
		{"the bin is off", nil, recycled, false, true},
		{"another feature is on", []string{"CN=Other,DC=x"}, recycled, false, true},
		{"it is hidden whether the bin is on", bin, recycled, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := &view{ctx: t.Context(), client: &archive{features: c.features, hides: c.hides, deleted: ident.Attributes{
				"samaccountname": {"ada"}, "isrecycled": c.isRecycled, "objectclass": {"top", "group"},
			}}}
			got, err := v.HoldersElsewhere([]plan.Name{{Attribute: "sAMAccountName", Value: "Ada"}, {Attribute: "sAMAccountName", Value: "bob"}})
			want := ""
			if c.taken {
				want = "a deleted object, which can be restored: Ada"
			}
			if err != nil || len(got) != 2 || got[0].Holder != want || got[1].Holder != "" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// Who is not shown deleted accounts is not asked again in the same plan; any other
// failure ends it.
func TestDeletedAccountsAreHidden(t *testing.T) {
	names := []plan.Name{{Attribute: "sAMAccountName", Value: "ada"}}
	for _, hidden := range []error{conn.ErrNotFound, conn.ErrDenied} {
		a := &archive{fails: hidden}
		v := &view{ctx: t.Context(), client: a}
		for range 2 {
			if got, err := v.HoldersElsewhere(names); err != nil || got[0].Holder != "" {
				t.Errorf("%v: %q, %v", hidden, got, err)
			}
		}
		if a.searches != 1 {
			t.Errorf("%v: %d searches", hidden, a.searches)
		}
	}
	v := &view{ctx: t.Context(), client: &archive{fails: errors.New("no answer")}}
	if _, err := v.HoldersElsewhere(names); err == nil || err.Error() != "look for deleted accounts that have the names of new ones: no answer" {
		t.Errorf("%v", err)
	}
}

// What records hold counts, however deep it lies.
func TestSizeOf(t *testing.T) {
	fields := map[string]any{"a": "four", "b": []any{"xy", map[string]any{"c": "z", "n": json.Number("12")}}, "none": nil}
	if n := sizeOf(fields); n != 7 {
		t.Errorf("%d", n)
	}
	if n := sizeOf(map[string]map[string]any{"other": fields}); n != 7 {
		t.Errorf("joined: %d", n)
	}
}
