package store

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// A mirror that an older rollcall folded by other rules is found in by the
// present ones as soon as it is opened.
func TestRefold(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	const long, plain = ident.DN("OU=\u017ftaff,DC=x"), ident.DN("OU=Staff,DC=x")
	update(t, s, put(entry("g0", "DC=x")), put(entry("g1", long, "ou", "\u017ftaff")), put(entry("g2", long.Child("Ada"), "mail", "ada@\u212a.x", "manager", string(long.Child("Ada")))))
	must(t, s.PutLink(t.Context(), link(" 7\u00a0", "g7"), "test"))
	must(t, s.PutLink(t.Context(), link("8 ", "g8"), "test"))
	must(t, s.PutLink(t.Context(), link("8", "g9"), "test"))
	for _, old := range []string{
		`UPDATE mirror SET folded = replace(folded, '\c5\bf', 's'), parent_folded = replace(parent_folded, '\c5\bf', 's'), name_folded = replace(name_folded, 'ſ', 's')`,
		`UPDATE mirror_values SET folded = CAST(replace(replace(CAST(folded AS TEXT), '\c5\bf', 's'), 'K', 'k') AS BLOB)`,
		`UPDATE meta SET value = '1' WHERE name = 'folding'`,
	} {
		_, err := s.writer.ExecContext(t.Context(), old)
		must(t, err)
	}
	if _, found, err := s.EntryByDN(t.Context(), plain); err != nil || !found {
		t.Fatalf("the test changed nothing: %v", err)
	}
	must(t, s.Close())
	s = openAt(t, dir)
	for dn, want := range map[ident.DN]bool{plain: false, long: true, "ou=\u017fTAFF,dc=X": true, plain.Child("Ada"): false, long.Child("ADA"): true} {
		if _, found, err := s.EntryByDN(t.Context(), dn); found != want || err != nil {
			t.Errorf("%s is found: %t, %v", dn, found, err)
		}
	}
	for key, want := range map[ident.Key]ident.GUID{"7": "g7", " 7\u00a0": "", "8 ": "g8", "8": "g9"} {
		if l, _, err := s.LinkByKey(t.Context(), ident.Users("crm"), key); l.GUID != want || err != nil {
			t.Errorf("the key %q belongs to %q, %v, want %q", key, l.GUID, err, want)
		}
	}
	if found, err := s.ChildrenByName(t.Context(), long, "ada"); len(found) != 1 || err != nil || found[0].GUID != "g2" {
		t.Errorf("child: %v, %v", found, err)
	}
	if found, err := s.ChildrenByName(t.Context(), "DC=x", "Staff"); len(found) != 1 || err != nil {
		t.Errorf("a name that Windows refuses beside it is free: %v, %v", found, err)
	}
	for value, want := range map[string]int{"ada@k.x": 0, "ADA@\u212a.x": 1} {
		if found, err := s.EntriesByValue(t.Context(), "mail", value); len(found) != want || err != nil {
			t.Errorf("mail %s: %v, %v", value, found, err)
		}
	}
	if found, err := s.EntriesByValue(t.Context(), "manager", string(long.Child("ada"))); len(found) != 1 || err != nil {
		t.Errorf("manager: %v, %v", found, err)
	}
}
