package memory

import (
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// draft is the state that a write would give an object. It is invisible before
// commit, so that a refused write leaves nothing behind.
type draft struct {
	domain   *Domain
	object   *object
	values   map[string][]value // of the attributes that are written
	renewed  map[string]bool    // linked attributes of which all values are written anew
	password *string
	same     *object // the object that has the DN of a new one; nil if none does
}

func (d *Domain) draft(o *object) *draft {
	return &draft{domain: d, object: o, values: map[string][]value{}, renewed: map[string]bool{}}
}

func (f *draft) get(name string) []value {
	if v, ok := f.values[name]; ok {
		return v
	}
	return f.object.values[name].values
}

func (f *draft) first(name string) string {
	if v := f.get(name); len(v) > 0 {
		return v[0].text
	}
	return ""
}

// set gives one value or several to an attribute named in lower case.
func (f *draft) set(name string, texts ...string) {
	values := make([]value, len(texts))
	for i, t := range texts {
		values[i] = value{text: t}
	}
	f.values[name] = values
}

// fill sets an attribute if it has no value.
func (f *draft) fill(name, text string) {
	if len(f.get(name)) == 0 {
		f.set(name, text)
	}
}

// parse checks values for an attribute and finds the objects of references.
func (f *draft) parse(a *attributeRule, texts []string) ([]value, error) {
	values := make([]value, 0, len(texts))
	for _, t := range texts {
		t, err := a.check(t)
		if err != nil {
			return nil, err
		}
		v := value{text: t}
		if a.reference() {
			if v.to, err = f.domain.referred(a, t); err != nil {
				return nil, err
			}
			v.text = string(v.to.dn())
		}
		values = append(values, v)
	}
	return values, nil
}

// equal reports whether a stored value is the one to delete.
func (a *attributeRule) equal(x, y value) bool {
	if x.to != nil || y.to != nil {
		return x.to == y.to
	}
	return a.same(x.text, y.text)
}

// repeats reports whether a value exists already. Samba respects case here,
// although it ignores case in comparisons.
func repeats(have []value, v value) bool {
	return slices.ContainsFunc(have, func(h value) bool {
		return h.to == v.to && (h.to != nil || h.text == v.text)
	})
}

// commit makes the draft the object's state, with a new USN, unless it changes
// nothing.
func (f *draft) commit() {
	d, o := f.domain, f.object
	changed := map[string][]value{}
	for name, values := range f.values {
		if f.renewed[name] || !slices.Equal(o.values[name].values, values) {
			changed[name] = values
		}
	}
	if f.password != nil {
		o.password = *f.password
	}
	if len(changed) == 0 && f.password == nil {
		return
	}
	d.touch(o)
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		d.assign(o, name, changed[name])
		for _, v := range changed[name] {
			if f.renewed[name] {
				o.link(name, v.to)
			}
		}
	}
}

// touch gives an object the next USN.
func (d *Domain) touch(o *object) {
	d.usn++
	o.changed, o.whenChange = d.usn, d.stamp()
}

// assign replaces the values of an attribute and updates the indexes.
func (d *Domain) assign(o *object, name string, values []value) {
	here := reference{o, name}
	former := o.values[name].values
	for _, v := range former {
		if v.to != nil {
			delete(v.to.referrers, here)
		}
	}
	if d.schema.rules[name].linked() {
		o.relink(name, former, values)
	}
	index := map[string]map[string]*object{"samaccountname": d.bySAM, "userprincipalname": d.byUPN}[name]
	if index != nil {
		delete(index, fold(o.first(name)))
	}
	o.values[name] = attribute{values, o.changed}
	for _, v := range values {
		if v.to != nil {
			v.to.referrers[here] = true
		}
	}
	if index != nil && len(values) > 0 {
		index[fold(values[0].text)] = o
	}
}

// relink notes which links are new and which have ended.
func (o *object) relink(name string, former, values []value) {
	for _, v := range former {
		if !repeats(values, v) {
			o.link(name, v.to)
		}
	}
	for _, v := range values {
		if !repeats(former, v) {
			o.link(name, v.to)
		}
	}
}

// link notes that the link to another object has changed just now.
func (o *object) link(name string, to *object) {
	if o.links[name] == nil {
		o.links[name] = map[*object]int64{}
	}
	o.links[name][to] = o.changed
}

// unique refuses an account's name that another account has. The account name
// followed by @ and the domain counts as a userPrincipalName of that account.
func (f *draft) unique() error {
	if v := f.values["samaccountname"]; len(v) > 0 {
		if f.other(f.domain.bySAM, v[0].text) {
			return accountNameTaken(v[0].text)
		}
		if f.other(f.domain.byUPN, v[0].text+"@"+f.domain.base.Domain()) {
			return constraint("the userPrincipalName that sAMAccountName '%s' implies is in use", v[0].text)
		}
	}
	if v := f.values["userprincipalname"]; len(v) > 0 {
		if f.other(f.domain.byUPN, v[0].text) {
			return constraint("userPrincipalName '%s' already in use!", v[0].text)
		}
		if sam, ok := strings.CutSuffix(fold(v[0].text), "@"+text.Lower(f.domain.base.Domain())); ok && f.other(f.domain.bySAM, sam) {
			return accountNameTaken(sam)
		}
	}
	return nil
}

// other reports whether another object has a name in an index. Samba tells
// objects apart by their DNs, also when one of them is only to be added.
func (f *draft) other(index map[string]*object, name string) bool {
	holder := index[fold(name)]
	return holder != nil && holder != f.object && holder != f.same
}

// single reports whether the class allows only one value. By the schema
// description may have several, but accounts only one (MS-ADTS section
// 3.1.1.5.3.2).
func (f *draft) single(a *attributeRule) bool {
	return a.single || text.Same(a.name, "description") && f.object.class.account()
}
