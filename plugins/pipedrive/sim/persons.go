package sim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// Person is a contact of the company, as API v2 shows it: somebody with whom
// the company does business, not a user.
type Person struct {
	ID         int64
	Name       string
	OwnerID    int64
	OrgID      *int64
	AddTime    time.Time
	UpdateTime time.Time
	Emails     []Contact
	Phones     []Contact
	VisibleTo  int64
	LabelIDs   []int64
	Marketing  string
	Custom     map[string]any
	Sync       map[string]any // fields of contact sync, as they were written
	Deleted    time.Time      // zero: not deleted
}

// Contact is an e-mail address or a phone number of a person.
type Contact struct {
	Value   string `json:"value"`
	Primary bool   `json:"primary"`
	Label   string `json:"label"`
}

// persons holds the company's contacts.
type persons struct {
	store *simkit.Store[Person]
	names *simkit.Names
	now   func() time.Time
}

func newPersons(o Options) *persons {
	p := &persons{names: simkit.NewNames(o.Seed + 1), now: o.Now}
	p.store = simkit.NewStore(int64(o.Persons), p.generate, clonePerson)
	return p
}

func clonePerson(p Person) Person {
	p.Emails, p.Phones, p.LabelIDs = slices.Clone(p.Emails), slices.Clone(p.Phones), slices.Clone(p.LabelIDs)
	p.Custom, p.Sync = maps.Clone(p.Custom), maps.Clone(p.Sync)
	return p
}

// generate returns contact id, always the same. Both times grow with the id, so
// that a list needs no sorting, whatever the order.
func (p *persons) generate(id int64) Person {
	d := p.names.Dice(id)
	c := p.names.Culture(&d)
	name, special := p.names.Special(id)
	if !special {
		name = p.names.Full(&d, c, id)
	}
	added := time.Date(2020, 1, 6, 8, 0, 0, 0, time.UTC).Add(time.Duration(id) * 90 * time.Second)
	made := Person{
		ID: id, Name: name, OwnerID: 1, AddTime: added, UpdateTime: added.Add(time.Minute), VisibleTo: 3, Marketing: "no_consent",
		Emails: []Contact{{p.names.Address(&d, name, id), true, "work"}},
		Phones: []Contact{{fmt.Sprintf("+420 777 %06d", id%1_000_000), true, "work"}},
	}
	if d.Below(10) == 0 {
		made.Phones = nil
	}
	return made
}

// purgeAfter is how long the row of a deleted contact remains.
const purgeAfter = 30 * 24 * time.Hour

// get returns a contact. A deleted contact exists until it is purged.
func (p *persons) get(id int64) (Person, bool) {
	found, ok := p.store.Get(id)
	if ok && !found.Deleted.IsZero() && !p.now().Before(found.Deleted.Add(purgeAfter)) {
		return Person{}, false
	}
	return found, ok
}

// second returns the present time with the precision of the vendor's times.
func (p *persons) second() time.Time { return p.now().UTC().Truncate(time.Second) }

// change applies f to a contact that is not deleted.
func (p *persons) change(id int64, f func(*Person)) (Person, bool) {
	if found, ok := p.get(id); !ok || !found.Deleted.IsZero() {
		return Person{}, false
	}
	_, after, ok, _ := p.store.Change(id, func(one *Person) error {
		f(one)
		one.UpdateTime = p.second()
		return nil
	})
	return after, ok
}

// Persons returns the number of contacts that are not deleted.
func (s *Server) Persons() int {
	n := 0
	for id := int64(1); id <= s.persons.store.Highest(); id++ {
		if one, ok := s.persons.get(id); ok && one.Deleted.IsZero() {
			n++
		}
	}
	return n
}

// Person returns a contact; false when there is none or it was deleted.
func (s *Server) Person(id int64) (Person, bool) {
	one, ok := s.persons.get(id)
	return one, ok && one.Deleted.IsZero()
}

// personRoutes lists the routes of API v2 for contacts, and what is left of v1.
func personRoutes() []route {
	read, write := []string{"contacts:read", "contacts:full"}, []string{"contacts:full"}
	create, change := personBody(true), personBody(false)
	return []route{
		{name: "v2/persons", ops: map[string]operation{
			http.MethodGet:  {scopes: read, cost: 10, handle: (*Server).listPersons},
			http.MethodPost: {scopes: write, cost: 5, body: create, handle: (*Server).createPerson},
		}},
		{name: "v2/persons/search", ops: map[string]operation{
			http.MethodGet: {scopes: slices.Concat(read, []string{"search:read"}), cost: 20, search: true, handle: (*Server).searchPersons},
		}},
		{name: "v2/persons/{id}", ops: map[string]operation{
			http.MethodGet:    {scopes: read, cost: 1, handle: (*Server).getPerson},
			http.MethodPatch:  {scopes: write, cost: 5, body: change, handle: (*Server).updatePerson},
			http.MethodDelete: {scopes: write, cost: 3, handle: (*Server).deletePerson},
		}},
		{name: "persons", ops: map[string]operation{
			http.MethodGet:  {scopes: read, cost: 20, handle: (*Server).goneFromV1},
			http.MethodPost: {scopes: write, cost: 10, handle: (*Server).goneFromV1},
		}},
		{name: "persons/search", ops: map[string]operation{http.MethodGet: {scopes: read, cost: 40, handle: (*Server).goneFromV1}}},
		{name: "persons/{id}", ops: map[string]operation{
			http.MethodGet:    {scopes: read, cost: 2, handle: (*Server).goneFromV1},
			http.MethodPut:    {scopes: write, cost: 10, handle: (*Server).goneFromV1},
			http.MethodDelete: {scopes: write, cost: 6, handle: (*Server).goneFromV1},
		}},
	}
}

// goneFromV1 answers for the routes of persons that API v1 has removed.
func (s *Server) goneFromV1(w http.ResponseWriter, _ *call) {
	if s.reads("persons_v1", "410") {
		problem{status: http.StatusGone, text: "This endpoint has been removed", short: true}.write(w)
		return
	}
	missing(w, "Not found")
}

// personReadings lists the questions that the documentation of persons leaves
// open.
func personReadings() []Reading {
	return []Reading{
		{Name: "persons_without_name", Question: "POST /api/v2/persons without a name", Values: []string{"refused", "accepted"}},
		{Name: "persons_last_cursor", Question: "next_cursor on the last page of persons", Values: []string{"null", "absent"}},
		{Name: "persons_created", Question: "status of POST /api/v2/persons", Values: []string{"200", "201"}},
		{Name: "persons_deleted", Question: "GET of a person who is marked as deleted: the row, or 404", Values: []string{"row", "404"}},
		{
			Name: "persons_sync_fields",
			Question: "notes, im, birthday, job_title and postal_address: the company has set up contact sync, " +
				"or has not and they are refused or ignored",
			Values: []string{"kept", "refused", "ignored"},
		},
		{Name: "persons_v1", Question: "status of /v1/persons, which is gone", Values: []string{"404", "410"}},
	}
}
