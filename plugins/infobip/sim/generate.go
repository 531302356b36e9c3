package sim

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// generator makes the first people, always the same from the same seed.
type generator struct {
	seed     uint64
	count    int64 // generated records
	cultures []culture
	special  [][2]string
	fold     *strings.Replacer
}

func newGenerator(seed uint64, count int) generator {
	return generator{seed, int64(count), cultures(), special(), folder()}
}

// founded is when generated tags and attributes were defined.
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

// What each number of a generated person looks like. Each holds the id.
const (
	externalForm = "hr-%d"
	phoneForm12  = "4206%08d"
)

// idOf reads the id out of an identifier of a generated person.
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
		local, _, _ := strings.Cut(k.value, "@")
		local, _, _ = strings.Cut(local, "+")
		digits = local[len(strings.TrimRight(local, "0123456789")):]
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, err == nil && id > 0
}

// generate makes person id. Most have an address, a number and an external id;
// each of them is missing now and then, never all.
func (g generator) generate(id int64) Person {
	d := dice(g.seed*0x632be59bd9b4e019 + uint64(id))
	first, last := g.name(&d, id)
	created := time.Date(2019, 1, 7, 8, 0, 0, 0, time.UTC).Add(time.Duration(d.below(2500*24*60)) * time.Minute)
	modified := created.Add(time.Duration(d.below(200*24*60)) * time.Minute)
	p := Person{
		ID: id, CreatedAt: created.Format(timeForm), ModifiedAt: modified.Format(timeForm),
		ExternalID: fmt.Sprintf(externalForm, id), FirstName: first, LastName: last,
		Type: "CUSTOMER", Origin: pick(&d, []string{"API", "PORTAL", "FORMS"}), ModifiedFrom: "API",
		Tags: []string{}, CustomAttributes: map[string]any{
			"Department":      pick(&d, []string{"Ops", "Sales", "IT", "Finance", "Vývoj"}),
			"Employee Number": json.Number(strconv.FormatInt(10000+id, 10)),
		},
		Contact: Contact{Phone: []Phone{{fmt.Sprintf(phoneForm12, id)}}, Email: []Email{{g.email(&d, first+" "+last, id, "")}}},
	}
	g.details(&d, &p)
	g.gaps(&d, &p, first+" "+last)
	return p
}

func (g generator) details(d *dice, p *Person) {
	if d.below(3) == 0 {
		place := pick(d, [][2]string{{"Praha", "Czechia"}, {"Split", "Croatia"}, {"London", "United Kingdom"}, {"Köln", "Germany"}})
		p.City, p.Country = place[0], place[1]
		p.Address = fmt.Sprintf("%d Long Street", 1+d.below(400))
		p.PreferredLanguage = pick(d, []string{"cs", "hr", "en-gb", "de-DE"})
	}
	if d.below(4) == 0 {
		p.Gender = pick(d, []string{"MALE", "FEMALE"})
		p.BirthDate = fmt.Sprintf("19%02d-%02d-%02d", 50+d.below(50), 1+d.below(12), 1+d.below(28))
	}
	if d.below(10) == 0 {
		p.Type = "LEAD"
	}
	for _, tag := range generatedTags() {
		if d.below(5) == 0 {
			p.Tags = append(p.Tags, tag)
		}
	}
	if d.below(6) == 0 {
		p.CustomAttributes["Contract Expiry"] = fmt.Sprintf("2027-%02d-01", 1+d.below(12))
		p.CustomAttributes["Remote"] = d.below(2) == 0
		p.CustomAttributes["Devices"] = []any{map[string]any{"name": "Laptop", "price": json.Number("999.5")}}
	}
}

// gaps takes something away from some people and gives others more.
func (g generator) gaps(d *dice, p *Person, name string) {
	if p.ID == 1 || p.ID < specialEvery*int64(len(g.special)) && (p.ID-3)%specialEvery == 0 {
		return // nothing else about those with special names is unusual
	}
	switch n := d.below(100); {
	case n < 5:
		p.Contact.Phone = nil
	case n < 9:
		p.Contact.Email = nil
	case n < 12:
		p.ExternalID = ""
	case n < 16:
		p.Contact.Email = append(p.Contact.Email, Email{g.email(d, name, p.ID, "+home")})
	case n < 18:
		p.FirstName = ""
	}
}

// email makes an address that is unique in any case, because its local part
// ends in the id. A few are written with capitals.
func (g generator) email(d *dice, name string, id int64, suffix string) string {
	local := g.foldName(name)
	if local == "" {
		local = "person"
	}
	address := fmt.Sprintf("%s%d%s@example.org", local, id, suffix)
	if d.below(40) == 0 {
		address = strings.ToUpper(address[:1]) + address[1:]
	}
	return address
}
