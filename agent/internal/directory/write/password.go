package write

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// These are the classes of characters of a password, without characters that
// look alike on paper.
const (
	lowerLetters = "abcdefghijkmnopqrstuvwxyz"
	upperLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits       = "23456789"
	symbols      = "!#%+-./:=?@_~"
)

// minPassword is the length of the shortest password that GeneratePassword
// makes.
const minPassword = 12

// GeneratePassword makes a password of that many characters, at least 12, with
// lower and upper case letters, digits and symbols. Every password with all
// four is equally likely.
func GeneratePassword(length int) ([]byte, error) {
	if length < minPassword {
		return nil, fmt.Errorf("generate password: length %d is below %d", length, minPassword)
	}
	const alphabet = lowerLetters + upperLetters + digits + symbols
	password := make([]byte, length)
	for {
		for i := range password {
			n, err := uniform(len(alphabet))
			if err != nil {
				return nil, fmt.Errorf("generate password: %w", err)
			}
			password[i] = alphabet[n]
		}
		if hasAll(password, lowerLetters, upperLetters, digits, symbols) {
			return password, nil
		}
	}
}

func hasAll(password []byte, classes ...string) bool {
	for _, class := range classes {
		if !bytes.ContainsAny(password, class) {
			return false
		}
	}
	return true
}

// uniform returns a number from 0 to n-1, each equally likely; n is at most
// 256.
func uniform(n int) (int, error) {
	limit := 256 - 256%n
	for b := make([]byte, 1); ; {
		if _, err := rand.Read(b); err != nil {
			return 0, err
		}
		if v := int(b[0]); v < limit {
			return v % n, nil
		}
	}
}

// unicodePwd encodes a password for AD: in quotes, UTF-16LE (MS-ADTS section
// 3.1.1.3.1.5.1).
func unicodePwd(password []byte) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(`"` + string(password) + `"`)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

// logons are the attributes that show that somebody has logged on.
var logons = []string{"lastLogon", "lastLogonTimestamp", "logonCount"}

// RenewInitial gives an account another initial password. It is for an account
// whose initial password is lost, and refuses one that somebody has logged on
// with: that person knows a password. Errors are *Error.
func (w *Writer) RenewInitial(ctx context.Context, guid ident.GUID, initial Initial) error {
	e, err := w.account(ctx, ident.ClassUpdate, guid, logons...)
	if err != nil {
		return err
	}
	for _, name := range logons {
		if v := e.Attributes.First(name); v != "" && v != "0" {
			return &Error{
				Kind: Stale, Op: ident.ClassUpdate, DN: e.DN, Attribute: "unicodePwd",
				Cause: "somebody has logged on with it (" + name + " is " + v + "), and so knows a password",
				Next:  "set another password by hand if that person does not",
			}
		}
	}
	mods := []conn.Mod{{Kind: conn.ReplaceValues, Attribute: "unicodePwd", Values: []string{unicodePwd(initial.Password)}}}
	if initial.MustChange {
		mods = append(mods, conn.Mod{Kind: conn.ReplaceValues, Attribute: "pwdLastSet", Values: []string{"0"}})
	}
	if err := w.dir.Modify(ctx, conn.ByDN(e.DN), mods, false); err != nil {
		return w.fail(ident.ClassUpdate, e.DN, err)
	}
	return nil
}
