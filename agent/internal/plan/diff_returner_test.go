package plan

import (
	"reflect"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	ops "github.com/rollcall-agent/rollcall/agent/internal/operation"
)

func TestReturner(t *testing.T) {
	// A leaver whom rollcall disabled and moved, and who is back.
	back := func(change func(*scene, *ident.Entry, *ident.Link)) func(*scene) {
		return func(s *scene) {
			e, l := s.known("11", nil)
			since := noon.AddDate(0, 0, -3)
			l.MissingSince, l.Placed = &since, leavers
			e.DN = leavers.Child("Ada 11")
			e.Attributes["useraccountcontrol"] = []string{"514"}
			change(s, e, l)
		}
	}
	const enabled = " | back: pipedrive delivers the key 11 again; rollcall had disabled the account"
	runCases(t, []planCase{
		{"enabled and moved back", back(func(*scene, *ident.Entry, *ident.Link) {}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Staff,DC=x" + enabled,
		}},
		{"enabled where it always was", back(func(_ *scene, e *ident.Entry, l *ident.Link) {
			e.DN, l.Placed = staff.Child("Ada 11"), staff
		}), []string{"11 apply enable" + enabled}},
		{"moved by somebody meanwhile: enabled, not moved", back(func(_ *scene, e *ident.Entry, _ *ident.Link) {
			e.DN = support.Child("Ada 11")
		}), []string{
			"11 apply enable" + enabled,
			"11 note | moved to OU=Support,OU=Staff,DC=x by somebody else, left alone; it belongs into OU=Staff,DC=x",
		}},
		{"enabled by hand already: moved back only", back(func(_ *scene, e *ident.Entry, _ *ident.Link) {
			e.Attributes["useraccountcontrol"] = []string{"512"}
		}), []string{"11 apply move CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Staff,DC=x | ou: it belongs into OU=Staff,DC=x"}},
		{"enabled and moved by hand already: nothing", back(func(_ *scene, e *ident.Entry, _ *ident.Link) {
			e.Attributes["useraccountcontrol"] = []string{"512"}
			e.DN = support.Child("Ada 11")
		}), []string{"11 note | moved to OU=Support,OU=Staff,DC=x by somebody else, left alone; it belongs into OU=Staff,DC=x"}},
		{"renamed meanwhile at the source: enabled back, then renamed", back(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.records[0].Fields["cn"] = "Ada New"
		}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Staff,DC=x" + enabled,
			"11 apply rename CN=Ada 11,OU=Staff,DC=x -> CN=Ada New,OU=Staff,DC=x cn:Ada 11->Ada New | user.cn changed cn",
		}},
		{"the name at home is taken: back under the next format", back(func(s *scene, _ *ident.Entry, _ *ident.Link) {
			s.account("g9", staff.Child("Ada 11"))
		}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11 (11),OU=Staff,DC=x cn:Ada 11->Ada 11 (11)" + enabled + "; user.cn changed cn",
		}},
		{"the name at home is taken, and the mapping has no other: back under a free one", back(func(s *scene, e *ident.Entry, _ *ident.Link) {
			s.account("g9", staff.Child("Ada 11"))
			e.Attributes["samaccountname"] = []string{"aada"}
			s.mapper.rules["cn"] = attributeRule{asIs: true}
		}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11 (aada),OU=Staff,DC=x cn:Ada 11->Ada 11 (aada)" + enabled +
				"; CN=Ada 11,OU=Staff,DC=x has the name Ada 11 there, so it becomes Ada 11 (aada)",
		}},
		{"the name at home is taken, and sAMAccountName is too long for a name", back(func(s *scene, e *ident.Entry, _ *ident.Link) {
			s.account("g9", staff.Child("Ada 11"))
			e.Attributes["samaccountname"] = []string{strings.Repeat("s", 70)} // Samba takes it
			s.mapper.rules["cn"] = attributeRule{asIs: true}
		}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11 2,OU=Staff,DC=x cn:Ada 11->Ada 11 2" + enabled +
				"; CN=Ada 11,OU=Staff,DC=x has the name Ada 11 there, so it becomes Ada 11 2",
		}},
		{"left under another name, which is no longer needed: enabled back, then renamed", back(func(s *scene, e *ident.Entry, l *ident.Link) {
			e.DN, l.Applied["cn"] = leavers.Child("Ada 11 (aada)"), ops.Digest([]string{"Ada 11 (aada)"})
			s.mapper.rules["cn"] = attributeRule{asIs: true}
		}), []string{
			"11 apply enable CN=Ada 11 (aada),OU=Leavers,DC=x -> CN=Ada 11 (aada),OU=Staff,DC=x" + enabled,
			"11 apply rename CN=Ada 11 (aada),OU=Staff,DC=x -> CN=Ada 11,OU=Staff,DC=x cn:Ada 11 (aada)->Ada 11 | cn not as user.cn says",
		}},
		{"to where it was when it left, not to where ou says", back(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Left, l.LeftOU = support, staff
		}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Support,OU=Staff,DC=x" + enabled +
				"; it was in OU=Support,OU=Staff,DC=x when it left",
		}},
		{"ou names another place since: there", back(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Left, l.LeftOU = groups, support
		}), []string{"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Staff,DC=x" + enabled}},
		{"where it was is gone: to where ou says", back(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Left, l.LeftOU = "OU=Gone,OU=Staff,DC=x", staff
		}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Staff,DC=x" + enabled +
				"; it was in OU=Gone,OU=Staff,DC=x when it left, but it does not exist",
		}},
		{"enabled by hand: moved to where it was", back(func(_ *scene, e *ident.Entry, l *ident.Link) {
			e.Attributes["useraccountcontrol"] = []string{"512"}
			l.Left, l.LeftOU = support, staff
		}), []string{"11 apply move CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Support,OU=Staff,DC=x | back: it was in " +
			"OU=Support,OU=Staff,DC=x when it left"}},
		{"restored before it left: to where it was", back(func(_ *scene, _ *ident.Entry, l *ident.Link) {
			l.Left, l.LeftOU, l.Origin = support, "", ident.OriginRestored
		}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Support,OU=Staff,DC=x" + enabled +
				"; it was in OU=Support,OU=Staff,DC=x when it left",
		}},
		{"expired: told, since enabling it lets nobody in", back(func(_ *scene, e *ident.Entry, _ *ident.Link) {
			e.Attributes["accountexpires"] = []string{"134167968000000000"} // 2026-03-01
		}), []string{
			"11 apply enable CN=Ada 11,OU=Leavers,DC=x -> CN=Ada 11,OU=Staff,DC=x" + enabled,
			"11 accountExpires | the account expired on 2026-03-01 00:00 UTC: nobody can log in with it, although it is enabled | set another " +
				"end date or none, in the directory or in the mapping" + accept11,
		}},
		{"what somebody else disabled stays disabled", func(s *scene) {
			e, _ := s.known("11", map[string]any{"mail": "new@x", "ou": support, "groups": []ident.DN{crm}})
			e.Attributes["useraccountcontrol"] = []string{"66050"}
		}, []string{
			"11 apply update mail:ada11@x->new@x | user.mail changed mail",
			"11 account | disabled by somebody else, left alone although pipedrive delivers the key: neither enabled nor moved nor added to " +
				"groups | enable the account, or leave the person out with where" + accept11,
		}},
		{"a state that cannot be read is left alone", func(s *scene) {
			e, _ := s.known("11", nil)
			delete(e.Attributes, "useraccountcontrol")
		}, []string{"11 account | userAccountControl cannot be read: whether the account is enabled is left alone | give the bind account the " +
			"right to read userAccountControl"}},
	})
}

