package write_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/host/soak"
)

// behind makes a writer whose only connection goes through a proxy. It tries
// again while its short timeout is over before a busy machine answers.
func behind(t *testing.T, dc *dctest.DC, url string) *write.Writer {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	var w *write.Writer
	soak.Await(t, "the server answers in time", func() bool {
		client, err := conn.Open(t.Context(), conn.Settings{
			URLs: []string{url}, BaseDN: dc.BaseDN, BindDN: dc.BindDN, CAFile: dc.CAFile, Connections: 1, Timeout: 500 * time.Millisecond,
			Password: func(context.Context) (string, error) { return dc.BindPassword, nil },
		}, log, nil)
		if err == nil {
			t.Cleanup(func() { client.Close() })
			w, err = write.New(t.Context(), client, rules(dirtest.OnDC(dc)), log)
		}
		if err != nil && !errors.Is(err, conn.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
	return w
}

func TestRenameAndMove(t *testing.T) { dirtest.OnBoth(t, testRenameAndMove) }

func testRenameAndMove(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	guid, dn := s.user(s.staff, nil)
	_, taken := s.user(s.staff, nil)
	_, other := s.user(s.leavers, nil)
	to := s.staff.Child("Renamed " + dn.Name())
	for range 2 { // again: it is done already
		if err := s.Rename(t.Context(), guid, dn, to); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.get(guid).DN; got != to {
		t.Fatalf("renamed to %s", got)
	}
	upper := s.staff.Child(strings.ToUpper(to.Name()))
	if err := s.Rename(t.Context(), guid, to, upper); err != nil || s.get(guid).DN != upper {
		t.Errorf("a change of case: %v, %s", err, s.get(guid).DN)
	}
	wantKind(t, s.Rename(t.Context(), guid, dn, s.staff.Child("x")), write.Stale)
	wantKind(t, s.Rename(t.Context(), guid, upper, taken), write.NameTaken)
	wantKind(t, s.Rename(t.Context(), guid, upper, s.leavers.Child("x")), write.Stale)
	wantKind(t, s.Rename(t.Context(), guid, upper, s.staff.Child(strings.Repeat("x", 65))), write.Invalid)

	moved := s.leavers.Child(upper.Name())
	wantKind(t, s.Move(t.Context(), guid, upper, s.outside.Child(upper.Name())), write.OutOfScope)
	wantKind(t, s.Move(t.Context(), guid, dn, s.leavers.Child(dn.Name())), write.Stale)
	wantKind(t, s.Move(t.Context(), guid, upper, other), write.NameTaken)
	wantKind(t, s.Move(t.Context(), guid, upper, ("OU=Missing,"+s.staff).Child(upper.Name())), write.NoParent)
	if got := s.get(guid).DN; got != upper {
		t.Fatalf("refused moves moved it to %s", got)
	}
	for range 2 {
		if err := s.Move(t.Context(), guid, upper, moved); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.get(guid).DN; got != moved {
		t.Errorf("moved to %s", got)
	}
	clash := s.dc.AddUser(t, s.staff, other.Name(), fresh(), nil)
	at, free := s.staff.Child(other.Name()), s.leavers.Child(other.Name()+", 2 (=)")
	wantKind(t, s.Move(t.Context(), clash, at, other), write.NameTaken)
	for range 2 { // under another name, at once; again: it is done already
		if err := s.Move(t.Context(), clash, at, free); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.get(clash, "cn"); !got.DN.EqualFold(free) || got.Attributes.First("cn") != free.Name() {
		t.Errorf("moved to %s, cn %s", got.DN, got.Attributes.First("cn"))
	}
	wantKind(t, s.Move(t.Context(), clash, at, s.leavers.Child("third")), write.Stale)
}

func TestDisableAndEnable(t *testing.T) { dirtest.OnBoth(t, testDisableAndEnable) }

func testDisableAndEnable(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	// 66048: the password never expires; that bit is not ours.
	guid, dn := s.user(s.staff, map[string][]string{"userAccountControl": {"66048"}})
	gone := s.leavers.Child(dn.Name())
	uac := func() string { return s.get(guid, "userAccountControl").Attributes.First("userAccountControl") }

	if err := s.Disable(t.Context(), guid, dn, gone); err != nil {
		t.Fatal(err)
	}
	if got := s.get(guid).DN; got != gone || uac() != "66050" {
		t.Errorf("disabled: %s, userAccountControl %s", got, uac())
	}
	wantKind(t, s.Disable(t.Context(), guid, "", ""), write.Stale)
	if err := s.Enable(t.Context(), guid, gone, dn); err != nil {
		t.Fatal(err)
	}
	if got := s.get(guid).DN; got != dn || uac() != "66048" {
		t.Errorf("enabled: %s, userAccountControl %s", got, uac())
	}
	wantKind(t, s.Enable(t.Context(), guid, "", ""), write.Stale)

	// What keeps it from moving is known before its state changes.
	wantKind(t, s.Disable(t.Context(), guid, dn, s.outside.Child(dn.Name())), write.OutOfScope)
	wantKind(t, s.Disable(t.Context(), guid, dn, ("OU=Missing,"+s.leavers).Child(dn.Name())), write.NoParent)
	wantKind(t, s.Disable(t.Context(), guid, gone, s.leavers.Child(dn.Name()+"x")), write.Stale)
	s.dc.AddUser(t, s.leavers, dn.Name(), fresh(), nil)
	wantKind(t, s.Disable(t.Context(), guid, dn, gone), write.NameTaken)
	free := s.leavers.Child(dn.Name() + " 2")
	if err := s.Disable(t.Context(), guid, dn, free); err != nil || uac() != "66050" || s.get(guid).DN != free {
		t.Errorf("disabled under another name: %v, %s at %s", err, uac(), s.get(guid).DN)
	}
	if err := s.Enable(t.Context(), guid, free, dn); err != nil || uac() != "66048" || s.get(guid).DN != dn {
		t.Errorf("enabled under its own again: %v, %s at %s", err, uac(), s.get(guid).DN)
	}
	if uac() != "66048" {
		t.Errorf("userAccountControl %s after refusals", uac())
	}
	if err := s.Disable(t.Context(), guid, "", ""); err != nil || uac() != "66050" || s.get(guid).DN != dn {
		t.Errorf("disabled in place: %v, %s at %s", err, uac(), s.get(guid).DN)
	}
}

// TestHalfADisable: the account is disabled, and may not be moved.
func TestHalfADisable(t *testing.T) { dirtest.OnBoth(t, testHalfADisable) }

func testHalfADisable(t *testing.T, d *dirtest.Domain) {
	nowhere := ident.DN("OU=Elsewhere,DC=ad,DC=test") // in scope, but the agent has no right there
	s := set(t, d, false, func(r *write.Rules) { r.Scope = append(r.Scope, nowhere) })
	guid, dn := s.user(s.staff, nil)
	e := wantKind(t, s.Disable(t.Context(), guid, dn, nowhere.Child(dn.Name())), write.Denied)
	if e.Done != ident.ClassDisable || !strings.Contains(e.Error(), "disable was carried out") {
		t.Errorf("%+v", e)
	}
	if got := s.get(guid, "userAccountControl"); got.Attributes.First("userAccountControl") != "514" || got.DN != dn {
		t.Errorf("%+v", got)
	}
}

func TestApplyCarriesOutEachClass(t *testing.T) { dirtest.InRules(t, testApplyCarriesOutEachClass) }

func testApplyCarriesOutEachClass(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	name := fresh()
	dn, gone, renamed := s.staff.Child(name), s.leavers.Child("Other "+name), s.staff.Child("Other "+name)
	group := "CN=CRM," + s.dc.OU("Groups")
	var guid ident.GUID
	for _, op := range []ident.Operation{
		{Class: ident.ClassCreate, To: dn, Attributes: account(name)},
		{Class: ident.ClassLink, To: dn},
		{Class: ident.ClassAdopt, To: dn, Attributes: []ident.AttributeChange{{Name: anchorAttribute, New: []string{"crm:" + name}}}},
		{Class: ident.ClassUpdate, Attributes: []ident.AttributeChange{change("title", nil, "Clerk")}},
		{Class: ident.ClassRename, From: dn, To: renamed},
		{Class: ident.ClassGroups, Groups: []ident.DN{group}},
		{Class: ident.ClassDisable, From: renamed, To: gone},
		{Class: ident.ClassEnable, From: gone, To: renamed},
		{Class: ident.ClassMove, From: renamed, To: gone},
	} {
		got, err := s.Apply(t.Context(), guid, op, initial)
		if err != nil {
			t.Fatalf("%s: %v", op.Class, err)
		}
		if guid != "" && got != guid || got == "" {
			t.Fatalf("%s: GUID %q, before %q", op.Class, got, guid)
		}
		guid = got
	}
	e := s.get(guid, "title", "memberOf", "userAccountControl")
	if e.DN != gone || e.Attributes.First("title") != "Clerk" || e.Attributes.First("memberOf") != string(group) || e.Attributes.First("userAccountControl") != "512" {
		t.Errorf("%+v", e)
	}
	for _, op := range []ident.Operation{{Class: ident.ClassGroups, Left: []ident.DN{group}}, {Class: ident.ClassDelete}} {
		if _, err := s.Apply(t.Context(), guid, op, initial); err != nil {
			t.Fatalf("%s: %v", op.Class, err)
		}
		if op.Class == ident.ClassGroups && s.get(guid, "memberOf").Attributes.First("memberOf") != "" {
			t.Error("it is still in the group")
		}
	}
	_, err := s.Apply(t.Context(), guid, ident.Operation{Class: ident.ClassDelete}, initial)
	wantKind(t, err, write.NotFound)
	_, err = s.Apply(t.Context(), guid, ident.Operation{Class: "restore"}, initial)
	wantKind(t, err, write.Invalid)
}

func TestRemoveFromGroups(t *testing.T) { dirtest.OnBoth(t, testRemoveFromGroups) }

func testRemoveFromGroups(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	guid, dn := s.user(s.staff, nil)
	in := d.AddGroup(t, d.OU("Groups"), fresh(), dn)
	other := d.AddGroup(t, d.OU("Groups"), fresh())
	outside := d.AddGroup(t, s.outside, fresh(), dn)
	if err := s.RemoveFromGroups(t.Context(), guid, []ident.DN{other, in}); err != nil {
		t.Fatalf("of one it was no member: %v", err)
	}
	if got := s.get(guid, "memberOf").Attributes.Values("memberOf"); len(got) != 1 || !outside.EqualFold(ident.DN(got[0])) {
		t.Errorf("member of %v", got)
	}
	if err := s.RemoveFromGroups(t.Context(), guid, []ident.DN{in}); err != nil {
		t.Errorf("once more: %v", err)
	}
	wantKind(t, s.RemoveFromGroups(t.Context(), guid, []ident.DN{outside}), write.OutOfScope)
	primary := d.AddGroup(t, d.OU("Groups"), fresh(), dn)
	d.Replace(t, dn, "primaryGroupID", d.Get(t, primary, "primaryGroupToken").Attributes.First("primaryGroupToken"))
	e := wantKind(t, s.RemoveFromGroups(t.Context(), guid, []ident.DN{primary}), write.Invalid)
	if !strings.Contains(e.Cause, "is the primary group") {
		t.Error(e)
	}
}

func TestDelete(t *testing.T) { dirtest.OnBoth(t, testDelete) }

func testDelete(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, true, nil)
	outside, _ := s.user(s.outside, nil)
	wantKind(t, s.Delete(t.Context(), outside), write.OutOfScope)
	protected, _ := s.user(s.staff, map[string][]string{"adminCount": {"1"}})
	wantKind(t, s.Delete(t.Context(), protected), write.Protected)
	for _, guid := range []ident.GUID{outside, protected} {
		if s.get(guid).DN == "" {
			t.Errorf("%s is gone", guid)
		}
	}
	guid, _ := s.user(s.staff, nil)
	if err := s.Delete(t.Context(), guid); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Delete(t.Context(), guid), write.NotFound)
}

func TestCancelledBeforeAnythingIsSent(t *testing.T) {
	dirtest.InRules(t, testCancelledBeforeAnythingIsSent)
}

func testCancelledBeforeAnythingIsSent(t *testing.T, d *dirtest.Domain) {
	s := set(t, d, false, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	name := fresh()
	_, err := s.Create(ctx, s.staff.Child(name), account(name), initial)
	var e *write.Error
	if !errors.As(err, &e) || e.Kind != write.Unavailable {
		t.Errorf("%v: want unavailable, nothing was sent", err)
	}
}
