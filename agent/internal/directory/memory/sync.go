package memory

import (
	"encoding/json"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// cookie is how far a reader of changes has come.
type cookie struct {
	Database ident.GUID `json:"database"`
	// Since is the USN up to which the attributes are known. At is the USN up
	// to which the read in progress has delivered objects.
	Since int64 `json:"since"`
	At    int64 `json:"at"`
}

func (c cookie) encode() []byte {
	data, _ := json.Marshal(c) // cookie has no field that can fail
	return data
}

// dirSync returns what has changed since a cookie (MS-ADTS section
// 3.1.1.3.4.1.3). A cookie of another server's database counts as none.
func (d *Domain) dirSync(who *Account, server *server, q conn.SyncQuery) (conn.SyncPage, error) {
	base := d.find(q.Base)
	if base == nil || base.above != nil || !q.ObjectSecurity && !who.Replicates && !who.Administrator {
		return conn.SyncPage{}, denied("%s is not a naming context, or the right to replicate it is missing", q.Base)
	}
	matches, err := compile(q.Filter)
	if err != nil {
		return conn.SyncPage{}, err
	}
	c := cookie{Database: server.InvocationID}
	if len(q.Cookie) > 0 {
		var given cookie
		if json.Unmarshal(q.Cookie, &given) != nil {
			return conn.SyncPage{}, refuse(ldap.LDAPResultUnavailableCriticalExtension, "0000202C: unable to read the cookie")
		}
		if given.Database == server.InvocationID {
			c = given
		}
	}
	page := conn.SyncPage{}
	for _, o := range d.changedSince(base, c.At) {
		if d.SyncPage > 0 && len(page.Entries) == d.SyncPage {
			page.More = true
			break
		}
		c.At = o.changed
		if !who.sees(o) || !matches(d, o) {
			continue
		}
		if e, ok := d.syncEntry(who, o, q.Attributes, c.Since); ok {
			page.Entries = append(page.Entries, e)
		}
	}
	if !page.More {
		c.Since, c.At = d.usn, d.usn
	}
	page.Cookie = c.encode()
	return page, nil
}

// changedSince lists the changed objects of a naming context by their last
// USN.
func (d *Domain) changedSince(head *object, usn int64) []*object {
	var list []*object
	for _, o := range d.objects {
		if o.changed > usn && o.inside(head) {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(x, y *object) int { return int(x.changed - y.changed) })
	return list
}

// syncEntry returns an object with the attributes that changed; ok is false if
// none did. The naming attribute is not among them.
func (d *Domain) syncEntry(who *Account, o *object, attributes []string, since int64) (conn.SyncEntry, bool) {
	e := conn.SyncEntry{GUID: o.guid, DN: o.dn(), Deleted: o.deleted, Changed: ident.Attributes{}}
	told := false
	for _, name := range append(slices.Clone(attributes), "name", "isDeleted") {
		name = text.Lower(name)
		a, rule := o.values[name], d.schema.rules[name]
		usn := a.usn
		if name == "whencreated" {
			usn = o.created
		}
		if rule != nil && rule.linked() {
			usn = o.lastLink(name)
		}
		if rule == nil || !rule.synced() || name == text.Lower(o.naming) || usn <= since || !who.mayRead(name) {
			continue
		}
		values := d.syncValues(o, rule)
		if len(values) == 0 && since == 0 && !rule.linked() {
			continue
		}
		e.Changed[name] = values
		told = true
	}
	e.Changed["objectguid"] = []string{string(o.guid)}
	e.Changed["instancetype"] = []string{o.first("instancetype")}
	return e, told
}

// lastLink returns the USN at which a link of an attribute was last written or
// removed; 0 if there is and was none.
func (o *object) lastLink(name string) int64 {
	var last int64
	for _, usn := range o.links[name] {
		last = max(last, usn)
	}
	return last
}

// syncValues returns the values of an attribute. References without a back
// link have the extended form, with the DN that the object had at the time.
func (d *Domain) syncValues(o *object, a *attributeRule) []string {
	if !a.reference() || a.linked() {
		return d.texts(o, a.name)
	}
	var list []string
	for _, v := range o.values[text.Lower(a.name)].values {
		form := "<GUID=" + string(v.to.guid) + ">;"
		if sid := v.to.first("objectsid"); sid != "" {
			form += "<SID=" + sid + ">;"
		}
		list = append(list, form+v.text)
	}
	return list
}
