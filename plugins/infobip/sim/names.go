package sim

import "strings"

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

// culture is a pool of names from one part of the world.
type culture struct{ first, last []string }

func cultures() []culture {
	c := func(first, last string) culture { return culture{strings.Fields(first), strings.Fields(last)} }
	return []culture{
		c("Ivana Luka Željko Šime Đurđica Ćiro Nikša Božidara", "Horvat Kovačević Babić Šarić Đurić Župan Knežević Ćosić"),
		c("Jan Petra Jiří Kateřina Ondřej Žaneta Štěpán Zdeňka", "Novák Dvořáková Černý Růžička Čížek Šťastný Křížová"),
		c("Jürgen Käthe Hans-Peter Björn Günther Anna-Lena Sören", "Müller Groß Weiß Köhler Strauß Schäfer Müller-Lüdenscheidt"),
		c("Łukasz Małgorzata Paweł Agnieszka Święcisława", "Kowalska Wójcik Zieliński Dąbrowska Gołąb Żółć"),
		c("José Íñigo Begoña Álvaro Conceição", "Núñez Ibáñez Peña Gonçalves Muñoz Sáenz-Díez"),
		c("Ada Grace Alan Siobhán Edward Fiona", "Lovelace Hopper O'Connor D'Angelo McDonald Smith-Jones Young"),
		c("Şule İbrahim Ayşe Çağrı Işıl Ömer", "Yılmaz Çelik Şahin Öztürk Kılıç Doğan"),
	}
}

// special are names that break programs which paste them into filters, DNs,
// CSV, shells or HTML; each is given to one person among the first.
func special() [][2]string {
	return [][2]string{
		{"Jan", "Novák"}, {"Jan", "Novák"}, {"", "Björk"}, {"小龍", "李"}, {"Ольга", "Петрова"}, {"さくら", ""},
		{"Ada", `O"Brien, Ada`}, {"*)(cn=*", "Star"}, {"#lead", "Hash"}, {"=cmd()", "Formula"}, {"Petra ", "Dvořáková  "}, {"  Leading", "Blank"},
		{"John", "Smith, Jr."}, {"Back", `Slash\`}, {"Plus", "+Sign"}, {"Semi", ";Colon"}, {"<script>alert(1)</script>", "Script"},
		{"a=b", "Equals"}, {"'; DROP TABLE users; --", "Quote"}, {"Tab\tbed", "Name"}, {"Line\nBreak", "Name"}, {"Non\u00a0Breaking", "Space"},
		{"Zero\u200bWidth", "Joiner"}, {"Jose\u0301", "Nin\u0303o"}, {"مريم", "حسن"}, {"Emoji 🎉", "Person"}, {"$(reboot)", "Shell"},
		{"{{ user.email }}", "Template"}, {"%n%s%x", "Format"}, {"@SUM(A1)", "Sheet"}, {"-Dash", "First"}, {"Null", "Null"}, {"null", "undefined"},
		{strings.Repeat("Ž", 255), strings.TrimSpace(strings.Repeat("de los Ángeles ", 17))},
	}
}

// Person 1 is always the same. Every seventh of the first ones has a special name.
const specialEvery = 7

func (g generator) name(d *dice, id int64) (first, last string) {
	c := pick(d, g.cultures)
	first, last = pick(d, c.first), pick(d, c.last)
	if d.below(8) == 0 {
		last += "-" + pick(d, c.last)
	}
	switch n := (id - 3) / specialEvery; {
	case id == 1:
		return "Ada", "Novak"
	case id >= 3 && (id-3)%specialEvery == 0 && n < int64(len(g.special)):
		return g.special[n][0], g.special[n][1]
	}
	return first, last
}

// foldName writes a name with the letters a to z, as companies make addresses.
// Letters that it does not know are left out.
func (g generator) foldName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(g.fold.Replace(name)) {
		switch {
		case r >= 'a' && r <= 'z':
			b.WriteRune(r)
		case r == ' ' && b.Len() > 0 && !strings.HasSuffix(b.String(), "."):
			b.WriteByte('.')
		}
		if b.Len() == 40 {
			break
		}
	}
	return strings.Trim(b.String(), ".")
}

// folder replaces the letters with marks that the pools use.
func folder() *strings.Replacer {
	const table = `aáàâäãåą cçćč dďđ eéèêëęě gğ iíìîïı lł nñńň oóòôöõő rř sśšş tťţ uúùûüů yý zźżž`
	var pairs []string
	for _, group := range strings.Fields(table) {
		runes := []rune(group)
		for _, r := range runes[1:] {
			pairs = append(pairs, string(r), string(runes[0]), strings.ToUpper(string(r)), string(runes[0]))
		}
	}
	return strings.NewReplacer(append(pairs, "ß", "ss", "ø", "oe", "æ", "ae", "İ", "i")...)
}
