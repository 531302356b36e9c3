package dirtest

import (
	"context"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

const (
	renameSection = "MS-ADTS 3.1.1.5.4"
	deleteSection = "MS-ADTS 3.1.1.5.5"
)

// renamed gives the user of a scene another name.
func renamed(rdn string, parent ident.DN) func(*scene) error {
	return func(s *scene) error { return s.ModifyDN(s.ctx, s.user, rdn, parent) }
}

var renameAnswers = []answer{
	{"nobody", renameSection, "", func(s *scene) error { return s.ModifyDN(s.ctx, s.ou.Child("no"), "CN=x", "") }, 32},
	{"name taken", renameSection, "", renamed("CN=Other", ""), 68},
	{"the name that it has", renameSection, "", renamed("CN=user", ""), 0},
	{"the name that it has in another case", renameSection, "", renamed("CN=USER", ""), 0},
	{"parent missing", measured, "", func(s *scene) error { return s.ModifyDN(s.ctx, s.user, "CN=user", "OU=no,"+s.ou) }, 80},
	{"another kind of name", renameSection, "", renamed("OU=user", ""), 53},
	{"below a user", renameSection, "", func(s *scene) error { return s.ModifyDN(s.ctx, s.other, "CN=other", s.user) }, 64},
	{"into itself", renameSection, "", func(s *scene) error { return s.ModifyDN(s.ctx, s.ou, s.ou.RDN(), s.ou) }, 53},
	{"below itself", renameSection, "", func(s *scene) error {
		return s.then(s.add("OU=in,"+s.ou, "organizationalUnit"), s.ModifyDN(s.ctx, s.ou, s.ou.RDN(), "OU=in,"+s.ou))
	}, 53},
	{"a unit below a container", renameSection, "", func(s *scene) error {
		return s.ModifyDN(s.ctx, s.ou, s.ou.RDN(), "CN=Users,"+s.domain.BaseDN)
	}, 64},
	{"empty name", measured, "", renamed("CN=", ""), 64},
	{"no name", measured, "", renamed("x", ""), 80},
	{"parent is no DN", measured, "", renamed("CN=user", "nonsense"), 34},
	{"name of 65 characters", "Samba takes it, Windows does not", "", renamed("CN="+strings.Repeat("y", 65), ""), 0},
	{"a container of the system", renameSection, "", func(s *scene) error {
		return s.ModifyDN(s.ctx, "CN=Users,"+s.domain.BaseDN, "CN=Userz", "")
	}, 53},
	{"to another name and place", renameSection, "", func(s *scene) error {
		return s.then(s.add("OU=in,"+s.ou, "organizationalUnit"), s.ModifyDN(s.ctx, s.user, "CN=u2", "OU=in,"+s.ou))
	}, 0},
}

var deleteAnswers = []answer{
	{"nobody", deleteSection, "", func(s *scene) error { return s.Delete(s.ctx, s.ou.Child("no")) }, 32},
	{"no DN", measured, "", func(s *scene) error { return s.Delete(s.ctx, "nonsense") }, 34},
	{"a unit that is not empty", deleteSection, "", func(s *scene) error { return s.Delete(s.ctx, s.ou) }, 66},
	{"a container of the system", deleteSection, "", func(s *scene) error {
		return s.Delete(s.ctx, "CN=Users,"+s.domain.BaseDN)
	}, 53},
	{"a group of the system", measured, "", func(s *scene) error {
		return s.Delete(s.ctx, "CN=Domain Guests,CN=Users,"+s.domain.BaseDN)
	}, 80},
	{"a primary group", "MS-SAMR 3.1.1.8.2", "", func(s *scene) error {
		return s.then(s.modify(s.group, plus("member", string(s.user))), s.makePrimary(s.user, s.group), s.Delete(s.ctx, s.group))
	}, 68},
	{"a user", deleteSection, "", func(s *scene) error { return s.Delete(s.ctx, s.user) }, 0},
	{"and its name is free", deleteSection, "", func(s *scene) error {
		return s.then(s.Delete(s.ctx, s.user), s.add(s.user, "user", "sAMAccountName", s.tag+"u", "userPrincipalName", s.tag+"@ad.test"))
	}, 0},
	{"what is deleted is not modified", deleteSection, "", func(s *scene) error {
		return s.then(s.Delete(s.ctx, s.user), s.modify(s.user, instead("title", "x")))
	}, 32},
}

// makePrimary makes a group the primary one of an account.
func (s *scene) makePrimary(user, group ident.DN) error {
	g, err := s.Get(s.ctx, conn.ByDN(group), []string{"primaryGroupToken"})
	if err != nil {
		return err
	}
	return s.modify(user, instead("primaryGroupID", g.Attributes.First("primaryGroupToken")))
}

func reading(base ident.DN) func(*scene) error {
	return func(s *scene) error {
		return s.Search(s.ctx, conn.Query{Base: base, Filter: "(objectClass=user)"}, func(ident.Entry) error { return nil })
	}
}

func syncing(base ident.DN, cookie string) func(*scene) error {
	return func(s *scene) error {
		_, err := s.DirSync(s.ctx, conn.SyncQuery{Base: base, Filter: "(objectClass=user)", Cookie: []byte(cookie)})
		return err
	}
}

var readAnswers = []answer{
	{"base missing", "RFC 4511 4.5", "", reading("OU=no,DC=ad,DC=test"), 32},
	{"base is no DN", measured, "", reading("nonsense"), 34},
	{"base in another forest", measured, "", reading("DC=other,DC=test"), 32},
	{"nobody's GUID", measured, "", func(s *scene) error {
		_, err := s.Get(s.ctx, conn.ByGUID("00000000-1111-2222-3333-444444444444"), []string{"cn"})
		return err
	}, 32},
	{"DirSync of less than a naming context", "MS-ADTS 3.1.1.3.4.1.3", "", syncing("OU=Staff,DC=ad,DC=test", ""), 50},
	{"DirSync with garbage for a cookie", measured, "", syncing("DC=ad,DC=test", "garbage"), 12},
	{"DirSync without the right", "MS-ADTS 3.1.1.3.4.1.3", AsPlainUser, syncing("DC=ad,DC=test", ""), 50},
	{"DirSync with the right", "MS-ADTS 3.1.1.3.4.1.3", AsAgent, syncing("DC=ad,DC=test", ""), 0},
}

const rightsSection = "MS-ADTS 5.1.3"

// delegated makes a user in Staff, which the agent may write.
func (s *scene) delegated() ident.DN {
	dn := s.domain.OU("Staff").Child(s.tag)
	s.domain.Add(s.t, dn, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {s.tag + "d"}})
	s.t.Cleanup(func() {
		for _, e := range s.domain.Find(s.t, "(sAMAccountName="+s.tag+"d)", "cn") {
			s.domain.Delete(s.t, e.DN)
		}
	})
	return dn
}

