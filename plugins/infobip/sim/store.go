package sim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// The kinds of identifiers by which the simulator finds people.
const (
	byID         = "ID"
	byExternalID = "EXTERNAL_ID"
	byPhone      = "PHONE"
	byEmail      = "EMAIL"
)

// people holds every profile: a generator for the first ones, and all changes
// since. An unchanged person takes no memory.
type people struct {
	generator

	mu      sync.RWMutex
	changed map[int64]Person // by id; added people too
	gone    map[int64]bool   // deleted: the numbers stay unused
	removed []int64          // the same, sorted
	last    int64            // highest id
	owner   map[key]int64    // identifiers of changed people
	orders  map[string][]int64
	tags    map[string]Tag
	custom  map[string]CustomAttribute
	dropped dropped
	lastTag int64
}

// dropped lists what was deleted from everybody. Generated people lose it as
// they are generated; defining it again later does not bring it back.
type dropped struct{ tags, custom map[string]bool }

// key is an identifier of a person.
type key struct{ kind, value string }

func newPeople(o Options) *people {
	p := &people{generator: newGenerator(o.Seed, o.People)}
	p.reset()
	return p
}

// reset discards every change.
func (p *people) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed, p.gone, p.owner = map[int64]Person{}, map[int64]bool{}, map[key]int64{}
	p.removed = nil
	p.orders, p.last = map[string][]int64{}, p.count
	p.dropped = dropped{map[string]bool{}, map[string]bool{}}
	p.tags, p.custom, p.lastTag = map[string]Tag{}, map[string]CustomAttribute{}, 0
	for _, name := range generatedTags() {
		p.defineTag(name, founded)
	}
	for _, def := range generatedAttributes() {
		p.custom[def.Name] = def
	}
}

// identifiers returns the keys that only one person may have. E-mail addresses
// are equal regardless of letter case.
func identifiers(p Person) []key {
	var keys []key
	if p.ExternalID != "" {
		keys = append(keys, key{byExternalID, p.ExternalID})
	}
	for _, n := range p.Contact.Phone {
		keys = append(keys, key{byPhone, n.Number})
	}
	for _, a := range p.Contact.Email {
		keys = append(keys, key{byEmail, strings.ToLower(a.Address)})
	}
	return keys
}

// get returns person id, whether generated, changed or added.
func (p *people) get(id int64) (Person, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.locked(id)
}

func (p *people) exists(id int64) bool { return id >= 1 && id <= p.last && !p.gone[id] }

func (p *people) locked(id int64) (Person, bool) {
	if !p.exists(id) {
		return Person{}, false
	}
	if one, ok := p.changed[id]; ok {
		return one.clone(), true
	}
	one := p.generate(id)
	one.Tags = slices.DeleteFunc(one.Tags, func(t string) bool { return p.dropped.tags[t] })
	for name := range p.dropped.custom {
		delete(one.CustomAttributes, name)
	}
	return one, true
}

// find returns the id of the person who has an identifier. Generated
// identifiers contain the id, so that no search through everybody is needed.
func (p *people) find(k key) (int64, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.holder(k)
}

func (p *people) holder(k key) (int64, bool) {
	if k.kind == byEmail {
		k.value = strings.ToLower(k.value)
	}
	if id, ok := p.owner[k]; ok {
		return id, true
	}
	id, ok := idOf(k)
	if !ok || !p.exists(id) {
		return 0, false
	}
	if _, changed := p.changed[id]; k.kind == byID {
		return id, true
	} else if changed {
		return 0, false // its present identifiers are in owner
	}
	return id, id <= p.count && slices.Contains(identifiers(p.generate(id)), k)
}

// conflictError says that an identifier belongs to somebody else.
type conflictError struct {
	key
	holder int64
}

func (c conflictError) Error() string {
	if c.kind == byExternalID {
		return fmt.Sprintf("Person with externalId %s already exists.", c.value)
	}
	return fmt.Sprintf("Destination(%s) %s already exists.", strings.ToLower(c.kind), c.value)
}

