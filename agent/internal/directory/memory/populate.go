package memory

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

func (d *Domain) configurationBase() ident.DN { return "CN=Configuration," + d.base }
func (d *Domain) schemaBase() ident.DN        { return "CN=Schema," + d.configurationBase() }

// nameGUID derives a GUID from a text.
func nameGUID(name string) ident.GUID {
	sum := sha256.Sum256([]byte(name))
	guid, _ := ident.GUIDFromBytes(sum[:16]) // 16 bytes always form a GUID
	return guid
}

// populate creates what every domain has.
func (d *Domain) populate() error {
	for _, head := range []struct {
		dn    ident.DN
		class string
	}{{d.schemaBase(), "dMD"}, {d.configurationBase(), "configuration"}, {d.base, "domainDNS"}} {
		o := d.newHead(head.dn, head.class)
		if head.dn == d.schemaBase() {
			d.describe(o)
		}
	}
	for _, make := range []func() error{d.containers, d.groups, d.builtInUsers} {
		if err := make(); err != nil {
			return err
		}
	}
	return nil
}

func (d *Domain) newHead(dn ident.DN, class string) *object {
	c := classOf([]string{class})
	o := &object{
		head: dn, naming: c.naming, name: dn.Name(), class: c, below: map[string]*object{}, fixed: true,
		values: map[string]attribute{}, referrers: map[reference]bool{}, links: map[string]map[*object]int64{},
	}
	d.heads = append(d.heads, o)
	f := d.draft(o)
	f.set("instancetype", "5")
	if class == "domainDNS" {
		f.set("objectsid", d.sid)
		f.set("iscriticalsystemobject", "TRUE")
	}
	d.insert(f, nil)
	return o
}

// describe fills the naming context of the schema with the classes that
// categories refer to, and with the attributes.
func (d *Domain) describe(schema *object) {
	plain := &class{"classSchema", []string{"top", "classSchema"}, "Class-Schema", "CN", '-'}
	for _, c := range classes {
		if schema.below[key("CN", c.category)] == nil {
			d.insert(d.draft(d.fixture(plain, c.category)), schema)
		}
	}
	attributes := &class{"attributeSchema", []string{"top", "attributeSchema"}, "Attribute-Schema", "CN", '-'}
	for _, name := range d.schema.names {
		a := d.schema.rule(name)
		f := d.draft(d.fixture(attributes, a.name))
		f.set("ldapdisplayname", a.name)
		f.set("attributesyntax", a.syntax)
		f.set("omsyntax", a.om)
		f.set("issinglevalued", boolean(a.single))
		f.set("systemonly", boolean(a.systemOnly))
		f.set("systemflags", strconv.Itoa(a.flags))
		if a.link > 0 {
			f.set("linkid", strconv.Itoa(a.link))
		}
		if a.lower != nil {
			f.set("rangelower", strconv.Itoa(*a.lower))
		}
		if a.upper != nil {
			f.set("rangeupper", strconv.Itoa(*a.upper))
		}
		d.insert(f, schema)
	}
}

func (d *Domain) fixture(c *class, name string) *object {
	return &object{
		naming: c.naming, name: name, class: c, below: map[string]*object{}, fixed: true,
		values: map[string]attribute{}, referrers: map[reference]bool{}, links: map[string]map[*object]int64{},
	}
}

func boolean(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}

// containers creates those that every domain has. The many below DomainUpdates
// record which updates of the domain were carried out.
func (d *Domain) containers() error {
	const updates = 80
	list := []string{
		"CN=Users", "CN=Computers", "CN=Builtin", "CN=System", "CN=Program Data",
		"CN=ForeignSecurityPrincipals", "CN=Managed Service Accounts", "OU=Domain Controllers",
		"CN=DomainUpdates,CN=System", "CN=Operations,CN=DomainUpdates,CN=System", "CN=AdminSDHolder,CN=System",
		"CN=Policies,CN=System", "CN=Meetings,CN=System", "CN=WMIPolicy,CN=System",
	}
	for i := range updates {
		list = append(list, fmt.Sprintf("CN=%s,CN=Operations,CN=DomainUpdates,CN=System", nameGUID("update "+strconv.Itoa(i))))
	}
	for _, name := range append(list, "CN=Services,CN=Configuration", "CN=Extended-Rights,CN=Configuration", "CN=Deleted Objects") {
		dn := ident.DN(name + "," + string(d.base))
		c := classOf([]string{"container"})
		switch name {
		case "CN=Builtin":
			c = classOf([]string{"builtinDomain"})
		case "OU=Domain Controllers":
			c = classOf([]string{"organizationalUnit"})
		}
		above := d.find(dn.Parent())
		if above == nil {
			return noSuchObject(string(dn.Parent()))
		}
		f := d.draft(d.fixture(c, dn.Name()))
		if name == "CN=Deleted Objects" {
			f.set("isdeleted", "TRUE")
			d.deleted, f.object.deleted = f.object, true
		}
		d.insert(f, above)
	}
	return nil
}

// wellKnownGroup is a group that comes with the domain (MS-DTYP section 2.4.2.4).
type wellKnownGroup struct {
	name      string
	rid       int
	builtin   bool // in CN=Builtin, with a SID of S-1-5-32
	local     bool
	protected bool // adminCount is 1
	in        []string
}

