package ident

import "testing"

func TestPrimaryGroup(t *testing.T) {
	for _, c := range []struct{ sid, rid, want string }{
		{"S-1-5-21-1-2-3-1104", "513", "S-1-5-21-1-2-3-513"},
		{"S-1-5-21-1-2-3-1104", "", ""},
		{"", "513", ""},
	} {
		e := Entry{Attributes: Attributes{"objectsid": {c.sid}, "primarygroupid": {c.rid}}}
		if got := PrimaryGroup(e); got != c.want {
			t.Errorf("of %q and %q: %q, want %q", c.sid, c.rid, got, c.want)
		}
	}
	if PrimaryGroup(Entry{}) != "" {
		t.Error("of nothing")
	}
	for sid, want := range map[string]bool{"S-1-5-21-1-2-3-513": true, "S-1-5-21-1-2-3-1513": false, "S-1-5-32-513": false, "": false} {
		if IsDomainUsers(sid) != want {
			t.Errorf("%q: not %v", sid, want)
		}
	}
}
