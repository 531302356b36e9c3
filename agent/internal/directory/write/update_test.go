package write_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func change(name string, old []string, values ...string) ident.AttributeChange {
	return ident.AttributeChange{Name: name, Old: old, New: values}
}

func TestUpdate(t *testing.T) { dirtest.OnBoth(t, testUpdate) }

func testUpdate(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	guid, _ := s.user(s.staff, map[string][]string{
		"title": {"Clerk"}, "department": {"Sales"}, "givenName": {"ada"},
		"proxyAddresses": {"SMTP:a@example.com", "X500:/o=x"}, "url": {"http://a", "http://b"},
	})
	merge := change("proxyAddresses", []string{"X500:/o=x", "SMTP:a@example.com"}, "smtp:new@example.com", "smtp:A@EXAMPLE.COM")
	merge.Add = true
	err := s.Update(t.Context(), guid, []ident.AttributeChange{
		change("title", []string{"Clerk"}, "Manager"), change("department", []string{"Sales"}), change("company", nil, "Example"),
		change("givenName", []string{"ada"}, "Ada"), change("url", []string{"http://b", "http://a"}, "http://b", "http://c"), merge,
	})
	if err != nil {
		t.Fatal(err)
	}
	got := s.get(guid, "*").Attributes
	for name, want := range map[string][]string{
		"title": {"Manager"}, "department": nil, "company": {"Example"}, "givenName": {"Ada"}, "url": {"http://b", "http://c"},
		"proxyAddresses": {"SMTP:a@example.com", "X500:/o=x", "smtp:new@example.com"},
	} {
		have := slices.Sorted(slices.Values(got.Values(name)))
		if !slices.Equal(have, want) && len(have)+len(want) > 0 {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
}

// Bytes have no case and may be valid text with a NUL in it.
func TestUpdateOfBytes(t *testing.T) { dirtest.OnBoth(t, testUpdateOfBytes) }

func testUpdateOfBytes(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	guid, _ := s.user(s.staff, map[string][]string{"jpegPhoto": {"\xff\xd8\xff"}})
	c := ident.AttributeChange{Name: "jpegPhoto", Binary: true, Add: true, Old: []string{"\xff\xd8\xff"}, New: []string{"\xff\xd8\xfe", "a\x00b", "A\x00B"}}
	if err := s.Update(t.Context(), guid, []ident.AttributeChange{c}); err != nil {
		t.Fatal(err)
	}
	have := slices.Sorted(slices.Values(s.get(guid, "jpegPhoto").Attributes.Values("jpegPhoto")))
	if want := []string{"A\x00B", "a\x00b", "\xff\xd8\xfe", "\xff\xd8\xff"}; !slices.Equal(have, want) {
		t.Errorf("%q, want %q", have, want)
	}
}

func TestUpdateIsAllOrNothingAndStaleByOldValues(t *testing.T) {
	dirtest.InRules(t, testUpdateIsAllOrNothingAndStaleByOldValues)
}

func testUpdateIsAllOrNothingAndStaleByOldValues(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	tests := []struct {
		name   string
		change ident.AttributeChange
	}{
		{"another value", change("title", []string{"Clerk"}, "Manager")},
		{"a value where none was", change("title", nil, "Manager")},
		{"to be cleared, but changed", change("title", []string{"Clerk"})},
		{"none where one was", change("department", []string{"Sales"}, "Support")},
		{"a further value", change("url", []string{"http://a"}, "http://c")},
		{"a merge into something else", ident.AttributeChange{Name: "url", Old: []string{"http://a"}, New: []string{"http://c"}, Add: true}},
		{"another case", change("title", []string{"BOSS"}, "Manager")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			guid, dn := s.user(s.staff, map[string][]string{"title": {"Boss"}, "url": {"http://a", "http://b"}})
			before := s.get(guid, "uSNChanged").Attributes.First("uSNChanged")
			err := s.Update(t.Context(), guid, []ident.AttributeChange{change("company", nil, "Example"), test.change})
			e := wantKind(t, err, write.Stale)
			if e.Attribute != test.change.Name || !slices.Equal(e.Expected, test.change.Old) || e.DN != dn {
				t.Errorf("%+v", e)
			}
			if !slices.Equal(e.Found, s.get(guid, test.change.Name).Attributes.Values(test.change.Name)) {
				t.Errorf("found %q", e.Found)
			}
			if after := s.get(guid, "uSNChanged").Attributes.First("uSNChanged"); after != before {
				t.Error("something was written")
			}
		})
	}
}

func TestUpdateThatIsDoneAlreadyWritesNothing(t *testing.T) {
	dirtest.InRules(t, testUpdateThatIsDoneAlreadyWritesNothing)
}

func testUpdateThatIsDoneAlreadyWritesNothing(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	guid, _ := s.user(s.staff, map[string][]string{"title": {"Boss"}})
	before := s.get(guid, "uSNChanged").Attributes.First("uSNChanged")
	if err := s.Update(t.Context(), guid, []ident.AttributeChange{change("title", []string{"Clerk"}, "Boss"), change("company", []string{"gone"})}); err != nil {
		t.Error(err)
	}
	if after := s.get(guid, "uSNChanged").Attributes.First("uSNChanged"); after != before {
		t.Error("something was written")
	}
}

func TestUpdateRefusals(t *testing.T) { dirtest.OnBoth(t, testUpdateRefusals) }

func testUpdateRefusals(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	_, holder := s.user(s.staff, map[string][]string{"userPrincipalName": {"held@ad.test"}})
	guid, dn := s.user(s.staff, nil)
	outsider, _ := s.user(s.outside, nil)
	tests := []struct {
		name   string
		guid   ident.GUID
		change ident.AttributeChange
		kind   write.Kind
		words  string
	}{
		{"out of scope", outsider, change("title", nil, "x"), write.OutOfScope, "Elsewhere"},
		{"nobody", "00000000-1111-2222-3333-444444444444", change("title", nil, "x"), write.NotFound, ""},
		{"sAMAccountName taken", guid, change("sAMAccountName", []string{dn.Name()}, "hmade"), write.ValueTaken, "Hana Made"},
		{"UPN taken", guid, change("userPrincipalName", nil, "held@ad.test"), write.ValueTaken, string(holder)},
		{"long sAMAccountName", guid, change("sAMAccountName", []string{dn.Name()}, strings.Repeat("x", 21)), write.Invalid, "20"},
		{"cn", guid, change("cn", []string{dn.Name()}, "x"), write.Invalid, "renames"},
		{"member", guid, change("member", nil, "x"), write.Invalid, "groups"},
		{"servicePrincipalName", guid, change("servicePrincipalName", nil, "http/x"), write.Invalid, ""},
		{"empty value", guid, change("title", nil, ""), write.Invalid, "empty"},
		{"too long", guid, change("initials", nil, "abcdefg"), write.Invalid, "initials"},
		{"two values", guid, change("title", nil, "a", "b"), write.Invalid, ""},
		{"manager missing", guid, change("manager", nil, "CN=nobody,"+string(s.staff)), write.Invalid, "manager"},
		{"filter as a name", guid, change("title)(cn=*", nil, "x"), write.Invalid, "not the name of an attribute"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := s.Update(t.Context(), test.guid, []ident.AttributeChange{test.change})
			wantKind(t, err, test.kind)
			if !strings.Contains(err.Error(), test.words) {
				t.Errorf("%q does not say %q", err, test.words)
			}
		})
	}
}