var wellKnownGroups = []wellKnownGroup{
	{name: "Administrators", rid: 544, builtin: true, protected: true},
	{name: "Users", rid: 545, builtin: true},
	{name: "Guests", rid: 546, builtin: true},
	{name: "Account Operators", rid: 548, builtin: true, protected: true},
	{name: "Server Operators", rid: 549, builtin: true, protected: true},
	{name: "Print Operators", rid: 550, builtin: true, protected: true},
	{name: "Backup Operators", rid: 551, builtin: true, protected: true},
	{name: "Replicator", rid: 552, builtin: true, protected: true},
	{name: "Pre-Windows 2000 Compatible Access", rid: 554, builtin: true},
	{name: "Remote Desktop Users", rid: 555, builtin: true},
	{name: "Network Configuration Operators", rid: 556, builtin: true},
	{name: "Incoming Forest Trust Builders", rid: 557, builtin: true},
	{name: "Performance Monitor Users", rid: 558, builtin: true},
	{name: "Performance Log Users", rid: 559, builtin: true},
	{name: "Windows Authorization Access Group", rid: 560, builtin: true},
	{name: "Distributed COM Users", rid: 562, builtin: true},
	{name: "Cryptographic Operators", rid: 569, builtin: true},
	{name: "Event Log Readers", rid: 573, builtin: true},
	{name: "Certificate Service DCOM Access", rid: 574, builtin: true},
	{name: "Enterprise Read-only Domain Controllers", rid: 498},
	{name: "Denied RODC Password Replication Group", rid: 572, local: true},
	{name: "Allowed RODC Password Replication Group", rid: 571, local: true},
	{name: "Domain Admins", rid: 512, protected: true, in: []string{"Administrators", "Denied RODC Password Replication Group"}},
	{name: "Domain Users", rid: 513, in: []string{"Users"}},
	{name: "Domain Guests", rid: 514, in: []string{"Guests"}},
	{name: "Domain Computers", rid: 515},
	{name: "Domain Controllers", rid: 516, protected: true, in: []string{"Denied RODC Password Replication Group"}},
	{name: "Cert Publishers", rid: 517, local: true, in: []string{"Denied RODC Password Replication Group"}},
	{name: "Schema Admins", rid: 518, protected: true, in: []string{"Denied RODC Password Replication Group"}},
	{name: "Enterprise Admins", rid: 519, protected: true, in: []string{"Administrators", "Denied RODC Password Replication Group"}},
	{name: "Group Policy Creator Owners", rid: 520, in: []string{"Denied RODC Password Replication Group"}},
	{name: "Read-only Domain Controllers", rid: 521, protected: true, in: []string{"Denied RODC Password Replication Group"}},
	{name: "Protected Users", rid: 525},
	{name: "RAS and IAS Servers", rid: 553, local: true},
}

func (d *Domain) groups() error {
	for _, g := range wellKnownGroups {
		place, sid, kind := "CN=Users,", d.sid, "-2147483646"
		switch {
		case g.builtin:
			place, sid, kind = "CN=Builtin,", "S-1-5-32", "-2147483643"
		case g.local:
			kind = "-2147483644"
		}
		f := d.draft(d.fixture(classOf([]string{"group"}), g.name))
		f.object.fixed = false
		f.set("samaccountname", g.name)
		f.set("objectsid", sid+"-"+strconv.Itoa(g.rid))
		f.set("grouptype", kind)
		f.set("samaccounttype", groupAccountType(kind))
		f.set("iscriticalsystemobject", "TRUE")
		if g.protected {
			f.set("admincount", "1")
		}
		d.insert(f, d.find(ident.DN(place+string(d.base))))
		for _, above := range g.in {
			d.join(f.object, above)
		}
	}
	return nil
}

// join makes an object a member of a group, named by its sAMAccountName.
func (d *Domain) join(o *object, group string) {
	g := d.bySAM[fold(group)]
	d.rewrite(g, "member", append(g.values["member"].values, value{string(o.dn()), o}))
}

func (d *Domain) builtInUsers() error {
	for _, u := range []struct {
		name, rid, uac string
		groups         []string
	}{
		{"Administrator", "500", "512", []string{
			"Domain Admins", "Administrators", "Enterprise Admins", "Schema Admins", "Group Policy Creator Owners",
		}},
		{"Guest", "501", "66082", []string{"Guests"}},
		{"krbtgt", "502", "514", []string{"Denied RODC Password Replication Group"}},
	} {
		f := d.draft(d.fixture(classOf([]string{"user"}), u.name))
		f.object.fixed = false
		f.set("samaccountname", u.name)
		f.set("objectsid", d.sid+"-"+u.rid)
		f.set("useraccountcontrol", u.uac)
		f.set("iscriticalsystemobject", "TRUE")
		if u.name != "Guest" {
			f.set("admincount", "1")
		}
		if err := f.userDefaults(); err != nil {
			return err
		}
		d.insert(f, d.find(ident.DN("CN=Users,"+string(d.base))))
		for _, group := range u.groups {
			d.join(f.object, group)
		}
	}
	return nil
}