// free returns an error for the first identifier of one that another person
// has.
func (p *people) free(one Person) error {
	for _, k := range identifiers(one) {
		if id, taken := p.holder(k); taken && id != one.ID {
			return conflictError{k, id}
		}
	}
	return nil
}

// add gives a person the next id and stores it.
func (p *people) add(one Person) (Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addLocked(one)
}

func (p *people) addLocked(one Person) (Person, error) {
	one = one.clone()
	one.ID = p.last + 1
	if err := p.free(one); err != nil {
		return Person{}, err
	}
	p.last++
	p.store(Person{}, one)
	return one.clone(), nil
}

// change applies f to person id and stores the result, unless f fails.
func (p *people) change(id int64, f func(*Person) error) (Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changeLocked(id, f)
}

func (p *people) changeLocked(id int64, f func(*Person) error) (Person, error) {
	old, ok := p.locked(id)
	if !ok {
		return Person{}, errNobody
	}
	one := old.clone()
	if err := f(&one); err != nil {
		return Person{}, err
	}
	one.ID = id
	if err := p.free(one); err != nil {
		return Person{}, err
	}
	if !reflect.DeepEqual(old, one) { // a person equal to the generated one takes no memory
		p.store(old, one)
	}
	return one.clone(), nil
}

// store replaces old by one and defines its tags.
func (p *people) store(old, one Person) {
	for _, k := range identifiers(old) {
		delete(p.owner, k)
	}
	for _, k := range identifiers(one) {
		p.owner[k] = one.ID
	}
	for _, t := range one.Tags {
		if _, ok := p.tags[t]; !ok {
			p.defineTag(t, one.ModifiedAt)
		}
	}
	p.changed[one.ID] = one
	clear(p.orders)
}

// remove deletes person id. The number is not used again.
func (p *people) remove(id int64) (Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.removeLocked(id)
}

func (p *people) removeLocked(id int64) (Person, error) {
	one, ok := p.locked(id)
	if !ok {
		return Person{}, errNobody
	}
	for _, k := range identifiers(one) {
		delete(p.owner, k)
	}
	delete(p.changed, id)
	p.gone[id] = true
	i, _ := slices.BinarySearch(p.removed, id)
	p.removed = slices.Insert(p.removed, i, id)
	clear(p.orders)
	return one, nil
}

// total returns how many people there are.
func (p *people) total() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.last - int64(len(p.gone))
}

// page returns the ids of a page of everybody, in an order such as
// "lastName:asc". The order is cached until somebody changes.
func (p *people) page(order string, from, n int64) []int64 {
	p.mu.RLock()
	if ids, ok := p.slice(order, from, n); ok {
		defer p.mu.RUnlock()
		return ids
	}
	p.mu.RUnlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.orders[order] == nil {
		p.orders[order] = p.sorted(order)
	}
	ids, _ := p.slice(order, from, n)
	return ids
}

func (p *people) slice(order string, from, n int64) ([]int64, bool) {
	if order == orderID {
		ids := []int64{}
		for id := nth(p.removed, from); id <= p.last && int64(len(ids)) < n; id++ {
			if !p.gone[id] {
				ids = append(ids, id)
			}
		}
		return ids, true
	}
	ids, ok := p.orders[order]
	size := int64(len(ids))
	return ids[min(from, size):min(from+n, size)], ok
}

func (p *people) sorted(order string) []int64 {
	entries := make([]entry, 0, p.last)
	for id := int64(1); id <= p.last; id++ {
		if !p.exists(id) {
			continue
		}
		one, _ := p.locked(id)
		entries = append(entries, entry{sortKey(fieldOfOrder(order), one), id})
	}
	return ordered(entries, order)
}

func sortKey(field string, one Person) string {
	switch field {
	case "firstName":
		return one.FirstName
	case "lastName":
		return one.LastName
	case "createdAt":
		return one.CreatedAt
	}
	return one.ModifiedAt
}
