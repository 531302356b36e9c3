package abi

import (
	"strconv"
	"strings"
)

// Number is a decimal number of any size, exactly as JSON spelled it. Numbers
// are compared without being written out, so that 1e999999999 costs nothing.
// The zero Number is 0.
type Number struct {
	negative bool
	digits   string // without zeros at either end; "" is 0
	point    int64  // the value is 0.DIGITS * 10^point
}

// maxExponentDigits keeps exponents, and sums with them, within int64.
const maxExponentDigits = 17

// maxZeros is how many zeros a number may have beside its digits before String
// writes an exponent instead.
const maxZeros = 40

// ParseNumber reads a JSON number (RFC 8259 section 6). It reports false for
// any other text, such as 012, and for an exponent of more than 17 digits.
func ParseNumber(s string) (Number, bool) {
	var n Number
	s, n.negative = strings.CutPrefix(s, "-")
	whole, rest := leadingDigits(s)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return Number{}, false
	}
	fraction := ""
	if after, ok := strings.CutPrefix(rest, "."); ok {
		if fraction, rest = leadingDigits(after); fraction == "" {
			return Number{}, false
		}
	}
	exponent, ok := parseExponent(rest)
	if !ok {
		return Number{}, false
	}
	n.point = int64(len(whole)) + exponent
	digits := strings.TrimLeft(whole+fraction, "0")
	n.point -= int64(len(whole) + len(fraction) - len(digits))
	if n.digits = strings.TrimRight(digits, "0"); n.digits == "" {
		return Number{}, true
	}
	return n, true
}

func leadingDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

// parseExponent reads e+12 or nothing at all.
func parseExponent(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	digits, rest := leadingDigits(s)
	if digits == "" || rest != "" {
		return 0, false
	}
	if digits = strings.TrimLeft(digits, "0"); len(digits) > maxExponentDigits {
		return 0, false
	}
	n, _ := strconv.ParseInt("0"+digits, 10, 64)
	if negative {
		n = -n
	}
	return n, true
}

// String returns the one spelling that equal numbers share: 12 for 12.0 and
// 1.2e1, 0.5 for 0.50, 0 for -0. A number that would need more than 40 zeros
// beside its digits is written with an exponent: 1e300, 1.5e-60.
func (n Number) String() string {
	if n.digits == "" {
		return "0"
	}
	sign := ""
	if n.negative {
		sign = "-"
	}
	size := int64(len(n.digits))
	switch {
	case n.point > size+maxZeros || n.point < -maxZeros:
		s := sign + n.digits[:1]
		if size > 1 {
			s += "." + n.digits[1:]
		}
		return s + "e" + strconv.FormatInt(n.point-1, 10)
	case n.point >= size:
		return sign + n.digits + strings.Repeat("0", int(n.point-size))
	case n.point > 0:
		return sign + n.digits[:n.point] + "." + n.digits[n.point:]
	}
	return sign + "0." + strings.Repeat("0", int(-n.point)) + n.digits
}

// Compare returns -1, 0 or 1 when n is less than, equal to or greater than
// other.
func (n Number) Compare(other Number) int {
	a, b := n.sign(), other.sign()
	switch {
	case a != b:
		return sign(a < b)
	case a == 0:
		return 0
	case n.point != other.point:
		return a * sign(n.point < other.point)
	}
	return a * strings.Compare(n.digits, other.digits)
}

func (n Number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.negative:
		return -1
	}
	return 1
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// NumberKey returns the primary key that a JSON number stands for. Equal
// numbers are one key: 12, 12.0 and 1.2e1 are the key 12. A connector that
// passes a number as a key to emit_deleted or attach must spell it this way.
func NumberKey(s string) (string, bool) {
	n, ok := ParseNumber(s)
	if !ok {
		return "", false
	}
	return n.String(), true
}
