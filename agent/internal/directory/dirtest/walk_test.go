package dirtest_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// TestSameWalk makes the same random requests in memory and at a domain
// controller. Their answers, what can be read afterwards and what DirSync tells
// must be the same.
func TestSameWalk(t *testing.T) {
	there := newWalker(t, dirtest.OnDC(dctest.Start(t)))
	here := newWalker(t, dirtest.InMemory(t))
	answers := map[int]int{}
	if os.Getenv("ROLLCALL_SEED") == "" && !soak.Full() {
		t.Setenv("ROLLCALL_SEED", "20261130") // make soak looks for what nobody has seen
	}
	soak.Check(t, 6, 300, func(r *rapid.T) {
		here.reset()
		there.reset()
		for step := range 30 {
			q := draw(r, step, here.objects("(|(objectClass=person)(objectClass=group))"), here.objects("(objectClass=user)"))
			want, got := there.answer(q), here.answer(q)
			if got != want {
				r.Fatalf("%v: answered %d in memory and %d by the domain controller", q, got, want)
			}
			r.Logf("%v: %d", q, want)
			answers[want]++
			if rapid.IntRange(0, 4).Draw(r, "compare") == 0 {
				compare(r, q, here, there)
			}
		}
		compare(r, request{}, here, there)
		if diff := cmp.Diff(there.changes(true), here.changes(true)); diff != "" {
			r.Fatalf("a full DirSync in memory (+) differs from that of the domain controller (-):\n%s", diff)
		}
	})
	t.Logf("answers: %v", answers)
	if answers[0] < 30 || len(answers) < 6 {
		t.Errorf("answers %v: the walk shows little", answers)
	}
}

func compare(r *rapid.T, q request, here, there *walker) {
	if diff := cmp.Diff(there.entries(), here.entries()); diff != "" {
		r.Fatalf("after %v the memory (+) differs from the domain controller (-):\n%s", q, diff)
	}
	if diff := cmp.Diff(there.changes(false), here.changes(false)); diff != "" {
		r.Fatalf("after %v DirSync in memory (+) differs from that of the domain controller (-):\n%s", q, diff)
	}
}

// walker carries requests out on one of the two.
type walker struct {
	t       *testing.T
	domain  *dirtest.Domain
	as      map[dirtest.Account]dirtest.Directory
	cookie  []byte
	top     ident.DN
	started bool
}

func newWalker(t *testing.T, d *dirtest.Domain) *walker {
	w := &walker{t: t, domain: d, as: map[dirtest.Account]dirtest.Directory{}, top: "OU=Walk," + d.OU("Staff")}
	for _, as := range []dirtest.Account{dirtest.AsAdministrator, dirtest.AsAgent} {
		w.as[as] = d.Connect(t, as)
	}
	return w
}

// reset makes a small tree where the walk begins. Nothing is left of the last.
func (w *walker) reset() {
	if w.started {
		for _, e := range w.domain.Find(w.t, "(&(objectClass=user)(primaryGroupID>=1000))", "cn") {
			w.domain.Delete(w.t, e.DN) // a primary group cannot be deleted before its accounts
		}
		w.domain.DeleteTree(w.t, w.top)
	}
	w.started = true
	w.domain.Add(w.t, w.top, map[string][]string{"objectClass": {"organizationalUnit"}})
	for _, unit := range []string{"a", "b"} {
		w.domain.Add(w.t, w.in("OU="+unit), map[string][]string{"objectClass": {"organizationalUnit"}})
		for _, user := range []string{"a", "b"} {
			w.domain.Add(w.t, w.in("CN="+user+",OU="+unit), map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"walk" + unit + user}})
		}
	}
	for _, group := range []string{"g", "h"} {
		w.domain.Add(w.t, w.in("CN="+group), map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"walk" + group}})
	}
	w.changes(false)
}

func (w *walker) in(name string) ident.DN {
	if name == "" {
		return w.top
	}
	return ident.DN(name + "," + string(w.top))
}

