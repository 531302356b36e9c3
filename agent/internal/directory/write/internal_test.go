package write

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dirtest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestKinds holds the meaning of answers, those of Windows among them that
// Samba does not give.
func TestKinds(t *testing.T) {
	tests := []struct {
		answer conn.Error
		kind   Kind
	}{
		{conn.Error{Op: "add", Code: conn.CodeNetwork, Unknown: true}, Unknown},
		{conn.Error{Op: "modify", Code: conn.CodeNetwork}, Unavailable},
		{conn.Error{Op: "connect", Code: conn.CodeNetwork}, Unavailable},
		{conn.Error{Op: "bind", Code: 49, Data: "52e"}, Unavailable},
		{conn.Error{Op: "connect"}, Unavailable},
		{conn.Error{Op: "modify", Code: 51}, Unavailable},
		{conn.Error{Op: "modify", Code: 52}, Unavailable},
		{conn.Error{Op: "modify", Code: 1}, Unavailable},
		{conn.Error{Op: "add", Code: 19, Data: "0000052D"}, Policy},
		{conn.Error{Op: "add", Code: 53, Data: "0000052D"}, Policy}, // Windows
		{conn.Error{Op: "modify", Code: 53, Data: "0000001F"}, Invalid},
		{conn.Error{Op: "modify", Code: 19, Data: "000020B5"}, Invalid},
		{conn.Error{Op: "modify", Code: 19, Data: "0000202F"}, Invalid},
		{conn.Error{Op: "modify", Code: 16, Data: "0000200A"}, Invalid},
		{conn.Error{Op: "modify", Code: 17}, Invalid},
		{conn.Error{Op: "modify", Code: 20, Data: "0000200D"}, Invalid},
		{conn.Error{Op: "modify", Code: 21, Data: "0000200B"}, Invalid},
		{conn.Error{Op: "modify", Code: 65}, Invalid},
		{conn.Error{Op: "modify", Code: 67, Data: "00002016"}, Invalid},
		{conn.Error{Op: "modify", Code: 80}, Invalid},
		{conn.Error{Op: "add", Code: 64}, Invalid},
		{conn.Error{Op: "add", Code: 34}, Invalid},
		{conn.Error{Op: "add", Code: 68}, NameTaken},
		{conn.Error{Op: "modify", Code: 32}, NotFound},
		{conn.Error{Op: "modify", Code: 50, Data: "00002098"}, Denied},
	}
	w := &Writer{}
	for _, test := range tests {
		test.answer.Err, test.answer.Server, test.answer.Hint = errors.New("said the server"), "ldaps://dc", "hint"
		err := w.fail(ident.ClassUpdate, "CN=x", &test.answer)
		var e *Error
		if !errors.As(err, &e) || e.Kind != test.kind || e.Code != test.answer.Code {
			t.Errorf("%d %s: %+v, want %s", test.answer.Code, test.answer.Data, err, test.kind)
			continue
		}
		if e.Next == "" || !strings.Contains(e.Cause, "said the server") || !errors.Is(err, &test.answer) {
			t.Errorf("%d %s: %+v lacks the next step, the server's words or the cause", test.answer.Code, test.answer.Data, e)
		}
		if again := w.fail(ident.ClassMove, "CN=y", err); !errors.Is(again, e) || again.Error() != err.Error() {
			t.Errorf("an explained error was explained again: %v", again)
		}
	}
	raced := w.addFailed(ident.ClassAdopt, "CN=x", "employeeNumber", &conn.Error{Op: "modify", Code: 20, Err: errors.New("exists")})
	var e *Error
	if !errors.As(raced, &e) || e.Kind != Stale || e.Attribute != "employeeNumber" {
		t.Errorf("a value that came between read and write: %+v", raced)
	}
}

// TestMembershipWithoutTokenGroups: an account that may not read tokenGroups
// goes up the groups itself.
func TestMembershipWithoutTokenGroups(t *testing.T) {
	dirtest.InRules(t, testMembershipWithoutTokenGroups)
}

func testMembershipWithoutTokenGroups(t *testing.T, dc *dirtest.Domain) {
	client := dc.Connect(t, dirtest.AsAgent)
	p, err := newProtection(t.Context(), client, Rules{Scope: []ident.DN{dc.OU("Staff")}, Anchor: "employeeNumber", BindDN: dc.BindDN})
	if err != nil {
		t.Fatal(err)
	}
	staff := dc.OU("Staff")
	nested, byPrimary, harmless := staff.Child("No Token 1"), staff.Child("No Token 2"), staff.Child("No Token 3")
	for i, dn := range []ident.DN{nested, byPrimary, harmless} {
		dc.AddUser(t, staff, dn.Name(), "notoken"+string(rune('1'+i)), nil)
	}
	inner := dc.AddGroup(t, dc.OU("Groups"), "no token inner", nested, byPrimary)
	loop := dc.AddGroup(t, dc.OU("Groups"), "no token loop", inner, harmless)
	dc.AddMember(t, inner, loop) // groups may be members of each other
	outer := dc.AddGroup(t, dc.OU("Groups"), "no token outer", inner)
	sid, err := client.Get(t.Context(), conn.ByDN(inner), []string{"objectSid"})
	if err != nil {
		t.Fatal(err)
	}
	text := sid.Attributes.First("objectSid")
	dc.Replace(t, byPrimary, "primaryGroupID", text[strings.LastIndexByte(text, '-')+1:])

	privilegedNow := func(dn ident.DN) bool {
		t.Helper()
		e, err := client.Get(t.Context(), conn.ByDN(dn), []string{"objectSid", "objectClass", "userAccountControl", "primaryGroupID", "memberOf"})
		if err != nil {
			t.Fatal(err)
		}
		why, err := p.account(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		return why != ""
	}
	for _, dn := range []ident.DN{nested, byPrimary, harmless} {
		if privilegedNow(dn) {
			t.Errorf("%s is said to be privileged", dn)
		}
	}
	dc.AddMember(t, "CN=Server Operators,CN=Builtin,DC=ad,DC=test", outer)
	for _, dn := range []ident.DN{nested, byPrimary, harmless} { // harmless is in loop, which is in inner
		if !privilegedNow(dn) {
			t.Errorf("%s is a Server Operator through groups, and is said not to be", dn)
		}
	}
	e, err := client.Get(t.Context(), conn.ByDN(harmless), []string{"objectSid", "objectClass"})
	if err != nil {
		t.Fatal(err)
	}
	if why, _ := p.account(t.Context(), e); why == "" {
		t.Error("an account whose userAccountControl cannot be read was let through")
	}
}