// What a returner's link has to remember although no operation says so.
func TestReturnerLinkUpdates(t *testing.T) {
	since := noon.AddDate(0, 0, -3)
	for _, c := range []struct {
		name, uac string
		dn        ident.DN
		want      []LinkUpdate
	}{
		{"disabled, where rollcall put it", "514", leavers.Child("Ada 11"), nil},
		{"disabled, moved by hand", "514", support.Child("Ada 11"), []LinkUpdate{{Key: "11", GUID: "g11", Placed: staff}}},
		{"enabled by hand", "512", leavers.Child("Ada 11"), []LinkUpdate{{Key: "11", GUID: "g11", ClearMissing: true}}},
		{"enabled and moved by hand", "512", support.Child("Ada 11"), []LinkUpdate{{Key: "11", GUID: "g11", ClearMissing: true, Placed: staff}}},
		{"enabled and moved home by hand", "512", staff.Child("Ada 11"), []LinkUpdate{{Key: "11", GUID: "g11", ClearMissing: true, Placed: staff}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene()
			e, l := s.known("11", nil)
			l.MissingSince, l.Placed = &since, leavers
			e.DN, e.Attributes["useraccountcontrol"] = c.dn, []string{c.uac}
			p := s.plan(t)
			if len(s.updates) != len(c.want) || len(c.want) == 1 && !reflect.DeepEqual(s.updates[0], c.want[0]) {
				t.Errorf("updates %+v, want %+v", s.updates, c.want)
			}
			s.apply(t, p, s.updates)
			if p := s.plan(t); len(p.Changes) > 0 || len(s.updates) > 0 || s.links["11"].MissingSince != nil {
				t.Errorf("not settled: %v, updates %v, link %+v", trace(p), s.updates, s.links["11"])
			}
		})
	}
}

