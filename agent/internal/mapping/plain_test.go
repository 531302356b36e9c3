package mapping

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/expr"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// tenTimesFive maps ten attributes by five functions each.
func tenTimesFive() Definition {
	def := Definition{OU: src("OU=Staff,DC=x"), Lookups: map[string]map[string]string{"departments": {"sales": "Sales", "care": "Care"}}}
	for _, a := range []struct{ name, value string }{
		{"cn", `{{ cut(title(join([first_word(user.name), last_word(user.name)], " ")), 64) }}`},
		{"sAMAccountName", `{{ sam_safe(lower(ascii(left(first_word(user.name), 3) + user.number))) }}`},
		{"displayName", `{{ trim(title(replace(lower(ascii(user.name)), "-", " "))) }}`},
		{"givenName", `{{ title(lower(trim(first_word(trim(user.name))))) }}`},
		{"sn", `{{ upper(left(trim(last_word(trim(user.name))), 40)) }}`},
		{"mail", `{{ lower(ascii(first_word(user.name))) }}.{{ lower(user.number) }}@{{ lower("Example.com") }}`},
		{"title", `{{ left(trim(title(lower(default(user.job, "none")))), 64) }}`},
		{"department", `{{ upper(trim(lookup("departments", lower(trim(user.department)), "None"))) }}`},
		{"telephoneNumber", `+{{ left(only_digits(replace(trim(strip_spaces(user.phone)), "(0)", "")), 15) }}`},
		{"employeeType", `{{ left(upper(ascii(word(trim(user.job), 1))), 10) }}`},
	} {
		def.Attributes = append(def.Attributes, AttributeDef{Name: a.name, Pos: at(1), Value: &expr.Source{Text: a.value, Pos: at(1)}})
	}
	return def
}

func somePeople() []ident.Record {
	var out []ident.Record
	for _, p := range []struct{ name, number, job, department, phone string }{
		{"Łukasz Ångström", "1041", "account manager", "Sales", "+31 (0)20 1234 567"},
		{"Ada Maria Novak", "1042", "developer", "care ", "+48 22 555 01 02"},
		{"Jean-Luc Müller", "1043", "Support Agent", "sales", "0049 (0)30 901820"},
		{"Grace Hopper", "1044", "rear admiral", "other", "+1 202 555 0143"},
	} {
		out = append(out, ident.Record{Endpoint: "users", Key: ident.Key(p.number), Fields: map[string]any{
			"name": p.name, "number": p.number, "job": p.job, "department": p.department, "phone": p.phone,
		}})
	}
	return out
}

// plainly maps a record as tenTimesFive does, as somebody would write it in Go
// for these attributes alone. A field that is no text leaves its attributes out.
func plainly(departments map[string]string, rec ident.Record, names Names) []ident.DesiredAttribute {
	name, named := rec.Fields["name"].(string)
	number, numbered := rec.Fields["number"].(string)
	job, employed := rec.Fields["job"].(string)
	department, placed := rec.Fields["department"].(string)
	phone, reachable := rec.Fields["phone"].(string)
	out := make([]ident.DesiredAttribute, 0, 10)
	add := func(attribute, value string) {
		if value = text.Trim(value); value == "" {
			return
		}
		if cause, _ := (ident.AttributeRule{}).Refuses([]string{value}, false); cause == "" {
			out = append(out, ident.DesiredAttribute{Name: attribute, Values: []string{value}, Apply: ident.ApplyAlways})
		}
	}
	if named {
		add("cn", strings.TrimRight(text.Cut(plainTitle(plainFirst(name)+" "+plainLast(name)), ident.MaxCommonName), ". "))
		add("displayName", text.Trim(plainTitle(strings.ReplaceAll(strings.ToLower(plainASCII(name)), "-", " "))))
		add("givenName", plainTitle(strings.ToLower(text.Trim(plainFirst(text.Trim(name))))))
		add("sn", strings.ToUpper(plainLeft(text.Trim(plainLast(text.Trim(name))), 40)))
	}
	addFree := func(attribute, value string, unique Unique) {
		if _, taken, err := names.Holder(attribute, value, unique, "OU=Staff,DC=x", "", rec.Key); err == nil && !taken {
			names.Reserve(attribute, value, unique, "OU=Staff,DC=x", rec.Key)
			add(attribute, value)
		}
	}
	if named && numbered {
		login := ident.AccountName(strings.ToLower(plainASCII(plainLeft(plainFirst(name), 3) + number)))
		if ident.AccountNameFault(login) == "" {
			addFree("sAMAccountName", login, UniqueDomain)
		}
		addFree("mail", strings.ToLower(plainASCII(plainFirst(name)))+"."+strings.ToLower(number)+"@"+strings.ToLower("Example.com"), UniqueForest)
	}
	if !employed {
		job = "none"
	}
	add("title", plainLeft(text.Trim(plainTitle(strings.ToLower(job))), 64))
	if placed {
		of, known := departments[strings.ToLower(text.Trim(department))]
		if !known {
			of = "None"
		}
		add("department", strings.ToUpper(text.Trim(of)))
	}
	if reachable {
		add("telephoneNumber", "+"+plainLeft(plainDigits(strings.ReplaceAll(text.Trim(plainUnspaced(phone)), "(0)", "")), 15))
	}
	if employed {
		if words := strings.Fields(text.Trim(job)); len(words) > 0 {
			add("employeeType", plainLeft(strings.ToUpper(plainASCII(words[0])), 10))
		}
	}
	slices.SortFunc(out, func(a, b ident.DesiredAttribute) int { return text.Compare(a.Name, b.Name) })
	return out
}

func plainFirst(s string) string {
	s = text.Trim(s)
	if end := strings.IndexFunc(s, unicode.IsSpace); end >= 0 {
		return s[:end]
	}
	return s
}

func plainLast(s string) string {
	s = text.Trim(s)
	if space := strings.LastIndexFunc(s, unicode.IsSpace); space >= 0 {
		_, size := utf8.DecodeRuneInString(s[space:])
		return s[space+size:]
	}
	return s
}

func plainLeft(s string, n int) string {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		at += text.First(s[at:])
	}
	return s[:at]
}

func plainTitle(s string) string {
	var b strings.Builder
	inWord := false
	for _, r := range s {
		if inWord {
			b.WriteRune(unicode.ToLower(r))
		} else {
			b.WriteRune(unicode.ToTitle(r))
		}
		inWord = unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
	}
	return b.String()
}

// plainASCII knows the letters of somePeople only.
func plainASCII(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'Ł':
			return 'L'
		case 'Å':
			return 'A'
		case 'ö':
			return 'o'
		case 'ü':
			return 'u'
		}
		return r
	}, s)
}

func plainUnspaced(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || text.Invisible(r) {
			return -1
		}
		return r
	}, s)
}

func plainDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
