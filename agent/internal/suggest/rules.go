package suggest

import (
	"fmt"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk/abi"
)

var (
	flags  = []abi.AttributeType{abi.TypeBool}
	ints   = []abi.AttributeType{abi.TypeInt}
	texts  = []abi.AttributeType{abi.TypeString}
	simple = []abi.AttributeType{abi.TypeString, abi.TypeInt}
)

// where proposes the scope: who is active and not deleted.
func (p *proposal) where() {
	var conditions, reasons []string
	add := func(f *field, condition string) {
		if f == nil {
			return
		}
		f.mapped = true
		conditions = append(conditions, condition)
		reasons = append(reasons, f.Name+": "+f.about())
	}
	yes := []string{"active", "activeflag", "isactive", "enabled", "isenabled"}
	no := []string{
		"isdeleted", "deleted", "deletedflag", "disabled", "isdisabled", "suspended", "issuspended",
		"blocked", "isblocked", "archived", "isarchived",
	}
	for _, word := range yes {
		if f := p.find(flags, word); f != nil {
			add(f, f.ref())
		} else if f := p.find(ints, word); f != nil {
			add(f, f.ref()+" == 1")
		}
	}
	for _, word := range no { // somebody who is not deleted may be suspended
		if f := p.find(flags, word); f != nil {
			add(f, "!"+f.ref())
		} else if f := p.find(ints, word); f != nil {
			add(f, f.ref()+" == 0")
		}
	}
	if len(conditions) == 0 {
		p.propose("where", "'user.FIELD'", "no field says who is active: everybody who is delivered is in scope")
		return
	}
	p.comment("Who is out of scope counts as missing. %s", strings.Join(reasons, ". "))
	p.line("where = " + quoted(strings.Join(conditions, " && ")))
}

// identity proposes what an account is called by and found by.
func (p *proposal) identity() {
	first, last := p.find(texts, "firstname", "givenname", "forename"), p.find(texts, "lastname", "surname", "familyname", "sn")
	whole := p.find(texts, "displayname", "fullname", "name")
	mail := p.find(texts, "email", "mail", "emailaddress", "primaryemail", "workemail")
	if p.in.Endpoint.Audience == abi.AudienceObjects {
		p.object(whole)
		return
	}
	given, family := p.nameParts(first, last, whole)
	p.display(first, last, whole)
	if mail != nil {
		mail.mapped = true
		options := ""
		if !p.people {
			options = `, apply = "if_empty"`
		}
		p.set("mail", fmt.Sprintf(`{ value = "{{ lower(%s) }}"%s }`, mail.ref(), options), mail.Name+": "+mail.about())
		p.names["mail"] = mail.ref()
	} else {
		p.propose("mail", `"{{ lower(user.FIELD) }}"`, "no field looks like an e-mail address")
	}
	p.logon(given, family)
}

// object proposes the one attribute that a data source needs, for what is no person.
func (p *proposal) object(whole *field) {
	if p.in.Endpoint.Audience == abi.AudienceObjects {
		p.comment("These are no people, so no account is made of them.")
	}
	if whole == nil {
		whole = p.named(strings.TrimPrefix(p.in.Endpoint.Key, "/"))
	}
	if whole == nil || !whole.usable() {
		p.propose("description", `"{{ user.FIELD }}"`, "no field looks like a name")
		return
	}
	whole.mapped = true
	p.set("description", quoted("{{ "+whole.ref()+" }}"), whole.Name+": "+whole.about())
}

// nameParts proposes givenName and sn, and returns their expressions.
func (p *proposal) nameParts(first, last, whole *field) (given, family string) {
	switch {
	case first != nil && last != nil:
		first.mapped, last.mapped = true, true
		given, family = first.ref(), last.ref()
		p.set("givenName", quoted("{{ trim("+given+") }}"), first.Name+": "+first.about())
		p.set("sn", quoted("{{ trim("+family+") }}"), last.Name+": "+last.about())
	case whole != nil:
		given, family = "first_word("+whole.ref()+")", "last_word("+whole.ref()+")"
		p.set("givenName", quoted("{{ "+given+" }}"), "the first word of "+whole.Name+", as there is no first name")
		p.set("sn", quoted("{{ "+family+" }}"), "the last word of "+whole.Name+": wrong for some, as van den Berg; look at yours")
	default:
		p.propose("givenName", `"{{ user.FIELD }}"`, "no field looks like a first name")
		p.propose("sn", `"{{ user.FIELD }}"`, "no field looks like a last name")
	}
	return given, family
}

func (p *proposal) display(first, last, whole *field) {
	switch {
	case whole != nil:
		whole.mapped = true
		p.set("displayName", quoted("{{ trim("+whole.ref()+") }}"), whole.Name+": "+whole.about()+"; cn is made of it")
		p.names["displayName"] = whole.ref()
	case first != nil && last != nil:
		p.set("displayName", quoted("{{ trim("+first.ref()+") }} {{ trim("+last.ref()+") }}"), "both names; cn is made of it")
		p.names["displayName"] = first.ref()
	default:
		p.propose("displayName", `"{{ user.FIELD }}"`, "no field looks like a name")
	}
}

