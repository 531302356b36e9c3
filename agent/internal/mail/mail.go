// Package mail hands one mail to an SMTP server. It checks that a rendered text
// can become neither a header nor a command of SMTP, and says of each failure
// whether another try may succeed and whether the mail may have been taken.
//
// It keeps no queue, tries nothing again and renders nothing: package dispatch
// does that.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/rollcall-agent/rollcall/agent/internal/localfile"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Settings is the server and the account there.
type Settings struct {
	URL      string // smtps://host:port, or smtp://host:port for STARTTLS
	From     string // "rollcall@example.com" or "Rollcall <rollcall@example.com>"
	Username string // "": without login
	Password string
	CAFile   string        // "": the system's authorities
	Timeout  time.Duration // of one mail; 0 means DefaultTimeout
}

// DefaultTimeout is how long one mail may take. Servers that look at content
// answer late; RFC 5321 has them answer within ten minutes at most.
const DefaultTimeout = 2 * time.Minute

// Client hands mails to one server. It may be used by several goroutines; each
// mail has a connection of its own.
type Client struct {
	settings Settings
	from     *netmail.Address
	host     string
	port     int
	mode     mode
}

// mode is how the connection is encrypted.
type mode int

const (
	modeStartTLS mode = iota
	modeTLS
	modePlain // within this machine only
)

// The ports of submission, when the URL names none.
const (
	portStartTLS = 587
	portTLS      = 465
)

// New checks the settings and connects to nothing. A connection is always
// encrypted, except smtp:// to a loopback address without a CA file: nobody is in
// between there, and the certificate of such a server rarely names it.
func New(s Settings) (*Client, error) {
	c := &Client{settings: s, mode: modeStartTLS, port: portStartTLS}
	if c.settings.Timeout <= 0 {
		c.settings.Timeout = DefaultTimeout
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.User != nil { // the text is not repeated: it may hold a password
		return nil, wrongSettings("url", "it is no URL, or it holds a user", "write url like smtps://mail.example.com:465")
	}
	c.host = u.Hostname()
	switch {
	case c.host == "" || u.Opaque != "" || u.Scheme != "smtp" && u.Scheme != "smtps":
		return nil, wrongSettings("url", fmt.Sprintf("%q is not smtp:// or smtps:// with a host", s.URL),
			"write url like smtps://mail.example.com:465")
	case u.Scheme == "smtps":
		c.mode, c.port = modeTLS, portTLS
	case abi.Loopback(c.host) && s.CAFile == "":
		c.mode = modePlain
	}
	if text := u.Port(); text != "" {
		if c.port, err = strconv.Atoi(text); err != nil || c.port < 1 || c.port > 65535 {
			return nil, wrongSettings("url", fmt.Sprintf("the port %s does not exist", text), "name the port of the server, mostly 465 or 587")
		}
	}
	if c.from, err = address(s.From); err != nil {
		return nil, wrongSettings("from", err.Error(), `write from like "rollcall@example.com"`)
	}
	if (s.Username == "") != (s.Password == "") {
		return nil, wrongSettings("username", "username and password go together", "set both, or neither for a server without login")
	}
	return c, nil
}

func wrongSettings(key, what, next string) error {
	return &Error{Op: OpSettings, Err: fmt.Errorf("[mail] %s: %s", key, what), Next: next}
}

// server names the server as the configuration does.
func (c *Client) server() string {
	scheme := "smtp"
	if c.mode == modeTLS {
		scheme = "smtps"
	}
	return scheme + "://" + net.JoinHostPort(c.host, strconv.Itoa(c.port))
}

func (c *Client) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: c.host, MinVersion: tls.VersionTLS12}
	if c.settings.CAFile == "" {
		return config, nil
	}
	roots, err := localfile.Authorities(c.settings.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	config.RootCAs = roots
	return config, nil
}

// dialer returns the connection to the server, which ends with ctx: the library
// looks at the context while it connects only.
func (c *Client) dialer(ctx context.Context, config *tls.Config) gomail.DialContextFunc {
	return func(dialing context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(dialing, network, addr)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		if c.mode != modeTLS {
			return conn, nil
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(dialing); err != nil {
			stop()
			return nil, errors.Join(err, conn.Close())
		}
		return secure, nil
	}
}

// library makes the client of the library, which does the dialogue up to the
// login.
func (c *Client) library(ctx context.Context) (*gomail.Client, error) {
	config, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	policy := gomail.NoTLS
	options := []gomail.Option{
		gomail.WithPort(c.port), gomail.WithTimeout(c.settings.Timeout), gomail.WithTLSConfig(config),
		gomail.WithDialContextFunc(c.dialer(ctx, config)), gomail.WithoutSMTPUTF8(),
	}
	if c.mode == modeStartTLS {
		policy = gomail.TLSMandatory
	}
	options = append(options, gomail.WithTLSPolicy(policy))
	if c.settings.Username != "" {
		plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin
		if c.mode == modePlain {
			plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
		}
		options = append(options, gomail.WithUsername(c.settings.Username), gomail.WithPassword(c.settings.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, plain, login, gomail.SMTPAuthCramMD5))
	}
	return gomail.NewClient(c.host, options...)
}