// TestUpdateGoesOnWithoutWhatIsRefused: what the directory refuses is named, and
// all the rest is written.
func TestUpdateGoesOnWithoutWhatIsRefused(t *testing.T) {
	dirtest.InRules(t, testUpdateGoesOnWithoutWhatIsRefused)
}

func testUpdateGoesOnWithoutWhatIsRefused(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	guid, _ := s.user(s.staff, map[string][]string{"title": {"Clerk"}})
	err := s.Update(t.Context(), guid, []ident.AttributeChange{
		change("department", nil, "Sales"), change("initials", nil, "abcdefg"), change("title", []string{"Clerk"}),
		change("manager", nil, "CN=nobody,"+string(s.staff)),
		{Name: "otherTelephone", New: []string{"1"}, Add: true},
	})
	e := wantKind(t, err, write.Invalid)
	if len(e.Refused) != 2 || e.Refused[0].Attribute != "initials" || e.Refused[1].Attribute != "manager" || e.Done != ident.ClassUpdate {
		t.Errorf("refused %+v, done %q", e.Refused, e.Done)
	}
	after := s.get(guid, "department", "initials", "title", "manager", "otherTelephone").Attributes
	if after.First("department") != "Sales" || after.First("title") != "" || after.First("otherTelephone") != "1" || after.First("initials")+after.First("manager") != "" {
		t.Errorf("the account has %v", after)
	}
	e = wantKind(t, s.Update(t.Context(), guid, []ident.AttributeChange{change("initials", nil, "abcdefg")}), write.Invalid)
	if len(e.Refused) != 1 || e.Done != "" {
		t.Errorf("refused %+v, done %q", e.Refused, e.Done)
	}
}

func TestAdopt(t *testing.T) { dirtest.OnBoth(t, testAdopt) }

