package mail

import (
	"fmt"
	"strings"
)

// Op is what was being done when a mail failed.
type Op string

// The steps of handing a mail over.
const (
	OpSettings  Op = "settings"      // what the configuration says
	OpMessage   Op = "write a mail"  // what the templates made
	OpConnect   Op = "connect"       // TCP, TLS and greeting
	OpLogin     Op = "log in"        // refused credentials are here
	OpSender    Op = "send as"       // the server does not take mails from this sender
	OpRecipient Op = "send to"       // it does not take a recipient
	OpContent   Op = "hand the mail" // it does not take the content
)

// Error says why a mail was not handed over. It never contains the password.
type Error struct {
	Op         Op
	Server     string   // "smtps://mail.example.com:465"
	Recipients []string // whom the failure is about: those who were refused, or all
	Code       int      // of the server's reply; 0 without one
	Err        error
	Next       string // the operator's next step
	// Sent says that the server may have taken the mail. It is sent again under
	// the same Message-ID.
	Sent bool

	temporary bool
}

// Error names the server, the recipients, the cause and the next step.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Op))
	if len(e.Recipients) > 0 && e.Op != OpRecipient {
		fmt.Fprintf(&b, " for %s", someOf(e.Recipients))
	} else if len(e.Recipients) > 0 {
		fmt.Fprintf(&b, " %s", someOf(e.Recipients))
	}
	if e.Server != "" {
		fmt.Fprintf(&b, " at %s", e.Server)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.Sent {
		b.WriteString(" (the server may have taken the mail)")
	}
	if e.Next != "" {
		fmt.Fprintf(&b, "; next: %s", e.Next)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same mail may pass later: the network failed or
// the server said so (4xx). After 5xx somebody must correct something first.
func (e *Error) Temporary() bool { return e.temporary }

// someOf lists a few of many.
func someOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