var rightsAnswers = []answer{
	{"create out of scope", rightsSection, AsAgent, func(s *scene) error { return s.newUser() }, 50},
	{"create where it may", rightsSection, AsAgent, func(s *scene) error {
		dn := s.domain.OU("Leavers").Child(s.tag)
		s.t.Cleanup(func() { s.domain.Delete(s.t, dn) })
		return s.add(dn, "user", "unicodePwd", dctest.Password("Never-In-A-Log-7"), "userAccountControl", "512")
	}, 0},
	{"create a group where it may create users", rightsSection, AsAgent, func(s *scene) error {
		return s.add(s.domain.OU("Staff").Child(s.tag), "group")
	}, 50},
	{"create below what is missing", measured, AsAgent, func(s *scene) error { return s.add("CN=new,OU=no,"+s.ou, "user") }, 32},
	{"modify out of scope", rightsSection, AsAgent, on(instead("title", "x")), 50},
	{"unknown attribute out of scope", measured, AsAgent, on(instead("shoeSize", "x")), 16},
	{"modify where it may", rightsSection, AsAgent, func(s *scene) error {
		return s.modify(s.delegated(), instead("title", "x"))
	}, 0},
	{"rename where it may", rightsSection, AsAgent, func(s *scene) error {
		return s.ModifyDN(s.ctx, s.delegated(), "CN=x"+s.tag, "")
	}, 0},
	{"move where it may", rightsSection, AsAgent, func(s *scene) error {
		return s.ModifyDN(s.ctx, s.delegated(), "CN=x"+s.tag, s.domain.OU("Leavers"))
	}, 0},
	{"move out", rightsSection, AsAgent, func(s *scene) error {
		return s.ModifyDN(s.ctx, s.delegated(), "CN="+s.tag, s.domain.OU("Elsewhere"))
	}, 50},
	{"move in", rightsSection, AsAgent, func(s *scene) error {
		return s.ModifyDN(s.ctx, s.user, "CN="+s.tag, s.domain.OU("Staff"))
	}, 50},
	{"move to what is missing", measured, AsAgent, func(s *scene) error {
		return s.ModifyDN(s.ctx, s.delegated(), "CN="+s.tag, "OU=no,"+s.ou)
	}, 80},
	{"delete where it may", rightsSection, AsAgent, func(s *scene) error { return s.Delete(s.ctx, s.delegated()) }, 0},
	{"delete out of scope", rightsSection, AsAgent, func(s *scene) error { return s.Delete(s.ctx, s.user) }, 50},
	{"members where it may", rightsSection, AsAgent, func(s *scene) error {
		s.t.Cleanup(func() { s.domain.Replace(s.t, "CN=CRM,"+s.domain.OU("Groups"), "member") })
		return s.modify("CN=CRM,"+s.domain.OU("Groups"), plus("member", string(s.user)))
	}, 0},
	{"members out of scope", rightsSection, AsAgent, func(s *scene) error {
		return s.modify(s.group, plus("member", string(s.user)))
	}, 50},
	{"another attribute of a group", rightsSection, AsAgent, func(s *scene) error {
		return s.modify("CN=CRM,"+s.domain.OU("Groups"), instead("description", "x"))
	}, 50},
	{"a plain user writes nothing", rightsSection, AsPlainUser, on(instead("title", "x")), 50},
}

// cancelled is a context that is over.
func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
