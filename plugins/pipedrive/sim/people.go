package sim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// people holds the company's users: a generator for the first ones, and all
// changes since. An unchanged person takes no memory.
type people struct {
	*simkit.Store[User]
	names   *simkit.Names
	adding  sync.Mutex // held from the check of a rule about all people to the write
	noEmail int64
}

func newPeople(o Options) *people {
	p := &people{names: simkit.NewNames(o.Seed), noEmail: int64(o.NoEmail)}
	p.Store = simkit.NewStore(int64(o.People), p.generate, func(u User) User {
		u.Access = slices.Clone(u.Access)
		return u
	})
	return p
}

// generate returns person id, always the same.
func (p *people) generate(id int64) User {
	d := p.names.Dice(id)
	c := p.names.Culture(&d)
	name, special := p.names.Special(id)
	if !special {
		name = p.names.Full(&d, c, id)
	}
	created := time.Date(2019, 1, 7, 8, 0, 0, 0, time.UTC).Add(time.Duration(d.Below(2500*24*60)) * time.Minute)
	login := created.Add(time.Duration(1+d.Below(200*24*60)) * time.Minute)
	u := User{
		ID: id, Name: name, DefaultCurrency: c.Currency, Locale: c.Locale, Lang: 1 + d.Below(20),
		Email: p.email(&d, name, id), Phone: Some(fmt.Sprintf("+420 555 %06d", d.Below(1000000))),
		Activated: true, LastLogin: Some(login.Format(time.DateTime)), Created: created.Format(time.DateTime),
		Modified: Some(login.Add(time.Minute).Format(time.DateTime)), HasCreatedCompany: id == 1,
		Access:     []Access{{App: "sales", PermissionSetID: salesSet}, {App: "global", PermissionSetID: globalSet}},
		ActiveFlag: true, TimezoneName: c.Zone, TimezoneOffset: c.Offset, RoleID: 1 + d.Below(9), IconURL: Null(), IsYou: id == 1,
	}
	if id == 1 {
		u.Access = []Access{
			{App: "sales", Admin: true, PermissionSetID: salesAdminSet},
			{App: "global", Admin: true, PermissionSetID: globalAdminSet},
			{App: "account_settings", Admin: true, PermissionSetID: settingsSet},
		}
	}
	if id == 1 || special || u.Email.Value == "" {
		return u
	}
	p.fate(&d, &u, created)
	return u
}

// fate makes some people inactive, invited or deleted.
func (p *people) fate(d *simkit.Dice, u *User, created time.Time) {
	switch n := d.Below(100); {
	case n < 8:
		u.ActiveFlag = false
	case n < 11:
		u.Activated, u.LastLogin = false, Some(created.Format(time.DateTime))
	case n < 14:
		u.forget()
	}
}

// email returns an address, but none for some people.
func (p *people) email(d *simkit.Dice, name string, id int64) Text {
	if step := p.noEmailStep(); step > 0 && id > 1 && id%step == 2%step && id/step < p.noEmail {
		return []Text{Null(), {}, Some("")}[(id/step)%3]
	}
	return Some(p.names.Address(d, name, id))
}

// noEmailStep spreads the people without an e-mail address over the company.
func (p *people) noEmailStep() int64 {
	if p.noEmail == 0 {
		return 0
	}
	return max(p.Generated()/p.noEmail, 1)
}

// holder returns the person with an e-mail address, regardless of letter case.
// Generated addresses end in the id, so that no search through everybody is
// needed.
func (p *people) holder(address string) (User, bool) {
	has := func(u User) bool { return strings.EqualFold(u.Email.Value, address) }
	if u, ok := p.Find(has); ok {
		return u, true
	}
	id, ok := simkit.NumberOf(address)
	if !ok || id > p.Generated() {
		return User{}, false
	}
	u, ok := p.Get(id)
	return u, ok && has(u)
}

// all calls f with everybody, in the order of ids.
func (p *people) all(f func(User)) {
	for id := int64(1); id <= p.Highest(); id++ {
		if u, ok := p.Get(id); ok {
			f(u)
		}
	}
}

// Counts holds how many people of each kind there are.
type Counts struct {
	Total, Active, Inactive, Invited, Deleted, NoEmail int
}

// Count counts people by walking over everybody.
func (s *Server) Count() Counts {
	var c Counts
	s.people.all(func(u User) {
		c.Total++
		for counter, is := range map[*int]bool{
			&c.Active: u.ActiveFlag, &c.Inactive: !u.ActiveFlag && !u.IsDeleted, &c.Invited: u.ActiveFlag && !u.Activated,
			&c.Deleted: u.IsDeleted, &c.NoEmail: u.Email.Value == "",
		} {
			if is {
				*counter++
			}
		}
	})
	return c
}
