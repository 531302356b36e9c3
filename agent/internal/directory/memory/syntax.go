package memory

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// check converts a value to the stored form, or refuses it. References are
// looked up elsewhere.
func (a *attributeRule) check(v string) (string, error) {
	if v == "" {
		return "", badValue(a.name)
	}
	ok := true
	switch a.syntax {
	case "2.5.5.8":
		ok = v == "TRUE" || v == "FALSE"
	case "2.5.5.9":
		n, err := strconv.ParseInt(v, 0, 64)
		if err == nil {
			v = strconv.FormatInt(int64(int32(n)), 10)
		}
		ok = err == nil && a.within(int(n))
	case "2.5.5.16":
		_, err := strconv.ParseInt(v, 10, 64)
		ok = err == nil
	case "2.5.5.11":
		_, err := time.Parse("20060102150405.0Z", v)
		ok = err == nil
	case "2.5.5.12":
		ok = utf8.ValidString(v) && a.within(text.Units(v))
	case syntaxBytes, "2.5.5.3", "2.5.5.4", "2.5.5.5", "2.5.5.6":
		ok = a.within(len(v))
	}
	if !ok {
		return "", badValue(a.name)
	}
	return v, nil
}

func (a *attributeRule) within(n int) bool {
	return (a.lower == nil || n >= *a.lower) && (a.upper == nil || n <= *a.upper)
}

// same reports whether two values of the attribute are equal.
func (a *attributeRule) same(x, y string) bool { return x == y || a.fold(x) == a.fold(y) }

// fold converts a value to the form that is compared.
func (a *attributeRule) fold(v string) string {
	switch a.syntax {
	case "2.5.5.12", "2.5.5.4", "2.5.5.6", "2.5.5.2":
		if utf8.ValidString(v) {
			return fold(v)
		}
	case "2.5.5.8":
		return strings.ToUpper(v)
	}
	return v
}
