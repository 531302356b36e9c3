package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// Message is a mail, rendered: HTML is escaped already.
type Message struct {
	// Key is the same each time that the same mail is handed over, and no other
	// mail has it. Message-ID is made of it, so that a mail that arrives twice
	// can be told from two mails.
	Key     string
	To, Cc  []string // one address each, with or without a name
	Subject string
	Text    string
	HTML    string
}

// Bounds of what a server must take by RFC 5321, and of what fits into a header.
const (
	maxRecipients = 100
	maxSubject    = 1000 // bytes
	maxLocal      = 64   // bytes, of the part before @
	maxAddress    = 254  // bytes
)

// address parses one address by RFC 5322. Of what that allows before the @,
// quoted texts are refused: they may hold blanks and angle brackets, which the
// commands of SMTP are made of.
func address(text string) (*netmail.Address, error) {
	if err := oneLine(text); err != nil {
		return nil, err
	}
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("the address is empty")
	}
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not one mail address: %s", short(text), strings.TrimPrefix(err.Error(), "mail: "))
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	switch {
	case strings.ContainsFunc(local, special) || strings.ContainsFunc(domain, special):
		return nil, fmt.Errorf("%q has characters that no mailbox needs", short(text))
	case !ascii(a.Address):
		return nil, fmt.Errorf("%q has letters beyond ASCII, which few servers deliver to", short(text))
	case len(local) > maxLocal || len(a.Address) > maxAddress:
		return nil, fmt.Errorf("%q is longer than an address may be", short(text))
	}
	return a, oneLine(a.Name) // an encoded name may hold what its text does not
}

// special reports whether a character has a meaning in headers or commands.
func special(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>(),;:"\@`, r)
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

// oneLine refuses what could end a header and begin another one, and what no
// header can carry.
func oneLine(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("it is not UTF-8")
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("it has a line break or control character (%U)", r)
		}
	}
	return nil
}

// short keeps an error readable, whatever a template made.
func short(text string) string {
	const most = 100
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}

// envelope is a message with its addresses parsed.
type envelope struct {
	to, cc []*netmail.Address
}

// recipients are the addresses for the server, each once.
func (e envelope) recipients() []string {
	var out []string
	seen := map[string]bool{}
	for _, list := range [][]*netmail.Address{e.to, e.cc} {
		for _, a := range list {
			if !seen[a.Address] {
				seen[a.Address] = true
				out = append(out, a.Address)
			}
		}
	}
	return out
}

// check parses the addresses and refuses what is no mail.
func (m Message) check() (envelope, error) {
	var e envelope
	var err error
	refuse := func(member string, err error, next string) (envelope, error) {
		return envelope{}, &Error{Op: OpMessage, Err: fmt.Errorf("%s: %w", member, err), Next: next}
	}
	for _, l := range []struct {
		name  string
		texts []string
		into  *[]*netmail.Address
	}{{"to", m.To, &e.to}, {"cc", m.Cc, &e.cc}} {
		for i, text := range l.texts {
			var a *netmail.Address
			if a, err = address(text); err != nil {
				return refuse(fmt.Sprintf("%s[%d]", l.name, i), err,
					"correct the address where it comes from, or the template; each item of the list is one address")
			}
			*l.into = append(*l.into, a)
		}
	}
	switch {
	case len(e.to) == 0:
		return refuse("to", errors.New("the mail goes to nobody"), "let the template yield an address, or skip the step with `if`")
	case len(e.to)+len(e.cc) > maxRecipients:
		return refuse("to", fmt.Errorf("more than %d recipients", maxRecipients), "write to a distribution list")
	case len(m.Subject) > maxSubject:
		return refuse("subject", fmt.Errorf("it has more than %d bytes", maxSubject), "shorten it, for example with left()")
	case m.Text == "" && m.HTML == "":
		return refuse("text", errors.New("the mail has no content"), "write text or html")
	case m.Key == "":
		return refuse("key", errors.New("it is empty, so that a repeated mail could not be told"), "report this: it is a mistake of rollcall")
	case !utf8.ValidString(m.Text) || !utf8.ValidString(m.HTML):
		return refuse("text", errors.New("it is not UTF-8"), "correct the value in the template that is no text")
	}
	if err := oneLine(m.Subject); err != nil {
		return refuse("subject", err, "take the line break out of the value, or out of the template")
	}
	return e, nil
}

// messageID is made of the key and the sender's domain.
func messageID(key string, from *netmail.Address) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + from.Address[strings.LastIndexByte(from.Address, '@'):]
}

// build makes the mail. Its bodies are quoted-printable, so that 8-bit letters
// and long lines pass every server.
func (m Message) build(from *netmail.Address, e envelope) *gomail.Msg {
	out := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	out.FromMailAddress(from)
	out.ToMailAddress(e.to...)
	if len(e.cc) > 0 {
		out.CcMailAddress(e.cc...)
	}
	out.Subject(m.Subject)
	out.SetMessageIDWithValue(messageID(m.Key, from))
	out.SetDateWithValue(time.Now())
	out.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no automatic answer is wanted
	switch {
	case m.HTML == "":
		out.SetBodyString(gomail.TypeTextPlain, m.Text)
	case m.Text == "":
		out.SetBodyString(gomail.TypeTextHTML, m.HTML)
	default:
		out.SetBodyString(gomail.TypeTextPlain, m.Text)
		out.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return out
}
