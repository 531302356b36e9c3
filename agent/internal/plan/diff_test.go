package plan

import (
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func TestLinkedObject(t *testing.T) {
	const aside = "11 quarantine | the linked account "
	const allow = " | allow it in [directory], or give it up: rollcall link remove pipedrive 11"
	runCases(t, []planCase{
		{"deleted by hand: quarantined, never created again", func(s *scene) {
			s.known("11", nil)
			delete(s.entries, "g11")
		}, []string{aside + "g11 is not in the directory: deleted by hand, or not readable | restore it, or let a new account be made: " +
			"rollcall link remove pipedrive 11"}},
		{"deleted by hand: quarantined by the action create too", action(ActionCreate, func(s *scene) {
			s.known("11", nil)
			delete(s.entries, "g11")
		}), []string{aside + "g11 is not in the directory: deleted by hand, or not readable | restore it, or let a new account be made: " +
			"rollcall link remove pipedrive 11", createsNobody}},
		{"out of scope now: no operations", func(s *scene) {
			e, _ := s.known("11", map[string]any{"mail": "new@x"})
			e.DN = outside.Child("Ada 11")
		}, []string{aside + "CN=Ada 11,OU=Servers,DC=x is outside the scope of [directory]" + allow}},
		{"protected now: no operations", func(s *scene) {
			s.known("11", map[string]any{"mail": "new@x"})
			s.protected["g11"] = "adminCount is 1"
		}, []string{aside + "CN=Ada 11,OU=Staff,DC=x is protected: adminCount is 1" + allow}},
		{"protected, allowed by its DN", func(s *scene) {
			s.known("11", map[string]any{"mail": "new@x"})
			s.protected["g11"] = "adminCount is 1"
			s.set.Allow = []ident.DN{"cn=ada 11, ou=staff, dc=x"}
		}, []string{"11 apply update mail:ada11@x->new@x | user.mail changed mail"}},
		{"the link comes before anchor and match", func(s *scene) {
			s.known("11", nil)
			s.account("g1", staff.Child("Old Ada"), "mail", "ada11@x")
			s.account("g2", staff.Child("Other"), "employeeNumber", "pipedrive:11")
		}, nil},
	})
}