// objects lists objects of the tree, named from its top.
func (w *walker) objects(filter string) []string {
	var list []string
	for _, e := range w.domain.Find(w.t, filter, "cn") {
		if name, ok := strings.CutSuffix(string(e.DN), ","+string(w.top)); ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// request is one step of the walk. DNs are below the top.
type request struct {
	As         dirtest.Account
	Op         string
	DN, To     string
	RDN        string
	Attributes map[string][]string
	Mods       []conn.Mod
}

func (w *walker) answer(q request) int {
	c, ctx := w.as[q.As], w.t.Context()
	var err error
	switch q.Op {
	case "add":
		err = c.Add(ctx, w.in(q.DN), w.resolved(q.Attributes))
	case "modify":
		mods := slices.Clone(q.Mods)
		for i, m := range mods {
			mods[i].Values = w.resolved(map[string][]string{m.Attribute: m.Values})[m.Attribute]
		}
		err = c.Modify(ctx, conn.ByDN(w.in(q.DN)), mods, false)
	case "primary":
		g := w.domain.Find(w.t, "(sAMAccountName=walk"+q.To+")", "primaryGroupToken")
		if len(g) == 0 {
			return -1
		}
		mod := conn.Mod{Kind: conn.ReplaceValues, Attribute: "primaryGroupID", Values: g[0].Attributes.Values("primaryGroupToken")}
		err = c.Modify(ctx, conn.ByDN(w.in(q.DN)), []conn.Mod{mod}, false)
	case "rename":
		err = c.ModifyDN(ctx, w.in(q.DN), q.RDN, "")
	case "move":
		err = c.ModifyDN(ctx, w.in(q.DN), q.RDN, w.in(q.To))
	case "delete":
		err = c.Delete(ctx, w.in(q.DN))
	}
	var answer *conn.Error
	if err != nil && !errors.As(err, &answer) {
		w.t.Fatalf("%v: %v", q, err)
	}
	if answer != nil {
		return answer.Code
	}
	return 0
}

// resolved puts the whole DN where a value names an object of the tree.
func (w *walker) resolved(attributes map[string][]string) map[string][]string {
	out := map[string][]string{}
	for name, values := range attributes {
		for _, v := range values {
			if slices.Contains(referring, name) {
				v = string(w.in(v))
			}
			out[name] = append(out[name], v)
		}
		if len(values) == 0 {
			out[name] = nil
		}
	}
	return out
}

var referring = []string{"manager", "secretary", "member"}

var tombstone = regexp.MustCompile(`(DEL:)[0-9a-f-]{36}`)

// volatile are attributes that differ between two directories, or with time.
var volatile = []string{
	"objectguid", "objectsid", "usnchanged", "usncreated", "whenchanged", "whencreated", "dscorepropagationdata", "instancetype",
	"parentguid", "ntsecuritydescriptor", "badpasswordtime",
}

var compared = []string{
	"objectClass", "cn", "ou", "name", "sAMAccountName", "userPrincipalName", "userAccountControl", "sAMAccountType", "groupType",
	"accountExpires", "title", "description", "url", "mail", "employeeNumber", "manager", "directReports", "secretary", "member",
	"memberOf", "objectCategory", "distinguishedName", "canonicalName",
}

// entries are the objects of the tree, in words.
func (w *walker) entries() map[string]string {
	all := map[string]string{}
	err := w.as[dirtest.AsAdministrator].Search(w.t.Context(), conn.Query{
		Base: w.top, Filter: "(objectClass=*)", Attributes: compared,
	}, func(e ident.Entry) error {
		all[string(e.DN)] = strings.Join(words(e.Attributes), "\n")
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func words(a ident.Attributes) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if slices.Contains(volatile, name) {
			continue
		}
		values := slices.Clone(a[name])
		for i := range values {
			values[i] = tombstone.ReplaceAllString(values[i], "$1")
			if strings.HasPrefix(values[i], "<GUID=") {
				values[i] = "extended " + values[i][strings.LastIndexByte(values[i], ';')+1:]
			}
		}
		slices.Sort(values)
		list = append(list, fmt.Sprintf("%s: %q", name, values))
	}
	return list
}

// changes is what DirSync tells of the tree since it was asked last, or of all
// that is alive.
func (w *walker) changes(whole bool) []string {
	q := conn.SyncQuery{
		Base: w.domain.BaseDN, Cookie: w.cookie,
		Filter: "(|(objectClass=user)(objectClass=group)(objectClass=organizationalUnit)(objectClass=contact))",
		Attributes: []string{
			"objectClass", "sAMAccountName", "userPrincipalName", "userAccountControl", "title", "description", "url", "manager",
			"secretary", "member", "accountExpires", "mail", "cn",
		},
	}
	if whole {
		q.Cookie = nil
	}
	var told []string
	for more := true; more; {
		page, err := w.as[dirtest.AsAgent].DirSync(w.t.Context(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range page.Entries {
			if whole && (e.Deleted || !e.DN.Under(w.top)) {
				continue
			}
			if whole { // what is empty there says nothing
				maps.DeleteFunc(e.Changed, func(_ string, values []string) bool { return len(values) == 0 })
			}
			told = append(told, strings.Join(append([]string{tombstone.ReplaceAllString(string(e.DN), "$1")}, words(e.Changed)...), "\n"))
		}
		q.Cookie, more = page.Cookie, page.More
	}
	if !whole {
		w.cookie = q.Cookie
	}
	slices.Sort(told)
	return told
}
