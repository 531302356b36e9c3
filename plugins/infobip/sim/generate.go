package sim

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

// generator makes the first people, always the same for the same seed.
type generator struct {
	count int64 // number of generated people
	names *simkit.Names
}

func newGenerator(seed uint64, count int) generator {
	return generator{int64(count), simkit.NewNames(seed)}
}

// name returns a first and a last name; a name of one word is a last name.
func (g generator) name(d *simkit.Dice, id int64) (first, last string, special bool) {
	culture := g.names.Culture(d)
	if id == 1 {
		return "Ada", "Novak", true
	}
	whole, special := g.names.Special(id)
	if !special {
		first, last = g.names.Pair(d, culture, id)
		return first, last, false
	}
	if i := strings.LastIndex(whole, " "); i >= 0 {
		return whole[:i], whole[i+1:], true
	}
	return "", whole, true
}

// founded is when the generated tags and attributes were defined.
const founded = "2019-02-25T12:46:06"

func generatedTags() []string { return []string{"Newsletter", "VIP", "Partner", "Beta"} }

func generatedAttributes() []CustomAttribute {
	return []CustomAttribute{
		{founded, founded, "Department", "STRING", nil},
		{founded, founded, "Employee Number", "INTEGER", nil},
		{founded, founded, "Contract Expiry", "DATE", nil},
		{founded, founded, "Remote", "BOOLEAN", nil},
		{founded, founded, "Devices", listOfObjects, map[string]string{"name": "STRING", "price": "DECIMAL"}},
	}
}

// The identifiers of a generated person. Each contains the id.
const (
	externalForm = "hr-%d"
	phoneForm12  = "4206%08d"
)

// idOf reads the id from an identifier of a generated person.
func idOf(k key) (int64, bool) {
	digits := ""
	switch k.kind {
	case byID:
		digits = k.value
	case byExternalID:
		digits, _ = strings.CutPrefix(k.value, "hr-")
	case byPhone:
		digits, _ = strings.CutPrefix(k.value, "4206")
		digits = strings.TrimLeft(digits, "0")
	case byEmail:
		id, ok := simkit.NumberOf(strings.Replace(k.value, "+home@", "@", 1))
		return id, ok && id > 0
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, err == nil && id > 0
}

// generate returns person id. Most people have an address, a number and an
// external id. Some lack one or two of them, nobody lacks all.
func (g generator) generate(id int64) Person {
	d := g.names.Dice(id)
	first, last, special := g.name(&d, id)
	created := time.Date(2019, 1, 7, 8, 0, 0, 0, time.UTC).Add(time.Duration(d.Below(2500*24*60)) * time.Minute)
	modified := created.Add(time.Duration(d.Below(200*24*60)) * time.Minute)
	p := Person{
		ID: id, CreatedAt: created.Format(timeForm), ModifiedAt: modified.Format(timeForm),
		ExternalID: fmt.Sprintf(externalForm, id), FirstName: first, LastName: last,
		Type: "CUSTOMER", Origin: simkit.Pick(&d, []string{"API", "PORTAL", "FORMS"}), ModifiedFrom: "API",
		Tags: []string{}, CustomAttributes: map[string]any{
			"Department":      simkit.Pick(&d, []string{"Ops", "Sales", "IT", "Finance", "Vývoj"}),
			"Employee Number": 10000 + id,
		},
		Contact: Contact{Phone: []Phone{{fmt.Sprintf(phoneForm12, id)}}, Email: []Email{{g.names.Address(&d, first+" "+last, id)}}},
	}
	g.details(&d, &p)
	if !special { // nothing else is unusual about people with special names
		g.gaps(&d, &p)
	}
	return p
}

func (g generator) details(d *simkit.Dice, p *Person) {
	if d.Below(3) == 0 {
		place := simkit.Pick(d, [][2]string{{"Praha", "Czechia"}, {"Split", "Croatia"}, {"London", "United Kingdom"}, {"Köln", "Germany"}})
		p.City, p.Country = place[0], place[1]
		p.Address = fmt.Sprintf("%d Long Street", 1+d.Below(400))
		p.PreferredLanguage = simkit.Pick(d, []string{"cs", "hr", "en-gb", "de-DE"})
	}
	if d.Below(4) == 0 {
		p.Gender = simkit.Pick(d, []string{"MALE", "FEMALE"})
		p.BirthDate = fmt.Sprintf("19%02d-%02d-%02d", 50+d.Below(50), 1+d.Below(12), 1+d.Below(28))
	}
	if d.Below(10) == 0 {
		p.Type = "LEAD"
	}
	for _, tag := range generatedTags() {
		if d.Below(5) == 0 {
			p.Tags = append(p.Tags, tag)
		}
	}
	if d.Below(6) == 0 {
		p.CustomAttributes["Contract Expiry"] = fmt.Sprintf("2027-%02d-01", 1+d.Below(12))
		p.CustomAttributes["Remote"] = d.Below(2) == 0
		p.CustomAttributes["Devices"] = []any{map[string]any{"name": "Laptop", "price": json.Number("999.5")}}
	}
}

// gaps removes data from some people and gives others more.
func (g generator) gaps(d *simkit.Dice, p *Person) {
	switch n := d.Below(100); {
	case n < 5:
		p.Contact.Phone = nil
	case n < 9:
		p.Contact.Email = nil
	case n < 12:
		p.ExternalID = ""
	case n < 16:
		local, domain, _ := strings.Cut(p.Contact.Email[0].Address, "@")
		p.Contact.Email = append(p.Contact.Email, Email{local + "+home@" + domain})
	case n < 18:
		p.FirstName = ""
	}
}