// logon proposes the names that people log in with: only for accounts that may be
// made.
func (p *proposal) logon(given, family string) {
	if !p.people {
		return
	}
	const form = `{ value = "{{ sam_safe(lower(ascii(%s))) }}", unique = "domain", suffix = "number", apply = "create" }`
	switch {
	case given != "":
		p.set("sAMAccountName", fmt.Sprintf(form, "left("+given+", 1) + "+family),
			"the first letter and the last name; a number where that is taken; it stays when somebody marries")
	case p.names["mail"] != "":
		p.set("sAMAccountName", fmt.Sprintf(form, "item(split("+p.names["mail"]+", '@'), 1)"), "what stands before the @, as there is no name")
	default:
		p.propose("sAMAccountName", fmt.Sprintf(form, "user.FIELD"), "nothing to make a name of")
		return
	}
	if p.in.Domain == "" {
		p.propose("userPrincipalName", `{ value = "{{ attributes.sAMAccountName }}@DOMAIN", apply = "create" }`,
			"the domain is not known: [directory] has no base_dn")
		return
	}
	p.set("userPrincipalName", `{ value = "{{ attributes.sAMAccountName }}@`+plainDomain(p.in.Domain)+`", apply = "create" }`,
		"the domain of the directory; another suffix is as good if the forest has it")
}

func plainDomain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' {
			return r
		}
		return rune(plainKey(string(r))[0])
	}, s)
}

// rule maps fields by their names to an attribute of AD.
type rule struct {
	attribute string
	types     []abi.AttributeType
	words     []string
}

var rules = []rule{
	{"middleName", texts, []string{"middlename"}},
	{"telephoneNumber", texts, []string{"phone", "phonenumber", "telephone", "workphone", "businessphone"}},
	{"mobile", texts, []string{"mobile", "mobilephone", "cell", "cellphone", "mobilenumber"}},
	{"title", texts, []string{"title", "jobtitle", "position"}},
	{"department", texts, []string{"department", "departmentname", "dept"}},
	{"company", texts, []string{"company", "companyname", "organization", "orgname"}},
	{"physicalDeliveryOfficeName", texts, []string{"office", "officename", "location"}},
	{"streetAddress", texts, []string{"street", "streetaddress", "address"}},
	{"l", texts, []string{"city", "town", "locality"}},
	{"st", texts, []string{"state", "province"}},
	{"postalCode", simple, []string{"postalcode", "zip", "zipcode", "postcode"}},
	{"co", texts, []string{"country", "countryname"}},
	{"employeeID", simple, []string{"employeeid", "employeenumber", "personnelnumber", "staffnumber"}},
	{"employeeType", texts, []string{"employeetype", "employmenttype"}},
	{"preferredLanguage", texts, []string{"preferredlanguage", "language"}},
}

// others proposes the attributes that a name alone explains.
func (p *proposal) others() {
	if p.in.Endpoint.Audience == abi.AudienceObjects {
		return
	}
	for _, r := range rules {
		f := p.find(r.types, r.words...)
		if f == nil || f.mapped {
			continue
		}
		f.mapped = true
		value := quoted("{{ " + f.ref() + " }}")
		if !p.people {
			value = `{ value = ` + value + `, apply = "if_empty" }`
		}
		p.set(r.attribute, value, f.Name+": "+f.about()+"; a missing value keeps what AD has, on_missing = 'clear' clears it")
	}
	if f := p.find(simple, "managerid", "manager", "supervisorid", "bossid", "reportsto"); f != nil {
		f.mapped = true
		p.propose("manager", `{ reference = "{{ `+f.ref()+` }}" }`, f.Name+": "+f.about()+"; right if it is a primary key of this endpoint")
	}
}

// rest lists what is not mapped, so that nothing is overlooked.
func (p *proposal) rest() {
	first := true
	for _, f := range p.fields {
		if f.mapped {
			continue
		}
		if first {
			p.line("")
			p.comment("Not mapped, as a name does not tell where it belongs:")
		}
		first = false
		p.comment("%s (%s): %s", f.ref(), f.Type, f.about())
	}
}

// automation proposes what is done with it. It is a comment: who gets accounts, and
// where, is nobody else's to decide.
func (p *proposal) automation(name string) {
	if p.in.Endpoint.Audience == abi.AudienceObjects {
		return
	}
	creates := p.in.Endpoint.Audience == abi.AudienceWorkforce
	action := map[bool]string{true: "lifecycle", false: "update"}[creates]
	p.line("")
	p.comment("An automation that uses it. Look at `rollcall plan %s` before it has a schedule.", name)
	p.comment("[automations.%s]", name)
	p.comment("data_source = %q", name)
	p.comment("action = %q", action)
	if creates {
		p.comment(`ou = "OU=Staff,..." # where accounts are made`)
	}
	switch {
	case p.names["mail"] != "":
		p.comment(`match = ["mail"] # accounts that exist are found by it, and adopted after a review`)
	case p.names["displayName"] != "":
		p.comment(`match = ["displayName"] # there is no e-mail address; namesakes go into quarantine`)
	default:
		p.comment(`match = [] # there is nothing to find accounts by that exist`)
	}
	if creates {
		p.comment(`missing = { action = "disable" }`)
	}
}
