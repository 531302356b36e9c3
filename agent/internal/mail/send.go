package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/rollcall-agent/rollcall/agent/internal/localfile"
)

// Sent is what the server said when it took a mail.
type Sent struct {
	MessageID string // without angle brackets
	Reply     string // such as "2.0.0 Ok: queued as 4F2A"
}

// Send hands one mail to the server and returns when the server has taken it.
// It goes to all recipients or to none: when the server refuses one of them,
// nothing is sent. ctx, or the time limit, ends it at any point. Its error is an
// *Error.
func (c *Client) Send(ctx context.Context, m Message) (Sent, error) {
	e, err := m.check()
	if err != nil {
		return Sent{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.settings.Timeout, fmt.Errorf("no answer within %s", c.settings.Timeout))
	defer cancel()
	d := dialogue{client: c, ctx: ctx, recipients: e.recipients()}
	session, err := d.connect()
	if err != nil {
		return Sent{}, err
	}
	defer session.Close() //nolint:errcheck // what counts has been answered, or its error is told
	msg := m.build(c.from, e)
	if err := d.envelope(session); err != nil {
		return Sent{}, err
	}
	reply, err := d.content(session, msg)
	if err != nil {
		return Sent{}, err
	}
	_ = session.Quit() // the mail is taken, whatever the server says to that
	return Sent{MessageID: messageID(m.Key, c.from), Reply: c.harmless(reply)}, nil
}

// dialogue is the talk with the server about one mail.
type dialogue struct {
	client     *Client
	ctx        context.Context //nolint:containedctx // of this one call
	recipients []string
}

// connect goes as far as the login.
func (d dialogue) connect() (*smtp.Client, error) {
	library, err := d.client.library(d.ctx)
	if err != nil {
		return nil, d.failed(OpConnect, err)
	}
	session, err := library.DialToSMTPClientWithContext(d.ctx)
	if err == nil {
		return session, nil
	}
	op := OpConnect
	// The library tells a failed login only by this text.
	if text := err.Error(); strings.Contains(text, "SMTP AUTH") {
		op = OpLogin
	}
	return nil, d.failed(op, err)
}

// envelope offers the sender and the recipients. It asks about each recipient,
// so that the error names all who were refused.
func (d dialogue) envelope(s *smtp.Client) error {
	if err := s.Mail("<" + d.client.from.Address + ">"); err != nil {
		return d.failed(OpSender, err)
	}
	var refused []string
	var causes []error
	worst := 0
	for _, r := range d.recipients {
		err := s.Rcpt("<" + r + ">")
		if err == nil {
			continue
		}
		code := replyCode(err)
		if code == 0 {
			return d.failed(OpRecipient, err)
		}
		worst = max(worst, code)
		refused = append(refused, r)
		causes = append(causes, err)
	}
	if len(refused) == 0 {
		return nil
	}
	_ = s.Quit() // the refusal is what is told
	e := d.failed(OpRecipient, errors.Join(causes...))
	e.Recipients, e.Code, e.temporary = refused, worst, worst < 500
	e.Next = next(OpRecipient, worst, nil)
	return e
}

// content hands over the mail. Once its end is on the way, a lost answer leaves
// open whether the server has it.
func (d dialogue) content(s *smtp.Client, msg *gomail.Msg) (string, error) {
	w, err := s.Data()
	if err != nil {
		return "", d.failed(OpContent, err)
	}
	if _, err := msg.WriteTo(w); err != nil {
		return "", d.failed(OpContent, err)
	}
	if err := w.Close(); err != nil {
		e := d.failed(OpContent, err)
		e.Sent = e.Code == 0
		return "", e
	}
	if taken, ok := w.(interface{ ServerResponse() string }); ok {
		return taken.ServerResponse(), nil
	}
	return "", nil
}

// failed makes the error of a step. Without a reply of the server it may pass
// later, unless a file of this machine is at fault.
func (d dialogue) failed(op Op, err error) *Error {
	e := &Error{Op: op, Server: d.client.server(), Recipients: d.recipients, Code: replyCode(err), temporary: true}
	var local *localfile.Error
	switch {
	case d.ctx.Err() != nil:
		e.Code = 0
		err = context.Cause(d.ctx)
	case errors.As(err, &local):
		e.Err, e.temporary = err, false // its text has the next step
		return e
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("the server closed the connection: %w", err)
	case op == OpLogin && e.Code == 0, e.Code >= 500:
		e.temporary = false
	}
	e.Err = &said{text: d.client.harmless(err.Error()), err: err}
	e.Next = next(op, e.Code, err)
	return e
}

// said is an error with a text of ours: replies of servers are data.
type said struct {
	text string
	err  error
}

func (s *said) Error() string { return s.text }
func (s *said) Unwrap() error { return s.err }

// harmless takes the password out of a server's text, whichever way it was sent,
// and what would break a line of a log.
func (c *Client) harmless(text string) string {
	if p := c.settings.Password; p != "" {
		quoted := strconv.Quote(p)
		for _, form := range []string{
			p, quoted[1 : len(quoted)-1], base64.StdEncoding.EncodeToString([]byte(p)),
			base64.StdEncoding.EncodeToString([]byte("\x00" + c.settings.Username + "\x00" + p)),
		} {
			text = strings.ReplaceAll(text, form, "[redacted]")
		}
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), unicode.IsControl), " ")
	const most = 500
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}

// replyCode returns the code of the server's reply that an error holds.
func replyCode(err error) int {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

// next says what the operator can do.
func next(op Op, code int, err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled):
		return "send it again"
	case errors.As(err, &authority):
		return "let ca_file of [mail] name the certificate of the authority that issued the server's"
	case errors.As(err, &name):
		return "let url of [mail] name the server as its certificate does"
	case errors.As(err, &certificate):
		return "have the server's certificate renewed, or look at this machine's clock"
	case code >= 400 && code < 500:
		return "the server wants it later; it is tried again while the step has attempts"
	case op == OpLogin:
		return "correct username and password of [mail], or ask the administrator of the server whether this account may send"
	case op == OpConnect && err != nil && strings.Contains(err.Error(), "STARTTLS"):
		return "use smtps:// if the server has a port for it, or have STARTTLS switched on there: without it nothing is sent"
	case op == OpSender:
		return "let from of [mail] name an address as which the server lets this account send"
	case op == OpRecipient && code >= 500:
		return "correct the address where it comes from, then resume the orchestration; nobody got the mail"
	case op == OpContent && code >= 500:
		return "look at subject, size and content: the server refuses this mail"
	}
	return "see whether url of [mail] is right and the server can be reached from here"
}