// Somebody whom an administrator had moved leaves and comes back, twice: to
// where they were, under a free name each time. They count as moved by hand
// until ou names another place.
func TestAwayAndBack(t *testing.T) {
	s := newScene()
	s.mapper.rules["cn"] = attributeRule{asIs: true}
	e, _ := s.known("11", nil)
	e.DN, e.Attributes["samaccountname"] = support.Child("Ada 11"), []string{"aada"}
	s.record("10", nil)
	s.linked("10") // somebody is always there
	s.account("g8", leavers.Child("Ada 11"))
	back := s.records
	const note = "11 note | moved to OU=Support,OU=Staff,DC=x by somebody else, left alone; it belongs into OU=Staff,DC=x"
	step := func(want ...string) {
		t.Helper()
		p := s.plan(t)
		wantTrace(t, p, want...)
		s.apply(t, p, s.updates)
	}
	step(note)
	for range 2 {
		s.records = back[1:]
		step("11 apply disable CN=Ada 11,OU=Support,OU=Staff,DC=x -> CN=Ada 11 (aada),OU=Leavers,DC=x cn:Ada 11->Ada 11 (aada) | missing: " +
			"pipedrive no longer delivers the key 11" +
			"; CN=Ada 11,OU=Leavers,DC=x has the name Ada 11 there, so it becomes Ada 11 (aada)")
		step()
		s.records = back
		step("11 apply enable CN=Ada 11 (aada),OU=Leavers,DC=x -> CN=Ada 11,OU=Support,OU=Staff,DC=x cn:Ada 11 (aada)->Ada 11 | back: " +
			"pipedrive delivers the key 11 again" +
			"; rollcall had disabled the account; it was in OU=Support,OU=Staff,DC=x when it left; cn not as user.cn says")
		step(note)
	}
	back[0].Fields["ou"] = groups
	step("11 apply move CN=Ada 11,OU=Support,OU=Staff,DC=x -> CN=Ada 11,OU=Groups,DC=x | ou: it belongs into OU=Groups,DC=x")
	step()
}

func TestExpired(t *testing.T) {
	const (
		yesterday = "134168400000000000" // 2026-03-01 12:00 UTC
		item      = "11 accountExpires | the account expired on 2026-03-01 12:00 UTC: nobody can log in with it, although it is enabled" +
			" | set another end date or none, in the directory or in the mapping" + accept11
	)
	expires := func(have, want string) func(*scene) {
		return func(s *scene) {
			fields := map[string]any{}
			if want != "" {
				fields["accountExpires"] = want
			}
			e, _ := s.known("11", fields)
			e.Attributes["accountexpires"] = []string{have}
		}
	}
	runCases(t, []planCase{
		{"never", expires("0", ""), nil},
		{"never, the other way", expires("9223372036854775807", ""), nil},
		{"in the future", expires("134169264000000001", ""), nil},
		{"the last moment is over", expires("134169264000000000", ""), []string{
			"11 accountExpires | the account expired on 2026-03-02 12:00 UTC: nobody can log in with it, although it is enabled | set another " +
				"end date or none, in the directory or in the mapping" + accept11,
		}},
		{"expired", expires(yesterday, ""), []string{item}},
		{"the mapping lengthens it", expires(yesterday, "9223372036854775807"), []string{
			"11 apply update accountExpires:" + yesterday + "->9223372036854775807 | accountExpires not as user.accountExpires says",
		}},
		{"the mapping ends it", expires("0", yesterday), []string{
			"11 apply update accountExpires:0->" + yesterday + " | accountExpires not as user.accountExpires says", item,
		}},
		{"cannot be read", expires("soon", ""), nil},
		{"disabled by somebody else: told already", func(s *scene) {
			expires(yesterday, "")(s)
			s.entries["g11"].Attributes["useraccountcontrol"] = []string{"514"}
		}, []string{"11 account | disabled by somebody else, left alone although pipedrive delivers the key: neither enabled nor moved nor " +
			"added to groups | enable the account, or leave the person out with where" + accept11}},
		{"update does not own the state", action(ActionUpdate, expires(yesterday, "")), []string{updatesNobody}},
	})
}
