package store

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// An image answers as the mirror was when it was taken, in every way of looking,
// while the mirror goes on.
func TestAnImageStaysAsItWas(t *testing.T) {
	s := openTest(t)
	update(t, s, put(entry("ou", "OU=Staff,DC=c")), put(entry("ann", "CN=Ann,OU=Staff,DC=c", "mail", "ann@c.test")),
		put(entry("ben", "CN=Ben,OU=Staff,DC=c", "mail", "ben@c.test")))
	image, err := s.Image(t.Context())
	must(t, err)
	update(t, s, remove("ann"), merge("ben", "CN=Ben2,OU=Staff,DC=c", ident.Attributes{"mail": {"ann@c.test"}}),
		put(entry("eve", "CN=Eve,OU=Staff,DC=c", "mail", "eve@c.test")))

	before := map[string]int{"guid ann": 1, "guid eve": 0, "dn Ben": 1, "dn Ben2": 0, "mail ann": 1, "name ben": 1, "child Ben": 1, "child Ben2": 0, "all": 3}
	after := map[string]int{"guid ann": 0, "guid eve": 1, "dn Ben": 0, "dn Ben2": 1, "mail ann": 1, "name ben": 0, "child Ben": 0, "child Ben2": 1, "all": 3}
	for what, n := range image.look(t) {
		if n != before[what] {
			t.Errorf("image, %s: %d, want %d", what, n, before[what])
		}
	}
	for what, n := range s.entryReader.look(t) {
		if n != after[what] {
			t.Errorf("mirror, %s: %d, want %d", what, n, after[what])
		}
	}
	if found, err := image.EntriesByValue(t.Context(), "mail", "ann@c.test"); err != nil || len(found) != 1 || found[0].GUID != "ann" {
		t.Errorf("ann@c.test belonged to ann: %v, %v", found, err)
	}
	image.Close()
	if _, _, err := image.EntryByGUID(t.Context(), "ann"); err == nil {
		t.Error("a closed image answers")
	}
}

// look counts what each way of looking finds.
func (r entryReader) look(t *testing.T) map[string]int {
	t.Helper()
	found := map[string]int{}
	count := func(what string, there bool, err error) {
		must(t, err)
		found[what] = 0
		if there {
			found[what] = 1
		}
	}
	for _, guid := range []ident.GUID{"ann", "eve"} {
		_, there, err := r.EntryByGUID(t.Context(), guid)
		count("guid "+string(guid), there, err)
	}
	for _, name := range []string{"Ben", "Ben2"} {
		_, there, err := r.EntryByDN(t.Context(), ident.DN("CN="+name+",OU=Staff,DC=c"))
		count("dn "+name, there, err)
		list, err := r.ChildrenByName(t.Context(), "OU=Staff,DC=c", name)
		count("child "+name, len(list) == 1, err)
	}
	list, err := r.EntriesByValue(t.Context(), "mail", "ann@c.test")
	count("mail ann", len(list) == 1, err)
	list, err = r.EntriesByName(t.Context(), "mail", "ben@c.test")
	count("name ben", len(list) == 1, err)
	must(t, r.EachEntry(t.Context(), func(ident.Entry) error {
		found["all"]++
		return nil
	}))
	return found
}
