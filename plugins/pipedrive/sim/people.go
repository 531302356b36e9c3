package sim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// people is the company's users: a generator of the first ones, and what was
// changed since. A person that nobody changed takes no memory.
type people struct {
	seed     uint64
	count    int64 // generated people
	noEmail  int64
	cultures []culture
	special  []string
	fold     *strings.Replacer

	mu      sync.RWMutex
	changed map[int64]User // by id; added people too
	gone    map[int64]bool // removed without a row
	last    int64          // highest id
}

func newPeople(o Options) *people {
	return &people{
		seed: o.Seed, count: int64(o.People), noEmail: int64(o.NoEmail),
		cultures: cultures(), special: specialNames(), fold: letterFolder(),
		changed: map[int64]User{}, gone: map[int64]bool{}, last: int64(o.People),
	}
}

// dice is a small deterministic source of numbers (splitmix64).
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

func pick[T any](d *dice, from []T) T { return from[d.below(len(from))] }

// Person 1 is the caller. Every seventh of the first ones has a special name,
// and nothing else about those is unusual.
const specialEvery = 7

func (p *people) specialName(id int64) (string, bool) {
	n := (id - 3) / specialEvery
	if id < 3 || (id-3)%specialEvery != 0 || n >= int64(len(p.special)) {
		return "", false
	}
	return p.special[n], true
}

// generate makes person id, always the same.
func (p *people) generate(id int64) User {
	d := dice(p.seed*0x632be59bd9b4e019 + uint64(id))
	c := pick(&d, p.cultures)
	name, special := p.specialName(id)
	if !special {
		name = p.name(&d, c, id)
	}
	created := time.Date(2019, 1, 7, 8, 0, 0, 0, time.UTC).Add(time.Duration(d.below(2500*24*60)) * time.Minute)
	login := created.Add(time.Duration(1+d.below(200*24*60)) * time.Minute)
	u := User{
		ID: id, Name: name, DefaultCurrency: c.currency, Locale: c.locale, Lang: 1 + d.below(20),
		Email: p.email(&d, name, id), Phone: Some(fmt.Sprintf("+420 555 %06d", d.below(1000000))),
		Activated: true, LastLogin: login.Format(time.DateTime), Created: created.Format(time.DateTime),
		Modified: Some(login.Add(time.Minute).Format(time.DateTime)), HasCreatedCompany: id == 1,
		Access:     []Access{{App: "sales", PermissionSetID: salesSet}, {App: "global", PermissionSetID: globalSet}},
		ActiveFlag: true, TimezoneName: c.zone, TimezoneOffset: c.offset, RoleID: 1 + d.below(9), IconURL: Null(), IsYou: id == 1,
	}
	if id == 1 {
		u.Access = []Access{
			{App: "sales", Admin: true, PermissionSetID: salesAdminSet},
			{App: "global", Admin: true, PermissionSetID: globalSet},
			{App: "account_settings", Admin: true, PermissionSetID: settingsSet},
		}
	}
	if id == 1 || special || u.Email.Value == "" {
		return u
	}
	p.fate(&d, &u, created)
	return u
}

// fate makes some people inactive, invited, or deleted.
func (p *people) fate(d *dice, u *User, created time.Time) {
	switch n := d.below(100); {
	case n < 8:
		u.ActiveFlag = false
	case n < 11:
		u.Activated, u.LastLogin = false, created.Format(time.DateTime)
	case n < 14:
		u.forget()
	}
}

const (
	salesSet      = "f07d229d-088a-4144-a40f-1fe64295d180"
	salesAdminSet = "0b7c4f6e-5d7a-4e0b-9a55-6f3f1d0c2a11"
	globalSet     = "233b7976-39bd-43a9-b305-ef3a2b0998e5"
	settingsSet   = "7d1e0f52-1c43-4be1-8a35-5a0d7a3f9e21"
)

