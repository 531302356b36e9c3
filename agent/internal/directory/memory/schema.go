package memory

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

//go:embed schema.txt
var schemaText string

// attributeRule is what the schema says about one attribute (MS-ADTS section
// 3.1.1.2.3).
type attributeRule struct {
	name         string
	syntax, om   string
	single       bool
	lower, upper *int
	systemOnly   bool
	flags        int // systemFlags
	link         int // linkID: an even one is written, the next odd one is computed; 0 for none
	classes      string
}

// These are systemFlags of an attribute (MS-ADTS section 2.2.10).
const (
	flagNotReplicated = 0x1
	flagConstructed   = 0x4
)

const (
	syntaxDN    = "2.5.5.1"
	syntaxSID   = "2.5.5.17"
	syntaxBytes = "2.5.5.10"
)

func (a *attributeRule) reference() bool { return a.syntax == syntaxDN }
func (a *attributeRule) backLink() bool  { return a.link > 0 && a.link%2 == 1 }
func (a *attributeRule) linked() bool    { return a.link > 0 && a.link%2 == 0 }

// synced reports whether DirSync delivers the attribute.
func (a *attributeRule) synced() bool { return a.flags&(flagNotReplicated|flagConstructed) == 0 }

// schema holds the rules by attribute name in lower case.
type schema struct {
	rules map[string]*attributeRule
	names []string          // in the order of the file
	links map[int]string    // linkID -> attribute, in lower case
	lists map[rune][]string // class -> its attributes
}

// loadSchema reads schema.txt, once for all domains.
var loadSchema = sync.OnceValues(func() (*schema, error) {
	s := &schema{rules: map[string]*attributeRule{}, links: map[int]string{}, lists: map[rune][]string{}}
	for number, line := range strings.Split(strings.TrimSpace(schemaText), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		a, err := parseRule(line)
		if err != nil {
			return nil, fmt.Errorf("schema.txt:%d: %w", number+1, err)
		}
		s.rules[text.Lower(a.name)] = a
		s.names = append(s.names, a.name)
		if a.link > 0 {
			s.links[a.link] = text.Lower(a.name)
		}
		for _, class := range a.classes {
			s.lists[class] = append(s.lists[class], a.name)
		}
	}
	return s, nil
})

func parseRule(line string) (*attributeRule, error) {
	f := strings.Fields(line)
	if len(f) != 10 {
		return nil, fmt.Errorf("%d fields instead of 10", len(f))
	}
	flags, err := strconv.Atoi(f[7])
	if err != nil {
		return nil, err
	}
	a := &attributeRule{
		name: f[0], syntax: f[1], om: f[2], single: f[3] == "1", lower: bound(f[4]), upper: bound(f[5]),
		systemOnly: f[6] == "system", flags: flags, classes: f[9],
	}
	if link := bound(f[8]); link != nil {
		a.link = *link
	}
	return a, nil
}

func bound(field string) *int {
	n, err := strconv.Atoi(field)
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

func (s *schema) rule(name string) *attributeRule { return s.rules[text.Lower(name)] }

// class is a kind of objects (MS-ADTS section 3.1.1.2.4).
type class struct {
	name     string
	chain    []string // as in objectClass
	category string   // the cn of defaultObjectCategory
	naming   string   // the attribute that names its objects
	letter   rune     // in schema.txt
}

// classes lists the classes that objects can have.
var classes = []class{
	{"user", []string{"top", "person", "organizationalPerson", "user"}, "Person", "CN", 'u'},
	{"computer", []string{"top", "person", "organizationalPerson", "user", "computer"}, "Computer", "CN", 'p'},
	{"contact", []string{"top", "person", "organizationalPerson", "contact"}, "Person", "CN", 'k'},
	{"group", []string{"top", "group"}, "Group", "CN", 'g'},
	{"organizationalUnit", []string{"top", "organizationalUnit"}, "Organizational-Unit", "OU", 'o'},
	{"container", []string{"top", "container"}, "Container", "CN", 'c'},
	{"builtinDomain", []string{"top", "builtinDomain"}, "Builtin-Domain", "CN", 'c'},
	{"domainDNS", []string{"top", "domain", "domainDNS"}, "Domain-DNS", "DC", 'c'},
	{"configuration", []string{"top", "configuration"}, "Configuration", "CN", 'c'},
	{"dMD", []string{"top", "dMD"}, "DMD", "CN", 'c'},
	{"nTDSDSA", []string{"top", "applicationSettings", "nTDSDSA"}, "NTDS-DSA", "CN", 'c'},
}

// classOf returns the most specific class that an object is to have.
func classOf(names []string) *class {
	for _, name := range slices.Backward(names) {
		for i := range classes {
			if text.Same(classes[i].name, name) {
				return &classes[i]
			}
		}
	}
	return nil
}

// holds reports whether objects of the class may contain others.
func (c *class) holds() bool {
	switch c.name {
	case "user", "contact", "group":
		return false
	}
	return true
}

// account reports whether objects of the class have a SID and an account name.
func (c *class) account() bool { return c.name == "user" || c.name == "computer" || c.name == "group" }