func testAdopt(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	free, _ := s.user(s.staff, nil)
	other, otherDN := s.user(s.staff, map[string][]string{anchorAttribute: {"E-4711"}})
	disabled, _ := s.user(s.staff, map[string][]string{"userAccountControl": {"514"}})
	key := "crm:" + fresh()
	for range 2 { // the second time it is there already
		if err := s.Adopt(t.Context(), free, key); err != nil {
			t.Fatal(err)
		}
		if got := s.get(free, anchorAttribute).Attributes.Values(anchorAttribute); !slices.Equal(got, []string{key}) {
			t.Errorf("anchor %q", got)
		}
	}
	e := wantKind(t, s.Adopt(t.Context(), other, "crm:"+fresh()), write.Stale)
	if e.Attribute != anchorAttribute || !slices.Equal(e.Found, []string{"E-4711"}) || e.DN != otherDN {
		t.Errorf("%+v", e)
	}
	wantKind(t, s.Update(t.Context(), other, []ident.AttributeChange{change(anchorAttribute, []string{"E-4711"}, "crm:x")}), write.Stale)
	wantKind(t, s.Update(t.Context(), other, []ident.AttributeChange{change(anchorAttribute, []string{"E-4711"})}), write.Stale)
	if got := s.get(other, anchorAttribute).Attributes.Values(anchorAttribute); !slices.Equal(got, []string{"E-4711"}) {
		t.Errorf("a foreign value became %q", got)
	}
	wantKind(t, s.Adopt(t.Context(), disabled, "crm:"+fresh()), write.Protected)
	second, _ := s.user(s.staff, nil)
	wantKind(t, s.Adopt(t.Context(), second, ""), write.Invalid)
	if got := s.get(second, anchorAttribute).Attributes.Values(anchorAttribute); len(got) != 0 {
		t.Errorf("anchor %q after refusals", got)
	}
	if err := s.Update(t.Context(), second, []ident.AttributeChange{change(anchorAttribute, nil, "crm:"+fresh())}); err != nil {
		t.Errorf("putting back an anchor: %v", err)
	}
}

// TestTwoAdoptersAtOnce: the read before the write is not enough, the server
// itself must refuse the second anchor.
func TestTwoAdoptersAtOnce(t *testing.T) { dirtest.OnBoth(t, testTwoAdoptersAtOnce) }

func testTwoAdoptersAtOnce(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	for range 10 {
		guid, _ := s.user(s.staff, nil)
		keys := []string{"crm:" + fresh(), "hr:" + fresh()}
		failures := make(chan error, len(keys))
		for _, key := range keys {
			go func() { failures <- s.Adopt(t.Context(), guid, key) }()
		}
		first, second := <-failures, <-failures
		if (first == nil) == (second == nil) {
			t.Fatalf("two adopters: %v and %v, want one to win", first, second)
		}
		wantKind(t, errors.Join(first, second), write.Stale)
		if got := s.get(guid, anchorAttribute).Attributes.Values(anchorAttribute); len(got) != 1 || !slices.Contains(keys, got[0]) {
			t.Errorf("anchor %q", got)
		}
	}
}

func TestFindAnchorIsExact(t *testing.T) { dirtest.OnBoth(t, testFindAnchorIsExact) }

func testFindAnchorIsExact(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	s.user(s.staff, map[string][]string{anchorAttribute: {"crm:AbC"}})
	elsewhere, _ := s.user(s.outside, map[string][]string{anchorAttribute: {"crm:elsewhere"}})
	for _, value := range []string{"crm:abc", "crm:*", "*", "crm:AbC)(cn=*", "crm: AbC"} {
		if found, err := s.FindAnchor(t.Context(), value); err != nil || len(found) != 0 {
			t.Errorf("%q finds %v, %v", value, found, err)
		}
	}
	if found, err := s.FindAnchor(t.Context(), "crm:elsewhere"); err != nil || len(found) != 1 || found[0].GUID != elsewhere {
		t.Errorf("an anchor out of scope: %v, %v: it still is that person's account", found, err)
	}
}

func TestWritesWithoutAnAnswerAreUnknown(t *testing.T) {
	dc := dctest.Start(t)
	s := set(t, dirtest.OnDC(dc), false, nil)
	proxy := dc.Proxy(t)
	w := behind(t, dc, proxy.URL)
	guid, _ := s.user(s.staff, nil)
	soak.Await(t, "the server answers in time", func() bool {
		_, err := w.ReadBack(t.Context(), guid, nil)
		return err == nil
	})
	sam := fresh()
	proxy.Silence()
	err := w.Update(t.Context(), guid, []ident.AttributeChange{change("title", nil, "x")})
	wantKind(t, err, write.Unavailable) // the read before it had no answer
	proxy.Answer()
	proxy.Refuse()
	_, err = w.Create(t.Context(), s.staff.Child(sam), account(sam), initial)
	wantKind(t, err, write.Unavailable)
	var e *write.Error
	if errors.As(err, &e); e.Kind == write.Unknown || len(s.dc.Find(t, "(cn="+sam+")")) != 0 {
		t.Errorf("nothing was sent: %v", err)
	}
}