func (p *people) name(d *dice, c culture, id int64) string {
	if id == 1 {
		return "Ada Novak"
	}
	if id%50 == 17 { // somebody else's name
		d2 := dice(p.seed*0x632be59bd9b4e019 + uint64(id-1))
		return p.name(&d2, pick(&d2, p.cultures), id-1)
	}
	last := pick(d, c.last)
	switch n := d.below(10); {
	case n < 4 || (n < 7 && id > 2000):
		last = pick(d, c.stems) + pick(d, c.ends)
	case n == 9 && len(last) < 12:
		last += "-" + pick(d, c.stems) + pick(d, c.ends)
	}
	last = strings.ReplaceAll(last, "_", " ")
	if c.locale == "vi_VN" {
		return last + " " + pick(d, c.first) // the family name comes first
	}
	return pick(d, c.first) + " " + last
}

// email makes an address that is unique in any case, because it ends in the
// id. A few are written with capitals.
func (p *people) email(d *dice, name string, id int64) Text {
	if step := p.noEmailStep(); step > 0 && id > 1 && id%step == 2%step && id/step < p.noEmail {
		return []Text{Null(), {}, Some("")}[(id/step)%3]
	}
	local := foldName(p.fold, name)
	if local == "" {
		local = "user"
	}
	address := fmt.Sprintf("%s%d@example.org", local, id)
	if d.below(40) == 0 {
		address = strings.ToUpper(address[:1]) + address[1:len(address)-len("example.org")] + "Example.org"
	}
	return Some(address)
}

// noEmailStep spreads the people without an e-mail address over the company.
func (p *people) noEmailStep() int64 {
	if p.noEmail == 0 {
		return 0
	}
	return max(p.count/p.noEmail, 1)
}

// get returns user id, whether generated, changed or added.
func (p *people) get(id int64) (User, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.locked(id)
}

func (p *people) locked(id int64) (User, bool) {
	if id < 1 || id > p.last || p.gone[id] {
		return User{}, false
	}
	if u, ok := p.changed[id]; ok {
		u.Access = slices.Clone(u.Access)
		return u, true
	}
	return p.generate(id), true
}

// highest is the last id that was given out.
func (p *people) highest() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.last
}

// change applies f to user id and stores the result.
func (p *people) change(id int64, f func(*User)) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, ok := p.locked(id)
	if !ok {
		return User{}, false
	}
	f(&u)
	u.ID = id
	p.changed[id] = u
	return u, true
}

// add gives u the next id.
func (p *people) add(u User) User {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	u.ID = p.last
	u.Access = slices.Clone(u.Access)
	p.changed[u.ID] = u
	return u
}

// holder finds who has an e-mail address, whatever its case. Generated
// addresses end in the id, so that no scan of everybody is needed.
func (p *people) holder(address string) (User, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for id, u := range p.changed {
		if !p.gone[id] && strings.EqualFold(u.Email.Value, address) {
			return u, true
		}
	}
	local, _, _ := strings.Cut(address, "@")
	digits := local[len(strings.TrimRight(local, "0123456789")):]
	var id int64
	if _, err := fmt.Sscan(digits, &id); err != nil || id > p.count {
		return User{}, false
	}
	u, ok := p.locked(id)
	return u, ok && strings.EqualFold(u.Email.Value, address)
}

// reset forgets every change.
func (p *people) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.changed)
	clear(p.gone)
	p.last = p.count
}

// Counts is how many people there are of each kind.
type Counts struct {
	Total, Active, Inactive, Invited, Deleted, NoEmail int
}

// Count walks over everybody.
func (s *Server) Count() Counts {
	var c Counts
	for id := int64(1); id <= s.people.highest(); id++ {
		u, ok := s.people.get(id)
		if !ok {
			continue
		}
		c.Total++
		for counter, is := range map[*int]bool{
			&c.Active: u.ActiveFlag, &c.Inactive: !u.ActiveFlag && !u.IsDeleted, &c.Invited: u.ActiveFlag && !u.Activated,
			&c.Deleted: u.IsDeleted, &c.NoEmail: u.Email.Value == "",
		} {
			if is {
				*counter++
			}
		}
	}
	return c
}
