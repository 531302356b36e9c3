package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/memory"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const base = ident.DN("DC=ad,DC=test")

func connect(t *testing.T, d *memory.Domain, host string, change func(*memory.Account)) *memory.Client {
	t.Helper()
	account := memory.Account{DN: "CN=Administrator,CN=Users," + base, Administrator: true}
	if change != nil {
		change(&account)
	}
	c, err := d.Connect(account, host)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newDomain(t *testing.T) (*memory.Domain, *memory.Client) {
	t.Helper()
	d, err := memory.New(base, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, connect(t, d, "dc1", nil)
}

var contact = map[string][]string{"objectClass": {"contact"}}

func place(cn string) ident.DN { return ("CN=Users," + base).Child(cn) }

func exists(t *testing.T, c *memory.Client, cn string) bool {
	t.Helper()
	_, err := c.Get(t.Context(), conn.ByDN(place(cn)), nil)
	return err == nil
}

// TestFaults makes every fault happen to a write, and looks whether the write
// was carried out and whether the client is told that this is unknown.
func TestFaults(t *testing.T) {
	d, sure := newDomain(t)
	for name, c := range map[string]struct {
		fault         memory.Fault
		code          int
		written, open bool // open: the client cannot know the outcome
	}{
		"refuse":      {memory.Fault{Refuse: 51}, 51, false, false},
		"unreachable": {memory.Fault{Unreachable: true}, 0, false, false},
		"lost before": {memory.Fault{LostBefore: true}, 0, false, true},
		"lost after":  {memory.Fault{LostAfter: true}, 0, true, true},
		"slow":        {memory.Fault{Slow: time.Hour}, 0, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			faulty := connect(t, d, "dc1", nil)
			faulty.Fault = func(r memory.Request) memory.Fault {
				if r.Op != "add" || r.DN != place(name) || !r.Write {
					t.Errorf("the request is %+v", r)
				}
				if c.fault.Slow > 0 {
					time.AfterFunc(10*time.Millisecond, cancel)
				}
				return c.fault
			}
			err := faulty.Add(ctx, place(name), contact)
			var answer *conn.Error
			if !errors.As(err, &answer) {
				t.Fatalf("answered %v", err)
			}
			if c.code != 0 && answer.Code != c.code {
				t.Errorf("code %d, want %d", answer.Code, c.code)
			}
			if answer.Unknown != c.open {
				t.Errorf("the outcome is unknown: %v, want %v: %v", answer.Unknown, c.open, err)
			}
			if exists(t, sure, name) != c.written {
				t.Errorf("written: %v, want %v", !c.written, c.written)
			}
		})
	}
}

// TestSecondServer shows that servers have the same objects, but USNs and
// cookies of their own.
func TestSecondServer(t *testing.T) {
	d, one := newDomain(t)
	other := connect(t, d, "second", nil)
	if one.Server().InvocationID == other.Server().InvocationID || one.Server().URL == other.Server().URL {
		t.Fatalf("%+v and %+v are one server", one.Server(), other.Server())
	}
	if err := one.Add(t.Context(), place("x"), contact); err != nil {
		t.Fatal(err)
	}
	if !exists(t, other, "x") {
		t.Error("the other server lacks the object")
	}
	here, err := one.HighestUSN(t.Context())
	there, err2 := other.HighestUSN(t.Context())
	if err != nil || err2 != nil || here == there {
		t.Errorf("USNs %d and %d, %v, %v", here, there, err, err2)
	}
	q := conn.SyncQuery{Base: base, Filter: "(objectClass=contact)", Attributes: []string{"cn", "title"}}
	page, err := one.DirSync(t.Context(), q)
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("%d entries, %v", len(page.Entries), err)
	}
	q.Cookie = page.Cookie
	for c, want := range map[*memory.Client]int{one: 0, other: 1} { // the other starts from the beginning
		if page, err := c.DirSync(t.Context(), q); err != nil || len(page.Entries) != want {
			t.Errorf("%s: %d entries instead of %d, %v", c.Server().URL, len(page.Entries), want, err)
		}
	}
}

func TestUnwritableAndUnreadable(t *testing.T) {
	d, sure := newDomain(t)
	if err := sure.Add(t.Context(), place("x"), contact); err != nil {
		t.Fatal(err)
	}
	limited := connect(t, d, "dc1", func(a *memory.Account) { a.Unwritable, a.Unreadable = []string{"TITLE"}, []string{"Mail"} })
	set := func(c *memory.Client, attribute string) error {
		mod := conn.Mod{Kind: conn.ReplaceValues, Attribute: attribute, Values: []string{"v"}}
		return c.Modify(t.Context(), conn.ByDN(place("x")), []conn.Mod{mod}, false)
	}
	var refused *conn.Error
	if err := set(limited, "title"); !errors.As(err, &refused) || refused.Code != 50 {
		t.Errorf("to write an unwritable attribute: %v", err)
	}
	if err := errors.Join(set(limited, "mail"), set(sure, "title")); err != nil {
		t.Fatal(err)
	}
	q := conn.SyncQuery{Base: base, Filter: "(objectClass=contact)", Attributes: []string{"mail", "title"}}
	for c, want := range map[*memory.Client]string{sure: "v", limited: ""} {
		e, err := c.Get(t.Context(), conn.ByDN(place("x")), []string{"mail", "title"})
		if err != nil || e.Attributes.First("mail") != want || e.Attributes.First("title") != "v" {
			t.Errorf("read %v, %v", e.Attributes, err)
		}
		page, err := c.DirSync(t.Context(), q)
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Changed.First("mail") != want {
			t.Errorf("told %+v, %v", page.Entries, err)
		}
	}
}

// TestPages reads changes in pages, while others change what was delivered.
func TestPages(t *testing.T) {
	d, c := newDomain(t)
	names := []string{"p1", "p2", "p3", "p4", "p5"}
	for _, n := range names {
		if err := c.Add(t.Context(), place(n), contact); err != nil {
			t.Fatal(err)
		}
	}
	d.SyncPage = 2
	q := conn.SyncQuery{Base: base, Filter: "(objectClass=contact)", Attributes: []string{"title"}}
	told := map[ident.DN]int{}
	for pages := 1; ; pages++ {
		page, err := c.DirSync(t.Context(), q)
		if err != nil || len(page.Entries) > 2 || pages > 10 {
			t.Fatalf("page %d: %d entries, %v", pages, len(page.Entries), err)
		}
		for _, e := range page.Entries {
			told[e.DN]++
		}
		if q.Cookie = page.Cookie; !page.More {
			break
		}
		if pages == 1 {
			mod := conn.Mod{Kind: conn.ReplaceValues, Attribute: "title", Values: []string{"new"}}
			if err := c.Modify(t.Context(), conn.ByDN(place("p1")), []conn.Mod{mod}, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range names {
		want := 1
		if n == "p1" {
			want = 2
		}
		if told[place(n)] != want {
			t.Errorf("%s was told %d times instead of %d", n, told[place(n)], want)
		}
	}
	if page, err := c.DirSync(t.Context(), q); err != nil || len(page.Entries) != 0 || page.More {
		t.Errorf("after the last page: %+v, %v", page, err)
	}
}
