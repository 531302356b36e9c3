package dirtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// answer is a case about the directory's answer to one request.
type answer struct {
	name string
	why  string // section of MS-ADTS, or that it was measured on Samba 4.17
	as   Account
	try  func(*scene) error
	code int // LDAP result code; 0 is success
}

// scene is a separate place for one case: an organizational unit with two
// users, the first with a userPrincipalName, and a group.
type scene struct {
	Directory
	t                      *testing.T
	ctx                    context.Context
	domain                 *Domain
	ou, user, other, group ident.DN
	tag                    string // unique among the scenes of this process
	used                   bool   // something has changed in it
}

var scenes atomic.Int64

func newScene(t *testing.T, d *Domain) *scene {
	t.Helper()
	tag := fmt.Sprintf("t%d", scenes.Add(1))
	ou := d.OU("Test " + tag)
	s := &scene{
		domain: d, tag: tag, ou: ou,
		user: ou.Child("user"), other: ou.Child("other"), group: ou.Child("group"),
	}
	d.Add(t, ou, map[string][]string{"objectClass": {"organizationalUnit"}})
	d.Add(t, s.user, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {tag + "u"}, "userPrincipalName": {tag + "@ad.test"}})
	d.Add(t, s.other, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {tag + "v"}})
	d.Add(t, s.group, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {tag + "g"}})
	return s
}

// enter lets a test act in the scene as an account, the administrator when none
// is named.
func (s *scene) enter(t *testing.T, connections map[Account]Directory, as Account) {
	if as == "" {
		as = AsAdministrator
	}
	s.t, s.ctx, s.Directory = t, t.Context(), connections[as]
}

// add makes an object of a class, with attributes given as name, value, name,
// value and so on.
func (s *scene) add(dn ident.DN, class string, attributes ...string) error {
	all := map[string][]string{}
	if class != "" {
		all["objectClass"] = []string{class}
	}
	if class == "user" || class == "group" {
		all["sAMAccountName"] = []string{s.tag + "n"}
	}
	for i := 0; i < len(attributes); i += 2 {
		name := attributes[i]
		if name == "sAMAccountName" {
			delete(all, name)
		}
		all[name] = append(all[name], attributes[i+1])
	}
	return s.Add(s.ctx, dn, all)
}

// newUser makes a user beside the others.
func (s *scene) newUser(attributes ...string) error {
	return s.add(s.ou.Child("new"), "user", attributes...)
}

func (s *scene) modify(dn ident.DN, mods ...conn.Mod) error {
	return s.Modify(s.ctx, conn.ByDN(dn), mods, false)
}

func plus(attribute string, values ...string) conn.Mod {
	return conn.Mod{Kind: conn.AddValues, Attribute: attribute, Values: values}
}

func minus(attribute string, values ...string) conn.Mod {
	return conn.Mod{Kind: conn.DeleteValues, Attribute: attribute, Values: values}
}

func instead(attribute string, values ...string) conn.Mod {
	return conn.Mod{Kind: conn.ReplaceValues, Attribute: attribute, Values: values}
}

// then returns the last answer of several requests; an earlier one that failed
// ends the test.
func (s *scene) then(requests ...error) error {
	s.used = true
	for i, err := range requests[:len(requests)-1] {
		if err != nil {
			s.t.Fatalf("request %d: %v", i+1, err)
		}
	}
	return requests[len(requests)-1]
}

func code(err error) int {
	var e *conn.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Code
	}
	return -1
}

// Suite runs every case against a domain.
func Suite(t *testing.T, d *Domain) {
	connections := map[Account]Directory{}
	for _, as := range []Account{AsAdministrator, AsAgent, AsPlainUser} {
		connections[as] = d.Connect(t, as)
	}
	for name, cases := range map[string][]answer{
		"add": addAnswers, "modify": modifyAnswers, "references": referenceAnswers, "accounts": accountAnswers,
		"rename": renameAnswers, "delete": deleteAnswers, "read": readAnswers, "rights": rightsAnswers,
	} {
		t.Run(name, func(t *testing.T) {
			var s *scene
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					if s == nil || s.used { // a refusal leaves it as it was
						s = newScene(t, d)
					}
					s.enter(t, connections, c.as)
					err := c.try(s)
					s.used = s.used || err == nil
					if got := code(err); got != c.code {
						t.Errorf("answered %d, want %d by %s: %v", got, c.code, c.why, err)
					}
				})
			}
		})
	}
	for _, c := range states {
		t.Run("state/"+c.name, func(t *testing.T) {
			s := newScene(t, d)
			s.enter(t, connections, AsAdministrator)
			c.check(s)
		})
	}
	t.Run("schema", func(t *testing.T) { checkSchema(t, connections[AsAdministrator]) })
}
